//! A store that is new or lost its data: no replica admits a caller that the others deny.

use tower_m2m::testing::MemoryStore;
use tower_m2m::{Denylist, DenylistRecord, DenylistStore, EntryExpiry};

use super::support::{Replica, issuer, organization, seconds, settle};

const RECENT_NO_MORE: u64 = 16 * 60;

/// Rules 185, 189.
///
/// The recent entries are back before the first replica ends its grace period.
#[tokio::test(start_paused = true)]
async fn recent_entries_are_written_again_at_once() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    two.deny("org_old").await.unwrap();
    seconds(RECENT_NO_MORE).await;
    one.deny("org_a").await.unwrap();
    two.deny("org_b").await.unwrap();
    settle().await;
    store.flush();
    seconds(1).await;
    assert_eq!(store.len(), 2);
    assert!(one.status().is_emptying && two.status().is_emptying);
    for _ in 0..70 {
        seconds(1).await;
        for org in ["org_a", "org_b"] {
            assert_eq!(one.call(&issuer, org).await, "suspended");
            assert_eq!(two.call(&issuer, org).await, "suspended");
        }
    }
    assert_eq!(one.call(&issuer, "org_old").await, "ok");
    assert!(!one.status().is_emptying && !two.status().is_emptying);
}

/// Rules 185, 189.
///
/// The replica that wrote the entry has ended. Another one writes it again.
#[tokio::test(start_paused = true)]
async fn entry_of_a_replica_that_ended_is_written_again() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (author, other) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    author.deny("org_a").await.unwrap();
    settle().await;
    drop(author);
    // One that loads the entry knows it too.
    let late = Replica::new(&issuer, store.clone());
    settle().await;
    for rest in [vec![other], vec![late]] {
        store.flush();
        seconds(70).await;
        assert_eq!(store.len(), 1);
        for replica in &rest {
            assert_eq!(replica.call(&issuer, "org_a").await, "suspended");
        }
    }
}

/// Rule 185.
///
/// A replica that starts right after the loss has no empty list.
#[tokio::test(start_paused = true)]
async fn replica_that_starts_after_the_loss_waits_for_the_others() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    one.deny("org_old").await.unwrap();
    seconds(RECENT_NO_MORE).await;
    one.deny("org_a").await.unwrap();
    store.flush();
    let early = Replica::new(&issuer, store.clone());
    settle().await;
    let late = Replica::new(&issuer, store.clone());
    settle().await;
    for second in 0..59 {
        for replica in [&early, &late] {
            assert!(!replica.verifier.is_ready(), "{second}");
            assert_eq!(replica.call(&issuer, "org_b").await, "denylist_unavailable");
            assert_ne!(replica.call(&issuer, "org_old").await, "ok");
            assert!(replica.status().is_emptying && !replica.status().is_loaded);
        }
        seconds(1).await;
    }
    assert_eq!(late.call(&issuer, "org_a").await, "suspended");
    seconds(7).await;
    for replica in [&one, &early, &late] {
        assert!(replica.verifier.is_ready(), "{:?}", replica.status());
        assert_eq!(replica.call(&issuer, "org_a").await, "suspended");
        assert_eq!(replica.call(&issuer, "org_b").await, "ok");
        assert_eq!(
            replica.call(&issuer, "org_old").await,
            "ok",
            "the store counts"
        );
        assert!(!replica.status().is_emptying);
    }
    // The list is complete again.
    let next = Replica::new(&issuer, store.clone());
    settle().await;
    assert!(next.verifier.is_ready());
}

/// Rule 185.
///
/// The store lost most entries, but not the record that its list is complete.
#[tokio::test(start_paused = true)]
async fn replica_that_starts_after_a_partial_loss_waits() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    one.deny("org_a").await.unwrap();
    let copy = store.copy();
    for org in ["org_b", "org_c", "org_d"] {
        one.deny(org).await.unwrap();
    }
    seconds(RECENT_NO_MORE).await;
    store.restore(&copy);
    seconds(1).await;
    assert!(one.status().is_emptying);
    let two = Replica::new(&issuer, store.clone());
    seconds(50).await;
    assert!(!two.verifier.is_ready());
    assert_eq!(two.call(&issuer, "org_b").await, "denylist_unavailable");
    assert_eq!(one.call(&issuer, "org_b").await, "suspended");
    seconds(16).await;
    assert!(two.verifier.is_ready() && !one.status().is_emptying);
}

/// A new store: the first replica waits once, unless the application confirms it.
#[tokio::test(start_paused = true)]
async fn new_store_is_used_after_a_minute_or_when_confirmed() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    store.flush();
    let begun = tokio::time::Instant::now();
    let builder = Replica::builder(&issuer, Denylist::replicated(store.clone()));
    let first = builder.build_ready().await.unwrap();
    assert!(first.is_ready());
    let waited = begun.elapsed().as_secs();
    assert!((60..=66).contains(&waited), "{waited} s");
    let begun = tokio::time::Instant::now();
    let builder = Replica::builder(&issuer, Denylist::replicated(store.clone()));
    assert!(builder.build_ready().await.unwrap().is_ready());
    assert!(
        begun.elapsed().as_secs() < 1,
        "the second one does not wait"
    );
    drop(first);

    for is_early in [true, false] {
        let store = MemoryStore::new();
        store.flush();
        let denylist = Denylist::replicated(store.clone());
        if is_early {
            denylist.confirm_empty();
        }
        let one = Replica::with(&issuer, denylist.clone(), |builder| builder);
        let two = Replica::new(&issuer, store.clone());
        seconds(1).await;
        if !is_early {
            assert!(!one.verifier.is_ready());
            denylist.confirm_empty();
            seconds(5).await;
        }
        assert!(one.verifier.is_ready(), "{:?}", one.status());
        assert!(two.verifier.is_ready(), "confirmed on the other one");
    }
}

/// A confirmation of a store that has its entries has no effect.
#[tokio::test(start_paused = true)]
async fn confirmation_of_a_store_with_entries_has_no_effect() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let first = Replica::new(&issuer, store.clone());
    first.deny("org_a").await.unwrap();
    let denylist = Denylist::replicated(store.clone());
    denylist.confirm_empty();
    let one = Replica::with(&issuer, denylist, |builder| builder);
    settle().await;
    one.denylist.confirm_empty();
    settle().await;
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    // The earlier confirmations do not count for a later loss.
    seconds(RECENT_NO_MORE).await;
    store.flush();
    seconds(1).await;
    assert!(one.status().is_emptying);
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
}

/// Rule 189.
///
/// An outage does not count for the grace period, because no replica could write in it.
#[tokio::test(start_paused = true)]
async fn outage_does_not_count_for_the_grace_period() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    one.deny("org_a").await.unwrap();
    seconds(RECENT_NO_MORE).await;
    store.flush();
    let two = Replica::new(&issuer, store.clone());
    seconds(30).await;
    store.set_down();
    seconds(100).await;
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    store.set_up();
    seconds(40).await;
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    assert!(!two.verifier.is_ready());
    seconds(40).await;
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    assert!(two.verifier.is_ready());
}

/// Rule 187.
///
/// A write that failed is retried at once when the store can be reached again.
#[tokio::test(start_paused = true)]
async fn pending_writes_are_retried_when_the_store_returns() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    settle().await;
    store.set_down();
    assert!(one.deny("org_a").await.is_err());
    assert!(one.deny("org_b").await.is_err());
    seconds(10 * 60).await;
    store.set_up();
    // The pause between two attempts to connect is at most 5 s.
    seconds(6).await;
    assert_eq!((one.status().pending_writes, store.len()), (0, 2));
    assert_eq!(two.call(&issuer, "org_b").await, "suspended");
}

/// A removal that no replica received wins over the copies in their memories.
#[tokio::test(start_paused = true)]
async fn removal_in_an_emptied_store_applies() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    one.deny("org_a").await.unwrap();
    one.deny("org_b").await.unwrap();
    settle().await;
    store.flush();
    // In the same millisecond, the denial would win.
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_millis(3) {}
    let key = DenylistRecord::new(&organization("org_a"), EntryExpiry::Never)
        .unwrap()
        .key();
    store.remove(key).await.unwrap();
    seconds(70).await;
    for replica in [&one, &two] {
        assert_eq!(replica.call(&issuer, "org_a").await, "ok");
        assert_eq!(replica.call(&issuer, "org_b").await, "suspended");
    }
    assert_eq!(store.len(), 1);
}
