//! Denials that are extended while an attempt to write them is in flight.

use std::time::Duration;

use tower_m2m::testing::MemoryStore;
use tower_m2m::{EntryExpiry, ReplicationError};

use super::support::{NOW, Replica, issuer, organization, seconds, settle};

/// Rule 187.
///
/// The last attempt for an entry that expires is in flight, and the entry is denied for longer. The
/// attempt fails, and the longer denial is retried.
#[tokio::test(start_paused = true)]
async fn denial_that_was_extended_during_a_failing_attempt_is_retried() {
    for extended in [
        EntryExpiry::Never,
        EntryExpiry::UnixSeconds(NOW + 24 * 60 * 60),
    ] {
        let (issuer, store) = (issuer(), MemoryStore::new());
        let one = Replica::new(&issuer, store.clone());
        let deny = |until| {
            let entry = organization("org_a");
            one.denylist.deny_on_all_replicas(entry, until)
        };
        settle().await;
        store.set_down();
        assert!(deny(EntryExpiry::UnixSeconds(NOW + 60)).await.is_err());
        // The next attempt begins, and the store does not respond to it.
        store.set_silent();
        seconds(1).await;
        one.clock.advance(Duration::from_secs(60 + 601));
        let error = deny(extended).await.unwrap_err();
        assert!(
            matches!(error, ReplicationError::NotReplicated(_)),
            "{error}"
        );
        seconds(10).await;
        assert_eq!(one.status().pending_writes, 1, "{extended:?}");
        store.set_up();
        seconds(61).await;
        assert_eq!((store.len(), one.status().pending_writes), (1, 0));
        let two = Replica::new(&issuer, store.clone());
        settle().await;
        assert_eq!(two.call(&issuer, "org_a").await, "suspended");
    }
}

/// An entry that was denied again for the same time is dropped when it expires.
#[tokio::test(start_paused = true)]
async fn denial_that_was_repeated_during_a_failing_attempt_expires() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    let deny = || {
        let entry = organization("org_a");
        let until = EntryExpiry::UnixSeconds(NOW + 60);
        one.denylist.deny_on_all_replicas(entry, until)
    };
    settle().await;
    store.set_down();
    assert!(deny().await.is_err());
    store.set_silent();
    seconds(1).await;
    one.clock.advance(Duration::from_secs(60 + 601));
    assert!(deny().await.is_err());
    seconds(10).await;
    assert_eq!(one.status().pending_writes, 0);
}
