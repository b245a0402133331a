//! Changes reach every replica, and none is lost.

use std::time::Duration;

use tower_m2m::testing::MemoryStore;
use tower_m2m::{
    Denylist, DenylistEntry, DenylistError, DenylistRecord, DenylistStore, EntryExpiry,
    ReplicationError,
};

use super::support::{ISSUER, NOW, Replica, issuer, organization, record, seconds, settle};

#[tokio::test(start_paused = true)]
async fn denial_and_removal_reach_the_other_replica() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store),
    );
    settle().await;
    assert_eq!(two.call(&issuer, "org_a").await, "ok");
    one.deny("org_a").await.unwrap();
    settle().await;
    for replica in [&one, &two] {
        assert_eq!(replica.call(&issuer, "org_a").await, "suspended");
        assert_eq!(replica.call(&issuer, "org_b").await, "ok");
    }
    two.remove("org_a").await.unwrap();
    settle().await;
    for replica in [&one, &two] {
        assert_eq!(replica.call(&issuer, "org_a").await, "ok");
        assert!(replica.denylist.is_empty());
    }
}

/// Entries of one replica stay there, and a removal of one replica does not remove others.
#[tokio::test(start_paused = true)]
async fn local_entry_stays_on_its_replica() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store),
    );
    settle().await;
    one.denylist
        .deny(organization("org_a"), EntryExpiry::Never)
        .unwrap();
    two.deny("org_b").await.unwrap();
    settle().await;
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    assert_eq!(two.call(&issuer, "org_a").await, "ok");
    one.denylist.remove(&organization("org_b"));
    assert_eq!(one.call(&issuer, "org_b").await, "suspended");
    one.remove("org_a").await.unwrap();
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
}

/// Rule 187.
#[tokio::test(start_paused = true)]
async fn failed_write_applies_here_and_is_retried() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    settle().await;
    store.set_down();
    let error = one.deny("org_a").await.unwrap_err();
    assert!(
        matches!(error, ReplicationError::NotReplicated(_)),
        "{error}"
    );
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    assert_eq!(one.status().pending_writes, 1);
    store.set_up();
    seconds(61).await;
    assert_eq!(two.call(&issuer, "org_a").await, "suspended");
    assert_eq!(one.status().pending_writes, 0);
}

/// Rule 187.
///
/// The store applied the write, and the confirmation was lost.
#[tokio::test(start_paused = true)]
async fn write_with_lost_confirmation_is_one_entry() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    settle().await;
    store.lose_confirmations();
    assert!(one.deny("org_a").await.is_err());
    settle().await;
    assert_eq!(two.call(&issuer, "org_a").await, "suspended");
    store.set_up();
    seconds(61).await;
    assert_eq!((store.len(), one.status().pending_writes), (1, 0));
    one.remove("org_a").await.unwrap();
    settle().await;
    assert_eq!(two.call(&issuer, "org_a").await, "ok");
}

/// Rule 187.
#[tokio::test(start_paused = true)]
async fn write_is_retried_until_its_entry_expires() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    settle().await;
    store.set_down();
    let denied = one
        .denylist
        .deny_on_all_replicas(organization("org_a"), EntryExpiry::UnixSeconds(NOW + 60));
    assert!(denied.await.is_err());
    seconds(120).await;
    assert_eq!(one.status().pending_writes, 1);
    one.clock.advance(Duration::from_secs(60 + 600));
    seconds(60).await;
    assert_eq!(one.status().pending_writes, 0);
    store.set_up();
    seconds(60).await;
    assert!(store.is_empty());
}

/// A removal cancels the write that is retried.
#[tokio::test(start_paused = true)]
async fn removal_cancels_a_pending_write() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    settle().await;
    store.set_down();
    assert!(one.deny("org_a").await.is_err());
    let error = one.remove("org_a").await.unwrap_err();
    assert!(matches!(error, ReplicationError::NotRemoved(_)), "{error}");
    assert_eq!(
        one.call(&issuer, "org_a").await,
        "suspended",
        "until it is removed"
    );
    store.set_up();
    one.remove("org_a").await.unwrap();
    seconds(61).await;
    assert_eq!(one.call(&issuer, "org_a").await, "ok");
    assert!(store.is_empty());
}

/// An entry that is denied again right after its removal stays denied.
#[tokio::test(start_paused = true)]
async fn earlier_removal_does_not_undo_a_denial() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store),
    );
    settle().await;
    for _ in 0..10 {
        one.deny("org_a").await.unwrap();
        one.remove("org_a").await.unwrap();
        one.deny("org_a").await.unwrap();
        for _ in 0..20 {
            assert_eq!(one.call(&issuer, "org_a").await, "suspended");
            tokio::task::yield_now().await;
        }
        seconds(5).await;
        assert_eq!(one.call(&issuer, "org_a").await, "suspended");
        assert_eq!(two.call(&issuer, "org_a").await, "suspended");
        two.remove("org_a").await.unwrap();
        seconds(5).await;
        assert_eq!(one.call(&issuer, "org_a").await, "ok");
    }
}

/// Rule 188.
#[tokio::test(start_paused = true)]
async fn changes_during_an_outage_arrive_after_it() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    one.deny("org_a").await.unwrap();
    for trimmed in [false, true] {
        store.set_down();
        seconds(1).await;
        store.set_up();
        // Another replica changes the store before this one reconnects.
        let org = if trimmed { "org_c" } else { "org_b" };
        store.put(record(org)).await.unwrap();
        if trimmed {
            store.trim();
        }
        seconds(61).await;
        assert_eq!(one.call(&issuer, org).await, "suspended");
        assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    }
    assert_eq!((one.status().gaps, one.status().loads), (1, 2));
}

/// Rule 196.
#[tokio::test(start_paused = true)]
async fn later_expiry_wins_on_all_replicas() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store.clone()),
    );
    settle().await;
    let until = |replica: &Replica, expiry| {
        let denylist = replica.denylist.clone();
        async move {
            let denied = denylist.deny_on_all_replicas(organization("org_a"), expiry);
            denied.await.unwrap();
        }
    };
    until(&one, EntryExpiry::UnixSeconds(NOW + 1_000)).await;
    until(&two, EntryExpiry::UnixSeconds(NOW + 100)).await;
    until(&one, EntryExpiry::UnixSeconds(NOW + 1_000)).await;
    settle().await;
    assert_eq!(
        (store.len(), one.denylist.len(), two.denylist.len()),
        (1, 1, 1)
    );
    for replica in [&one, &two] {
        replica.clock.advance(Duration::from_secs(1_000 + 600 - 1));
        assert_eq!(replica.call(&issuer, "org_a").await, "suspended");
        replica.clock.advance(Duration::from_secs(1));
        assert_ne!(replica.call(&issuer, "org_a").await, "suspended");
    }
}

/// Rule 197.
#[tokio::test(start_paused = true)]
async fn entry_applies_too_long_if_a_clock_is_wrong() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store),
    );
    two.clock.advance(Duration::from_secs(5 * 60));
    settle().await;
    let denied = one
        .denylist
        .deny_on_all_replicas(organization("org_a"), EntryExpiry::UnixSeconds(NOW + 60));
    denied.await.unwrap();
    settle().await;
    // The leeway of the entry ends 5 minutes after its expiry, by the right clock.
    for replica in [&one, &two] {
        replica.clock.advance(Duration::from_secs(60 + 5 * 60 - 1));
        assert_eq!(replica.call(&issuer, "org_a").await, "suspended");
    }
}

/// Rule 195.
#[tokio::test(start_paused = true)]
async fn full_list_rejects_new_entries_and_keeps_the_others() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let small = Denylist::replicated_with_capacity(store.clone(), 2);
    let one = Replica::with(&issuer, small, |builder| builder);
    let two = Replica::new(&issuer, store.clone());
    settle().await;
    one.deny("org_a").await.unwrap();
    one.deny("org_b").await.unwrap();
    let error = one.deny("org_c").await.unwrap_err();
    assert!(
        matches!(error, ReplicationError::NotDenied(DenylistError::Full)),
        "{error}"
    );
    assert_eq!(store.len(), 2);
    two.deny("org_c").await.unwrap();
    settle().await;
    assert!(one.status().is_incomplete);
    for org in ["org_a", "org_b"] {
        assert_eq!(one.call(&issuer, org).await, "suspended");
    }
    two.remove("org_a").await.unwrap();
    seconds(130).await;
    assert_eq!(
        one.call(&issuer, "org_c").await,
        "suspended",
        "loaded again"
    );
    assert!(!one.status().is_incomplete);
}

/// Rule 191.
#[tokio::test(start_paused = true)]
async fn record_of_a_newer_version_is_used_or_counted() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    settle().await;
    for json in [
        format!(r#"{{"v":2,"kind":"organization","issuer":"{ISSUER}","name":"org_a","why":1}}"#),
        format!(r#"{{"v":2,"kind":"network","issuer":"{ISSUER}","name":"10.0.0.0/8"}}"#),
        format!(r#"{{"v":1,"kind":"organization","issuer":"{ISSUER}","name":"not a code"}}"#),
        r#"{"v":1,"kind":"client","issuer":"https://other.example","name":"c"}"#.to_owned(),
    ] {
        let record = DenylistRecord::from_json(json.as_bytes()).unwrap();
        store.put(record).await.unwrap();
    }
    settle().await;
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    let status = one.status();
    assert_eq!((status.unknown_records, status.malformed_records), (1, 1));
    assert_eq!(status.entries, 1);
    one.deny("org_a").await.unwrap();
    settle().await;
    assert_eq!(store.len(), 4, "nothing of the others was removed");
}

/// All kinds of entries are replicated.
#[tokio::test(start_paused = true)]
async fn every_kind_of_entry_is_replicated() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let (one, two) = (
        Replica::new(&issuer, store.clone()),
        Replica::new(&issuer, store),
    );
    settle().await;
    let token = issuer.org("org_a").client("c1");
    let token = token.claim("jti", "t1").claim("sub", "user-1").token();
    for entry in [
        DenylistEntry::token(ISSUER, "t1"),
        DenylistEntry::client(ISSUER, "c1"),
        DenylistEntry::subject(ISSUER, "user-1"),
        DenylistEntry::organization(ISSUER, "org_a"),
        DenylistEntry::tokens_issued_before(ISSUER, NOW + 1),
        DenylistEntry::client(ISSUER, "c1").issued_before(NOW + 1),
    ] {
        assert!(two.verifier.verify(&token).await.is_ok(), "{entry:?}");
        let denied = one
            .denylist
            .deny_on_all_replicas(entry.clone(), EntryExpiry::Never);
        denied.await.unwrap();
        settle().await;
        assert!(two.verifier.verify(&token).await.is_err(), "{entry:?}");
        two.denylist.remove_on_all_replicas(&entry).await.unwrap();
        settle().await;
        assert!(one.verifier.verify(&token).await.is_ok(), "{entry:?}");
    }
}

#[tokio::test]
async fn entry_that_cannot_be_added_is_not_written() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let local = Denylist::new();
    let deny = async |list: &Denylist, entry| {
        let denied = list.deny_on_all_replicas(entry, EntryExpiry::Never);
        denied.await.unwrap_err()
    };
    let error = deny(&local, organization("org_a")).await;
    assert!(matches!(error, ReplicationError::NoStore), "{error}");
    let error = local.remove_on_all_replicas(&organization("org_a")).await;
    assert!(matches!(error, Err(ReplicationError::NoStore)));
    let one = Replica::new(&issuer, store.clone());
    let long = DenylistEntry::client(ISSUER, "\"".repeat(512));
    let error = deny(&one.denylist, long).await;
    assert!(matches!(error, ReplicationError::RecordTooLong), "{error}");
    let foreign = DenylistEntry::client("https://other.example", "c");
    let error = deny(&one.denylist, foreign).await;
    assert!(
        matches!(
            error,
            ReplicationError::NotDenied(DenylistError::UnknownIssuer)
        ),
        "{error}"
    );
    assert!(store.is_empty() && one.denylist.is_empty());
}

/// A removal that failed does not end the retries of the denial.
#[tokio::test(start_paused = true)]
async fn rejected_removal_keeps_the_pending_write() {
    let (issuer, store) = (issuer(), MemoryStore::new());
    let one = Replica::new(&issuer, store.clone());
    settle().await;
    store.set_down();
    assert!(one.deny("org_a").await.is_err());
    assert!(one.remove("org_a").await.is_err());
    assert_eq!(one.call(&issuer, "org_a").await, "suspended");
    assert_eq!(one.status().pending_writes, 1);
    store.set_up();
    seconds(61).await;
    assert_eq!(store.len(), 1);
}
