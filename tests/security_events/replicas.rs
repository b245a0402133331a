//! Events with a denylist that several replicas share.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Notify;
use tower_m2m::testing::{LocalIssuer, MemoryStore, TokenBuilder, events};
use tower_m2m::{
    BoxError, Denylist, DenylistChanges, DenylistRecord, DenylistStore, EventReceiver, RecordKey,
    StoreCursor, Verifier,
};

use super::support::{ISSUER, hook, verify};

struct Replica {
    denylist: Denylist,
    verifier: Verifier,
    receiver: EventReceiver,
}

impl Replica {
    fn new(issuer: &LocalIssuer, store: &MemoryStore) -> Self {
        Self::with_denylist(issuer, Denylist::replicated(store.clone()))
    }

    fn with_denylist(issuer: &LocalIssuer, denylist: Denylist) -> Self {
        let trusted = Verifier::kinde("acme").audience(issuer.audience());
        let verifier = Verifier::builder([trusted.jwk_set(issuer.jwks())])
            .denylist(denylist.clone())
            .build()
            .unwrap();
        let receiver = EventReceiver::kinde_webhooks(&verifier, &denylist).unwrap();
        Self {
            denylist,
            verifier,
            receiver,
        }
    }

    /// Waits until a token has this result.
    async fn until(&self, token: &str, expected: &str) {
        let wait = async {
            loop {
                if verify(&self.verifier, token).await == expected {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let limit = std::time::Duration::from_secs(10);
        tokio::time::timeout(limit, wait).await.expect(expected);
    }
}

/// A webhook about `kp_1`.
fn updated(issuer: &LocalIssuer, is_suspended: bool) -> TokenBuilder {
    let user = json!({ "user": { "id": "kp_1", "is_suspended": is_suspended } });
    issuer.kinde_webhook("user.updated", user)
}

/// A webhook about `kp_1`, dated at this second.
fn updated_at(issuer: &LocalIssuer, is_suspended: bool, at: i64) -> TokenBuilder {
    updated(issuer, is_suspended).claim("event_timestamp", events::timestamp(at))
}

/// Goal S1: a webhook at one replica takes effect on another one.
#[tokio::test(start_paused = true)]
async fn event_takes_effect_on_all_replicas() {
    let issuer = LocalIssuer::in_process(ISSUER).unwrap();
    let store = MemoryStore::new();
    let (one, two) = (Replica::new(&issuer, &store), Replica::new(&issuer, &store));
    let token = issuer.org("org_a").claim("sub", "kp_1").token();
    one.until(&token, "ok").await;
    two.until(&token, "ok").await;
    let suspended = updated(&issuer, true);
    assert_eq!(hook(&one.receiver, &suspended).await.status, 200);
    let begun = tokio::time::Instant::now();
    two.until(&token, "suspended").await;
    assert!(begun.elapsed().as_secs() < 1);

    let later = tower_m2m::Clock::system().unix_seconds() + 1;
    let resumed = updated_at(&issuer, false, later);
    assert_eq!(hook(&one.receiver, &resumed).await.status, 200);
    one.until(&token, "ok").await;
    two.until(&token, "ok").await;
    assert_eq!((one.denylist.len(), two.denylist.len()), (0, 0));
}

/// Rules 228, 330.
/// Trap 32: an old resumption that arrives after a restart, or at another replica, does not undo a
/// newer suspension.
#[tokio::test(start_paused = true)]
async fn old_resumption_at_another_replica_has_no_effect() {
    let issuer = LocalIssuer::in_process(ISSUER).unwrap();
    let store = MemoryStore::new();
    let one = Replica::new(&issuer, &store);
    let token = issuer.org("org_a").claim("sub", "kp_1").token();
    let now = tower_m2m::Clock::system().unix_seconds();
    let event = |is_suspended, at| updated_at(&issuer, is_suspended, at);
    one.until(&token, "ok").await;
    let suspended = hook(&one.receiver, &event(true, now - 10)).await;
    assert_eq!(suspended.status, 200);

    let two = Replica::new(&issuer, &store);
    // Its list is not loaded yet, so a resumption is sent again.
    let early = hook(&two.receiver, &event(false, now - 3600)).await;
    assert_eq!(early.code(), "not_stored");
    two.until(&token, "suspended").await;
    for late in [now - 3600, now - 10] {
        assert_eq!(hook(&two.receiver, &event(false, late)).await.status, 200);
        two.until(&token, "suspended").await;
        assert_eq!((one.denylist.len(), two.denylist.len()), (1, 1));
    }
    // A newer suspension at the other replica counts too.
    let again = hook(&two.receiver, &event(true, now - 5)).await;
    assert_eq!(again.status, 200);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(
        hook(&one.receiver, &event(false, now - 6)).await.status,
        200
    );
    one.until(&token, "suspended").await;
    let newer = hook(&one.receiver, &event(false, now - 4)).await;
    assert_eq!(newer.status, 200);
    one.until(&token, "ok").await;
    two.until(&token, "ok").await;
}

/// Rule 214.
///
/// If the store is down, the entry applies on this replica, and the sender tries again.
#[tokio::test(start_paused = true)]
async fn unreachable_store_gives_503_and_denies_here() {
    let issuer = LocalIssuer::in_process(ISSUER).unwrap();
    let store = MemoryStore::new();
    let (one, two) = (Replica::new(&issuer, &store), Replica::new(&issuer, &store));
    let token = issuer.org("org_a").claim("sub", "kp_1").token();
    one.until(&token, "ok").await;
    two.until(&token, "ok").await;
    store.set_down();
    let event = issuer.kinde_webhook("user.deleted", json!({ "user": { "id": "kp_1" } }));
    let response = hook(&one.receiver, &event).await;
    assert_eq!(
        (response.status.as_u16(), response.code()),
        (503, "not_stored")
    );
    one.until(&token, "suspended").await;
    two.until(&token, "ok").await;
    store.set_up();
    assert_eq!(hook(&one.receiver, &event).await.status, 200);
    two.until(&token, "suspended").await;
}

/// A store whose removals take effect late. Their responses are lost.
#[derive(Clone)]
struct SlowRemovals {
    store: MemoryStore,
    arrived: Arc<Notify>,
    gate: Arc<Notify>,
}

impl DenylistStore for SlowRemovals {
    async fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        self.store.follow(from, changes).await
    }

    async fn put(&self, record: DenylistRecord) -> Result<(), BoxError> {
        self.store.put(record).await
    }

    async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
        self.arrived.notify_one();
        self.gate.notified().await;
        self.store.remove(key).await?;
        Err("the response was lost".into())
    }
}

/// Rules 228, 330.
/// A removal that reaches the store after a newer denial does not undo it, also if its response is
/// lost or its sender disconnects.
#[tokio::test(start_paused = true)]
async fn late_write_of_an_older_removal_is_undone() {
    for disconnects in [false, true] {
        let issuer = LocalIssuer::in_process(ISSUER).unwrap();
        let slow = SlowRemovals {
            store: MemoryStore::new(),
            arrived: Arc::default(),
            gate: Arc::default(),
        };
        let one = Replica::with_denylist(&issuer, Denylist::replicated(slow.clone()));
        let token = issuer.org("org_a").claim("sub", "kp_1").token();
        let now = tower_m2m::Clock::system().unix_seconds();
        let event = |is_suspended, at| updated_at(&issuer, is_suspended, at);
        one.until(&token, "ok").await;
        let denied = hook(&one.receiver, &event(true, now - 30)).await;
        assert_eq!(denied.status, 200);
        let (receiver, removal) = (one.receiver.clone(), event(false, now - 20));
        let removal = tokio::spawn(async move { hook(&receiver, &removal).await });
        slow.arrived.notified().await;
        // The write of the denial waits for the removal.
        let (receiver, denial) = (one.receiver.clone(), event(true, now - 10));
        let denial = tokio::spawn(async move { hook(&receiver, &denial).await });
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(!denial.is_finished());
        if disconnects {
            removal.abort();
            tokio::task::yield_now().await;
        }
        slow.gate.notify_one();
        assert_eq!(denial.await.unwrap().status, 200);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(slow.store.len(), 1, "{disconnects}");
        one.until(&token, "suspended").await;
    }
}
