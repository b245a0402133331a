//! Code of the application runs without a lock of this crate: another thread uses the list during
//! each event, metric and panic.

use tokio::runtime::Builder;
use tower_m2m::Denylist;
use tower_m2m::testing::MemoryStore;

use super::other_thread::{OtherThread, without_blocking};
use super::paused_runtime::paused_runtime;
use super::subscriber::set_subscriber;
use super::support::{Replica, issuer, settle};

/// The other thread reads the status of a list whose store does not accept a write.
#[test]
fn failed_write_is_reported_without_a_lock() {
    without_blocking(|| {
        let other = OtherThread::default();
        let _guard = set_subscriber(other.clone());
        paused_runtime().block_on(async {
            let (issuer, store) = (issuer(), MemoryStore::new());
            let replica = Replica::new(&issuer, store.clone());
            settle().await;
            let denylist = replica.denylist.clone();
            other.calls(move || {
                denylist.replication_status().unwrap();
            });
            store.set_down();
            assert!(replica.deny("org_a").await.is_err());
            assert!(other.has_seen("denylist write failed"));
        });
    });
}

/// The same, if the store has more entries than the list may have.
#[test]
fn full_list_is_reported_without_a_lock() {
    without_blocking(|| {
        let other = OtherThread::default();
        let _guard = set_subscriber(other.clone());
        #[cfg(feature = "metrics")]
        let _recording = metrics::set_default_local_recorder(&other);
        paused_runtime().block_on(async {
            let (issuer, store) = (issuer(), MemoryStore::new());
            let large = Replica::new(&issuer, store.clone());
            settle().await;
            large.deny("org_a").await.unwrap();
            large.deny("org_b").await.unwrap();
            let denylist = Denylist::replicated_with_capacity(store.clone(), 1);
            let small = Replica::with(&issuer, denylist.clone(), |builder| builder);
            other.calls(move || {
                denylist.replication_status().unwrap();
            });
            settle().await;
            assert!(small.status().is_incomplete);
            assert!(other.has_seen("denylist full"));
            #[cfg(feature = "metrics")]
            assert!(other.has_seen("tower_m2m_denylist_records_ignored"));
        });
    });
}

/// The start of the tasks sets metrics. The recorder finds out whether the service is ready.
#[cfg(feature = "metrics")]
#[test]
fn start_is_reported_without_a_lock() {
    without_blocking(|| {
        let other = OtherThread::default();
        let _recording = metrics::set_default_local_recorder(&other);
        let (issuer, store) = (issuer(), MemoryStore::new());
        // Without a runtime, the tasks do not start.
        let replica = Replica::new(&issuer, store);
        let verifier = replica.verifier.clone();
        other.calls(move || {
            let _ = verifier.is_ready();
        });
        paused_runtime().block_on(async {
            assert!(!replica.verifier.is_ready());
            settle().await;
            assert!(replica.verifier.is_ready());
        });
        assert!(other.has_seen("tower_m2m_denylist_pending_writes"));
    });
}

/// On a runtime without timers, each look for timers panics inside, and the panic hook of the
/// application runs.
#[test]
fn panic_hook_runs_without_a_lock() {
    without_blocking(|| {
        let other = OtherThread::default();
        let (issuer, store) = (issuer(), MemoryStore::new());
        let replica = Replica::new(&issuer, store);
        let verifier = replica.verifier.clone();
        other.calls(move || assert!(!verifier.is_ready()));
        let without_timers = Builder::new_current_thread().build().unwrap();
        other.during_panics(|| {
            without_timers.block_on(async { assert!(!replica.verifier.is_ready()) });
        });
        assert!(other.has_seen("panic"));
    });
}
