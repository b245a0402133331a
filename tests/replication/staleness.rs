//! A list without data from its store, and a store that lost its data.

use std::time::Duration;

use tower_m2m::testing::{LocalIssuer, MemoryStore};
use tower_m2m::{Config, Denylist, DenylistStore};

use super::support::{Replica, issuer, record, seconds, settle};

/// Rule 190.
///
/// Boundary pairs. The wall clock does not move.
#[tokio::test(start_paused = true)]
async fn list_without_data_is_reported_and_then_not_used() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    one.deny("org_b").await.unwrap();
    settle().await;
    store.set_silent();
    seconds(59).await;
    assert!(!one.status().is_stale);
    seconds(1).await;
    assert!(one.status().is_stale && one.verifier.is_ready());
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    seconds(15 * 60 - 60 - 1).await;
    assert!(one.verifier.is_ready());
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    seconds(1).await;
    assert!(!one.verifier.is_ready());
    assert_eq!(one.call(&issuer, "org_a").await, "denylist_unavailable");
    assert_eq!(
        one.call(&issuer, "org_b").await,
        "suspended",
        "an old denial still applies"
    );
    store.set_up();
    // The connection may end after 5 s, then a pause of 30 s, then the first heartbeat after 5 s.
    seconds(41).await;
    assert!(
        one.verifier.is_ready() && !one.status().is_stale,
        "{:?}",
        one.status()
    );
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
}

/// Rule 190.
///
/// A wall clock that jumps does not make the list old.
#[tokio::test(start_paused = true)]
async fn jump_of_the_wall_clock_does_not_make_the_list_stale() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    settle().await;
    one.clock.advance(Duration::from_secs(20 * 60));
    assert!(one.verifier.is_ready() && !one.status().is_stale);
    store.set_silent();
    seconds(15 * 60 + 1).await;
    one.clock.set(super::support::NOW - 10);
    assert!(!one.verifier.is_ready());
    assert_eq!(one.call(&issuer, "org_a").await, "denylist_unavailable");
}

/// Rule 190.
///
/// With zero, a list is used while it is not stale.
#[tokio::test(start_paused = true)]
async fn max_stale_of_zero_never_uses_a_stale_list() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::with(&issuer, Denylist::replicated(store.clone()), |builder| {
        builder
            .denylist_stale_warning_after(Duration::from_secs(10))
            .denylist_max_stale(Duration::ZERO)
    });
    settle().await;
    store.set_down();
    seconds(9).await;
    assert!(one.verifier.is_ready());
    seconds(1).await;
    assert!(!one.verifier.is_ready());
    assert_eq!(one.call(&issuer, "org_a").await, "denylist_unavailable");
}

/// Rule 190.
#[tokio::test]
async fn limits_of_the_environment_apply() {
    let (issuer, store) = (LocalIssuer::start().await.unwrap(), MemoryStore::new());
    let denylist = Denylist::replicated(store.clone());
    let variables = [
        ("M2M_ISSUER", issuer.url()),
        ("M2M_AUDIENCE", issuer.audience()),
        ("M2M_DENYLIST_STALE_WARNING_AFTER", "20s"),
        ("M2M_DENYLIST_MAX_STALE", " 1m "),
    ];
    let builder = Config::from_vars(variables).unwrap().builder().unwrap();
    let builder = builder.denylist(denylist.clone());
    let verifier = builder.build_ready().await.unwrap();
    let is_stale = || denylist.replication_status().unwrap().is_stale;
    tokio::time::pause();
    store.set_down();
    seconds(14).await;
    assert!(!is_stale());
    seconds(7).await;
    assert!(is_stale() && verifier.is_ready());
    seconds(33).await;
    assert!(verifier.is_ready());
    seconds(7).await;
    assert!(!verifier.is_ready());
}

#[tokio::test(start_paused = true)]
async fn idle_store_does_not_make_the_list_stale() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store);
    seconds(2 * 60 * 60).await;
    let status = one.status();
    assert!(!status.is_stale && status.age.unwrap() <= Duration::from_secs(5));
    assert_eq!(status.loads, 1);
}

#[tokio::test(start_paused = true)]
async fn empty_store_takes_effect_after_a_minute() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    one.deny("org_a").await.unwrap();
    settle().await;
    store.flush();
    seconds(1).await;
    assert!(two.status().is_emptying);
    assert_eq!(two.call(&issuer, "org_a").await, "suspended");
    // The replica that wrote the entry writes it again, because the store lost it.
    seconds(61).await;
    for replica in [&one, &two] {
        assert_eq!(replica.call(&issuer, "org_a").await, "suspended");
        assert!(!replica.status().is_emptying);
    }
    assert_eq!(store.len(), 1);
    // Later, the store counts.
    seconds(15 * 60).await;
    store.flush();
    seconds(59).await;
    assert_eq!(two.call(&issuer, "org_a").await, "suspended");
    seconds(3).await;
    for replica in [&one, &two] {
        assert_eq!(replica.call(&issuer, "org_a").await, "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn confirmed_empty_store_takes_effect_at_once() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    one.deny("org_a").await.unwrap();
    // A recent entry would be written again.
    seconds(16 * 60).await;
    store.flush();
    one.denylist.confirm_empty();
    settle().await;
    assert_eq!(
        one.call(&issuer, "org_a").await,
        "suspended",
        "not empty yet"
    );
    settle().await;
    one.denylist.confirm_empty();
    settle().await;
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    seconds(120).await;
    assert!(store.is_empty(), "nothing is written again");
}

/// A store that failed over to an older copy lost a confirmed write.
#[tokio::test(start_paused = true)]
async fn write_that_the_store_lost_is_written_again() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    one.deny("org_a").await.unwrap();
    let copy = store.copy();
    one.deny("org_b").await.unwrap();
    settle().await;
    store.restore(&copy);
    seconds(5).await;
    for replica in [&one, &two] {
        assert_eq!(replica.call(&issuer, "org_a").await, "suspended");
        assert_eq!(replica.call(&issuer, "org_b").await, "suspended");
    }
    assert_eq!(store.len(), 2);
}

/// Rule 189.
///
/// The store lost all entries, and has a new one before the replica loads it.
#[tokio::test(start_paused = true)]
async fn new_entry_does_not_hide_the_loss_of_the_others() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let writer = Replica::new(&issuer, store.clone());
    for org in ["org_a", "org_b", "org_c"] {
        writer.deny(org).await.unwrap();
    }
    drop(writer);
    let one = Replica::new(&issuer, store.clone());
    // Recent entries would be written again.
    seconds(16 * 60).await;
    for added in [1, 4] {
        store.flush();
        for number in 0..added {
            let org = format!("org_new{number}");
            store.put(record(&org)).await.unwrap();
        }
        seconds(30).await;
        assert!(one.status().is_emptying);
        for org in ["org_a", "org_b", "org_c", "org_new0"] {
            assert_eq!(one.call(&issuer, org).await, "suspended", "{org}");
        }
    }
    seconds(61).await;
    assert!(!one.status().is_emptying);
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    assert_eq!(one.call(&issuer, "org_new3").await, "suspended");
}
