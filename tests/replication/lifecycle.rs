//! The start and the end of a replication.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tower_m2m::testing::MemoryStore;
use tower_m2m::{
    BoxError, Denylist, DenylistChanges, DenylistRecord, DenylistStore, EntryExpiry, RecordKey,
    ReplicationError, StartError, StoreCursor,
};

use super::paused_runtime::paused_runtime;
use super::support::{Replica, issuer, organization, record, seconds, settle};

/// Rule 185.
#[tokio::test(start_paused = true)]
async fn unreachable_store_at_start_is_no_empty_list() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    store.put(record("org_a")).await.unwrap();
    store.set_down();
    let one = Replica::new(&issuer, store.clone());
    for _ in 0..3 {
        assert_eq!(one.call(&issuer, "org_a").await, "denylist_unavailable");
        assert_eq!(one.call(&issuer, "org_b").await, "denylist_unavailable");
        assert!(!one.verifier.is_ready());
        seconds(40).await;
    }
    assert!(one.status().last_error.unwrap().contains("down"));
    let builder = Replica::builder(&issuer, Denylist::replicated(store.clone()));
    let error = builder.build_ready().await.unwrap_err();
    assert!(matches!(error, StartError::DenylistLoad { .. }), "{error}");
    store.set_up();
    seconds(40).await;
    assert!(one.verifier.is_ready());
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    assert_eq!(one.call(&issuer, "org_b").await, "ok");
    let builder = Replica::builder(&issuer, Denylist::replicated(store));
    assert!(builder.build_ready().await.unwrap().is_ready());
}

/// Rule 186.
#[tokio::test(start_paused = true)]
async fn no_request_waits_for_the_store() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    store.set_silent();
    let one = Replica::new(&issuer, store.clone());
    settle().await;
    let begun = Instant::now();
    assert_eq!(one.call(&issuer, "org_a").await, "denylist_unavailable");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    store.set_up();
    settle().await;
    store.set_silent();
    let begun = Instant::now();
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

/// A store whose connections are counted.
#[derive(Clone)]
struct Counted {
    store: MemoryStore,
    connections: Arc<AtomicUsize>,
    panics: Arc<AtomicUsize>,
}

struct Connection(Arc<AtomicUsize>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counted {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            connections: Arc::default(),
            panics: Arc::default(),
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl DenylistStore for Counted {
    async fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        let panics = self.panics.load(Ordering::Relaxed);
        self.panics
            .store(panics.saturating_sub(1), Ordering::Relaxed);
        assert_eq!(panics, 0, "intended");
        self.connections.fetch_add(1, Ordering::Relaxed);
        let _connection = Connection(Arc::clone(&self.connections));
        self.store.follow(from, changes).await
    }

    async fn put(&self, record: DenylistRecord) -> Result<(), BoxError> {
        self.store.put(record).await
    }

    async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
        self.store.remove(key).await
    }
}

/// Rule 199.
#[tokio::test(start_paused = true)]
async fn replication_ends_with_the_last_verifier() {
    let (issuer, store) = (issuer(), Counted::new());
    let denylist = Denylist::replicated(store.clone());
    settle().await;
    assert_eq!(store.connections(), 0, "no verifier uses the list");
    let one = Replica::with(&issuer, denylist.clone(), |builder| builder);
    let two = Replica::with(&issuer, denylist.clone(), |builder| builder);
    settle().await;
    assert_eq!(store.connections(), 1, "two verifiers share one task");
    assert!(one.deny("org_a").await.is_ok());
    drop(one);
    settle().await;
    assert_eq!(store.connections(), 1);
    drop(two);
    settle().await;
    assert_eq!(store.connections(), 0);
    let denied = denylist.deny_on_all_replicas(organization("org_b"), EntryExpiry::Never);
    let error = denied.await.unwrap_err();
    assert!(
        matches!(error, ReplicationError::NotReplicated(_)),
        "{error}"
    );
    let three = Replica::with(&issuer, denylist, |builder| builder);
    settle().await;
    assert_eq!(store.connections(), 1);
    assert_eq!(three.call(&issuer, "org_a").await, "suspended");
    assert_eq!(store.store.len(), 2, "the write was not lost");
}

#[tokio::test(start_paused = true)]
async fn store_that_panics_is_called_again() {
    let (issuer, store) = (issuer(), Counted::new());
    store.panics.store(2, Ordering::Relaxed);
    let one = Replica::new(&issuer, store.clone());
    settle().await;
    assert_eq!(one.call(&issuer, "org_a").await, "denylist_unavailable");
    seconds(2).await;
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
}

/// A runtime that stops takes the tasks with it. The next request starts them again.
#[test]
fn replication_continues_in_another_runtime() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (issuer, store) = (issuer(), Counted::new());
    let first = runtime();
    let one = first.block_on(async {
        let one = Replica::new(&issuer, store.clone());
        settle().await;
        assert_eq!(one.call(&issuer, "org_a").await, "ok");
        one
    });
    drop(first);
    assert_eq!(store.connections(), 0);
    runtime().block_on(async {
        // Another second of the wall clock, in which the list is compared again.
        one.clock.advance(Duration::from_secs(1));
        assert_eq!(one.call(&issuer, "org_a").await, "ok");
        one.deny("org_a").await.unwrap();
        assert_eq!(store.connections(), 1);
    });
}

/// The tasks ended with their runtime while the list is usable. Requests start them again.
#[test]
fn ended_tasks_start_again_although_the_list_is_usable() {
    let (issuer, store) = (issuer(), Counted::new());
    let first = paused_runtime();
    let one = first.block_on(async {
        let one = Replica::new(&issuer, store.clone());
        settle().await;
        one
    });
    drop(first);
    paused_runtime().block_on(async {
        store.put(record("org_a")).await.unwrap();
        one.clock.advance(Duration::from_secs(1));
        assert_eq!(one.call(&issuer, "org_b").await, "ok");
        settle().await;
        assert_eq!(store.connections(), 1);
        assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    });
}

/// A failed start does not decide about the next one.
#[tokio::test(start_paused = true)]
async fn build_ready_succeeds_after_a_failure_with_the_same_list() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let denylist = Denylist::replicated(store.clone());
    store.set_down();
    let builder = Replica::builder(&issuer, denylist.clone());
    assert!(builder.build_ready().await.is_err());
    store.set_up();
    let builder = Replica::builder(&issuer, denylist);
    assert!(builder.build_ready().await.unwrap().is_ready());
}

/// A denial does not wait for the earlier writes of this replica.
#[tokio::test(start_paused = true)]
async fn denial_waits_five_seconds_for_a_silent_store() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    settle().await;
    store.set_silent();
    let begun = Instant::now();
    let denials = (0..200).map(|number| {
        let (denylist, entry) = (one.denylist.clone(), organization(&format!("org_{number}")));
        tokio::spawn(async move {
            denylist
                .deny_on_all_replicas(entry, EntryExpiry::Never)
                .await
        })
    });
    for denial in denials.collect::<Vec<_>>() {
        let error = denial.await.unwrap().unwrap_err();
        assert!(
            matches!(error, ReplicationError::NotReplicated(_)),
            "{error}"
        );
    }
    assert!(begun.elapsed() <= Duration::from_millis(5_010));
    store.set_up();
    one.deny("org_new").await.unwrap();
    assert!(
        begun.elapsed() <= Duration::from_millis(10_020),
        "{:?}",
        begun.elapsed()
    );
}

/// A verifier that is built later can trust further issuers.
#[tokio::test(start_paused = true)]
async fn entries_of_a_new_issuer_take_effect() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let denylist = Denylist::replicated(store.clone());
    let other = tower_m2m::Verifier::issuer("https://other.example")
        .audience("x")
        .jwk_set(issuer.jwks())
        .denylist(denylist.clone())
        .build()
        .unwrap();
    store.put(record("org_a")).await.unwrap();
    settle().await;
    assert!(other.is_ready() && denylist.is_empty());
    let one = Replica::with(&issuer, denylist, |builder| builder);
    seconds(2).await;
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
}
