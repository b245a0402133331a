//! Security events use a share of the denylist, and a warning comes before the list is full.

use serde_json::json;
use tower_m2m::testing::{LocalIssuer, MemoryStore, events};
use tower_m2m::{Denylist, DenylistEntry, DenylistError, EntryExpiry, EventReceiver, Verifier};
use tracing::Level;

use super::recorder::Recorder;
use super::subscriber::set_subscriber;
use super::support::{Fixture, ISSUER, NOW, hook, push, user};

/// Sends webhooks about this many deleted users. Returns how many were accepted.
async fn delete_users(fixture: &Fixture, receiver: &EventReceiver, users: usize) -> usize {
    let mut accepted = 0;
    for number in 0..users {
        let event = fixture.user_event("user.deleted", json!({ "id": format!("kp_{number}") }));
        let response = hook(receiver, &event).await;
        match response.code() {
            "accepted" => accepted += 1,
            code => assert_eq!((response.status.as_u16(), code), (503, "not_stored")),
        }
    }
    accepted
}

fn deny(denylist: &Denylist, client: &str) -> Result<(), DenylistError> {
    denylist.deny(DenylistEntry::client(ISSUER, client), EntryExpiry::Never)
}

/// A quarter of the list is reserved for the application.
#[tokio::test]
async fn application_denies_when_events_have_used_their_share() {
    let denylist = Denylist::with_capacity(8);
    let fixture = Fixture::with_denylist(denylist.clone());
    let receiver = fixture.webhooks();
    assert_eq!(delete_users(&fixture, &receiver, 8).await, 6);
    assert_eq!(fixture.token_of("kp_5", NOW).await, "suspended");
    assert_eq!(fixture.token_of("kp_6", NOW).await, "ok");
    // The same users again need no space.
    assert_eq!(delete_users(&fixture, &receiver, 6).await, 6);
    assert_eq!(deny(&denylist, "one"), Ok(()));
    assert_eq!(deny(&denylist, "two"), Ok(()));
    assert_eq!(deny(&denylist, "three"), Err(DenylistError::Full));
    // An entry that the application removes makes space for an event.
    denylist.remove(&DenylistEntry::client(ISSUER, "one"));
    assert_eq!(delete_users(&fixture, &receiver, 7).await, 6);
    denylist.remove(&DenylistEntry::subject(ISSUER, "kp_0"));
    let next = fixture.user_event("user.deleted", json!({ "id": "kp_next" }));
    assert_eq!(hook(&receiver, &next).await.code(), "accepted");
    assert_eq!(hook(&receiver, &next).await.code(), "accepted");
}

/// SETs use the same share. The application sets it, also to 0.
#[tokio::test]
async fn share_of_events_is_set_by_the_application() {
    for (share, accepted) in [(0, 0), (3, 3), (8, 8), (100, 8)] {
        let denylist = Denylist::with_capacity(8).max_event_entries(share);
        let fixture = Fixture::with_denylist(denylist.clone());
        let receiver = fixture.events();
        let mut stored = 0;
        for number in 0..9 {
            let subject = user(&format!("user_{number}"));
            let event = fixture.set(events::ACCOUNT_PURGED, subject, json!({}));
            stored += usize::from(push(&receiver, &event).await.status == 202);
        }
        assert_eq!(stored, accepted, "{share}");
        for number in 0..8 - accepted {
            assert_eq!(
                deny(&denylist, &format!("client_{number}")),
                Ok(()),
                "{share}"
            );
        }
        assert_eq!(deny(&denylist, "last"), Err(DenylistError::Full), "{share}");
    }
}

/// Entries that expire leave their share.
#[tokio::test]
async fn expired_entries_of_events_leave_their_share() {
    let denylist = Denylist::with_capacity(100).max_event_entries(1);
    let fixture = Fixture::with_denylist(denylist);
    let lifetime = std::time::Duration::from_secs(100);
    let settings = fixture.settings().token_lifetime(lifetime);
    let receiver = settings.authorization(super::support::SECRET).unwrap();
    assert_eq!(push(&receiver, &fixture.revoked()).await.code(), "accepted");
    let other = || fixture.set(events::SESSION_REVOKED, user("user_2"), json!({}));
    assert_eq!(push(&receiver, &other()).await.code(), "not_stored");
    fixture.clock.set(NOW + 101 + 300);
    assert_eq!(push(&receiver, &other()).await.code(), "accepted");
}

/// The share counts on all replicas, so no replica lacks an entry that another one accepted.
#[tokio::test(start_paused = true)]
async fn replicas_share_the_limit_of_events() {
    let store = MemoryStore::new();
    let issuer = LocalIssuer::in_process(ISSUER).unwrap();
    let replica = || {
        let denylist = Denylist::replicated_with_capacity(store.clone(), 4);
        let trusted = Verifier::kinde("acme").audience(issuer.audience());
        let verifier = Verifier::builder([trusted.jwk_set(issuer.jwks())])
            .denylist(denylist.clone())
            .build()
            .unwrap();
        let receiver = EventReceiver::kinde_webhooks(&verifier, &denylist).unwrap();
        (denylist, receiver, verifier)
    };
    let ((one, first, _verifier), (two, second, _other)) = (replica(), replica());
    let settle = || tokio::time::sleep(std::time::Duration::from_secs(1));
    settle().await;
    for (number, receiver) in [&first, &second, &first, &second].into_iter().enumerate() {
        let data = json!({ "user": { "id": format!("kp_{number}") } });
        let response = hook(receiver, &issuer.kinde_webhook("user.deleted", data)).await;
        let expected = if number < 3 { "accepted" } else { "not_stored" };
        assert_eq!(response.code(), expected);
        settle().await;
    }
    let entry = DenylistEntry::client(ISSUER, "client");
    let denied = two.deny_on_all_replicas(entry, EntryExpiry::Never).await;
    assert!(denied.is_ok());
    settle().await;
    assert_eq!((one.len(), two.len(), store.len()), (4, 4, 4));
    let status = one.replication_status().unwrap();
    assert!(!status.is_incomplete);
}

/// The warning comes once at 90 %, and again after the list had space.
#[tokio::test]
async fn warning_comes_before_the_list_is_full() {
    let recorder = Recorder::lines(Level::WARN);
    let _guard = set_subscriber(recorder.clone());
    // 15 entries of events.
    let denylist = Denylist::with_capacity(20);
    let fixture = Fixture::with_denylist(denylist.clone());
    let receiver = fixture.webhooks();
    let warnings = || {
        let mut lines = recorder.take();
        lines.retain(|line| line.contains("denylist almost full"));
        lines
    };
    delete_users(&fixture, &receiver, 13).await;
    assert_eq!(warnings(), [""; 0]);
    delete_users(&fixture, &receiver, 15).await;
    let lines = warnings();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for number in ["14", "20", "15", "WARN"] {
        assert!(lines[0].contains(number), "{lines:?}");
    }
    for user in 0..4 {
        denylist.remove(&DenylistEntry::subject(ISSUER, format!("kp_{user}")));
    }
    // The application's own entries.
    for client in 0..6 {
        deny(&denylist, &client.to_string()).unwrap();
    }
    assert_eq!(warnings(), [""; 0]);
    deny(&denylist, "7").unwrap();
    assert_eq!(warnings().len(), 1);
}

/// Expired entries are no reason for a warning.
#[tokio::test]
async fn expired_entries_give_no_warning() {
    let recorder = Recorder::lines(Level::WARN);
    let _guard = set_subscriber(recorder.clone());
    let denylist = Denylist::with_capacity(20);
    let fixture = Fixture::with_denylist(denylist.clone());
    let until = |seconds| EntryExpiry::UnixSeconds(NOW + seconds - 300);
    for client in 0..17 {
        let entry = DenylistEntry::client(ISSUER, client.to_string());
        denylist.deny(entry, until(10)).unwrap();
    }
    fixture.clock.set(NOW + 10);
    for client in 17..34 {
        let entry = DenylistEntry::client(ISSUER, client.to_string());
        denylist.deny(entry, until(20)).unwrap();
    }
    assert_eq!(recorder.take(), [""; 0]);
    deny(&denylist, "18th").unwrap();
    assert_eq!(recorder.take().len(), 1);
}
