//! Removals that overlap a denial, or that a replica missed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tower_m2m::testing::MemoryStore;
use tower_m2m::{
    BoxError, DenylistChanges, DenylistRecord, DenylistStore, EntryExpiry, RecordKey, StoreCursor,
};

use super::support::{NOW, Replica, issuer, organization, seconds, settle};

/// A store whose writes wait for a permit. A removal does not.
#[derive(Clone)]
struct Slow {
    store: MemoryStore,
    permits: Arc<Semaphore>,
}

impl DenylistStore for Slow {
    async fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        self.store.follow(from, changes).await
    }

    async fn put(&self, record: DenylistRecord) -> Result<(), BoxError> {
        self.permits.acquire().await?.forget();
        self.store.put(record).await
    }

    async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
        self.store.remove(key).await
    }
}

fn key(org: &str) -> RecordKey {
    let record = DenylistRecord::new(&organization(org), EntryExpiry::Never);
    record.unwrap().key()
}

/// Rule 187.
#[tokio::test(start_paused = true)]
async fn removal_waits_for_the_write_in_flight() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let slow = Slow {
        store: store.clone(),
        permits: Arc::new(Semaphore::new(0)),
    };
    let one = Replica::new(&issuer, slow.clone());
    settle().await;
    let denylist = one.denylist.clone();
    let denial = tokio::spawn(async move {
        let denied = denylist.deny_on_all_replicas(organization("org_a"), EntryExpiry::Never);
        denied.await
    });
    settle().await;
    let denylist = one.denylist.clone();
    let removal = tokio::spawn(async move {
        let entry = organization("org_a");
        denylist.remove_on_all_replicas(&entry).await
    });
    seconds(1).await;
    assert!(!removal.is_finished());
    slow.permits.add_permits(10);
    removal.await.unwrap().unwrap();
    let _ = denial.await.unwrap();
    seconds(60).await;
    assert!(store.is_empty());
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
}

/// Rule 187.
///
/// A write that fails while its entry is removed is not retried after the removal.
#[tokio::test(start_paused = true)]
async fn write_in_flight_that_never_ends_does_not_undo_a_removal() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let slow = Slow {
        store: store.clone(),
        permits: Arc::new(Semaphore::new(0)),
    };
    let one = Replica::new(&issuer, slow.clone());
    settle().await;
    let denied = one.deny("org_a");
    let removed = async {
        settle().await;
        one.remove("org_a").await
    };
    let (denied, removed) = tokio::join!(denied, removed);
    assert!(denied.is_err());
    removed.unwrap();
    slow.permits.add_permits(100);
    seconds(120).await;
    assert!(store.is_empty());
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
}

/// Rule 187.
///
/// An entry that is denied while it is removed stays denied.
#[tokio::test(start_paused = true)]
async fn denial_during_a_removal_stays() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let slow = Slow {
        store: store.clone(),
        permits: Arc::new(Semaphore::new(1)),
    };
    let one = Replica::new(&issuer, slow.clone());
    settle().await;
    one.deny("org_a").await.unwrap();
    let first = one.deny("org_a");
    let removed = async {
        settle().await;
        one.remove("org_a").await
    };
    let second = async {
        seconds(1).await;
        let denied = one.deny("org_a");
        slow.permits.add_permits(100);
        denied.await
    };
    let (_, removed, _) = tokio::join!(first, removed, second);
    removed.unwrap();
    seconds(60).await;
    assert_eq!(store.len(), 1);
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
}

/// Rule 189.
///
/// The replica that wrote the entry missed its removal. It does not write the entry again.
#[tokio::test(start_paused = true)]
async fn missed_removal_is_not_undone() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    for writer in [&one, &two] {
        writer.deny("org_a").await.unwrap();
        one.deny("org_b").await.unwrap();
        settle().await;
        store.set_down();
        seconds(1).await;
        store.set_up();
        // Before the replicas reconnect.
        store.remove(key("org_a")).await.unwrap();
        store.trim();
        seconds(70).await;
        for replica in [&one, &two] {
            assert_eq!(replica.call(&issuer, "org_a").await, "ok");
            assert_eq!(replica.call(&issuer, "org_b").await, "suspended");
        }
        assert_eq!(store.len(), 1);
    }
    assert!(one.status().gaps >= 2);
}

/// Rule 197.
///
/// A new denial wins over the removal, also if a later failover loses it.
#[tokio::test(start_paused = true)]
async fn denial_after_a_removal_is_written_again() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    one.deny("org_a").await.unwrap();
    one.deny("org_b").await.unwrap();
    two.remove("org_a").await.unwrap();
    let copy = store.copy();
    settle().await;
    one.deny("org_a").await.unwrap();
    settle().await;
    store.restore(&copy);
    seconds(70).await;
    for replica in [&one, &two] {
        assert_eq!(replica.call(&issuer, "org_a").await, "suspended");
    }
    assert_eq!(store.len(), 2);
}

/// Rule 189.
///
/// A load replaces the deadline of an entry: another replica removed it and denied it for less
/// time.
#[tokio::test(start_paused = true)]
async fn load_replaces_deadlines() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    one.deny("org_a").await.unwrap();
    settle().await;
    store.set_down();
    seconds(1).await;
    // The store does not confirm this one.
    let pending = one.denylist.deny_on_all_replicas(
        organization("org_b"),
        EntryExpiry::UnixSeconds(NOW + 10_000),
    );
    assert!(pending.await.is_err());
    store.set_up();
    store.remove(key("org_a")).await.unwrap();
    for org in ["org_a", "org_b"] {
        let shorter = DenylistRecord::new(&organization(org), EntryExpiry::UnixSeconds(NOW + 100));
        store.put(shorter.unwrap()).await.unwrap();
    }
    store.trim();
    seconds(70).await;
    one.clock.advance(Duration::from_secs(100 + 599));
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    one.clock.advance(Duration::from_secs(1));
    assert_ne!(one.call(&issuer, "org_a").await, "suspended");
    assert_eq!(one.call(&issuer, "org_b").await, "suspended");
}

/// Rule 197.
///
/// An entry that arrives while the clock is ahead applies when the clock is right again.
#[tokio::test(start_paused = true)]
async fn entry_that_arrives_while_the_clock_is_ahead_stays() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    settle().await;
    for ahead in [20 * 60, 60 * 60] {
        one.clock.set(NOW + ahead);
        let org = if ahead > 1_200 { "org_b" } else { "org_a" };
        let record = DenylistRecord::new(&organization(org), EntryExpiry::UnixSeconds(NOW + 60));
        store.put(record.unwrap()).await.unwrap();
        settle().await;
        assert_ne!(one.call(&issuer, org).await, "suspended");
        one.clock.set(NOW);
        assert_eq!(one.call(&issuer, org).await, "suspended");
    }
}
