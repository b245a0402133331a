//! Old events never undo newer ones.

use serde_json::json;
use tower_m2m::testing::{TokenBuilder, events};

use super::support::{Fixture, NOW, hook, push, user};

fn at(event: TokenBuilder, seconds: i64) -> TokenBuilder {
    event.claim("event_timestamp", events::timestamp(seconds))
}

/// Rule 330.
/// Trap 32: a retry of "not suspended" after a newer "suspended".
#[tokio::test]
async fn old_resumption_after_newer_suspension_has_no_effect() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let suspended = json!({ "id": "kp_1", "is_suspended": true });
    let resumed = json!({ "id": "kp_1", "is_suspended": false });
    hook(
        &receiver,
        &at(fixture.user_event("user.updated", suspended), NOW - 10),
    )
    .await;
    for late in [NOW - 11, NOW - 10] {
        let event = at(fixture.user_event("user.updated", resumed.clone()), late);
        assert_eq!(hook(&receiver, &event).await.status, 200);
        assert_eq!(fixture.token_of("kp_1", NOW).await, "suspended");
    }
    hook(
        &receiver,
        &at(fixture.user_event("user.updated", resumed), NOW - 9),
    )
    .await;
    assert_eq!(fixture.token_of("kp_1", NOW).await, "ok");
}

/// Rule 330.
/// The other direction.
#[tokio::test]
async fn old_suspension_after_newer_resumption_has_no_effect() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let resumed = json!({ "id": "kp_1", "is_suspended": false });
    let suspended = json!({ "id": "kp_1", "is_suspended": true });
    hook(
        &receiver,
        &at(fixture.user_event("user.updated", resumed), NOW - 5),
    )
    .await;
    hook(
        &receiver,
        &at(fixture.user_event("user.created", suspended), NOW - 6),
    )
    .await;
    assert_eq!(fixture.token_of("kp_1", NOW).await, "ok");
}

/// Rule 330.
/// Without `event_timestamp`, a denial is applied and a removal is not.
#[tokio::test]
async fn webhook_without_event_timestamp_only_denies() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let suspended = json!({ "id": "kp_1", "is_suspended": true });
    let resumed = json!({ "id": "kp_1", "is_suspended": false });
    let event = fixture.user_event("user.updated", suspended);
    hook(&receiver, &event.without("event_timestamp")).await;
    assert_eq!(fixture.token_of("kp_1", NOW).await, "suspended");
    let event = fixture.user_event("user.updated", resumed);
    assert_eq!(
        hook(&receiver, &event.without("event_timestamp"))
            .await
            .status,
        200
    );
    assert_eq!(fixture.token_of("kp_1", NOW).await, "suspended");
}

/// Rule 228.
/// The order of RISC events is by `toe`, then `iat`.
#[tokio::test]
async fn old_account_enabled_after_newer_disabled_has_no_effect() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let event = |uri: &str, toe: Option<i64>, iat: i64| {
        let set = fixture
            .set(uri, user("user_1"), json!({}))
            .claim("iat", iat);
        toe.map_or(set.clone(), |toe| set.claim("toe", toe))
    };
    let disabled = event(events::ACCOUNT_DISABLED, Some(NOW - 100), NOW - 50);
    assert_eq!(push(&receiver, &disabled).await.status, 202);
    assert_eq!(fixture.token_of("user_1", NOW).await, "suspended");
    for late in [
        event(events::ACCOUNT_ENABLED, Some(NOW - 101), NOW),
        event(events::ACCOUNT_ENABLED, None, NOW - 100),
    ] {
        assert_eq!(push(&receiver, &late).await.status, 202);
        assert_eq!(fixture.token_of("user_1", NOW).await, "suspended");
    }
    let enabled = event(events::ACCOUNT_ENABLED, None, NOW - 99);
    assert_eq!(push(&receiver, &enabled).await.status, 202);
    assert_eq!(fixture.token_of("user_1", NOW).await, "ok");
}

/// Rule 225.
/// A new user is no reason to remove an entry, also if the event is newer.
#[tokio::test]
async fn created_user_removes_no_entry() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let suspended = json!({ "id": "kp_1", "is_suspended": true });
    for (kind, user) in [
        ("user.updated", suspended.clone()),
        ("user.created", suspended),
        ("user.deleted", json!({ "id": "kp_1" })),
    ] {
        let denial = at(fixture.user_event(kind, user), NOW - 10);
        assert_eq!(hook(&receiver, &denial).await.status, 200);
        let created = json!({ "id": "kp_1", "is_suspended": false });
        let created = at(fixture.user_event("user.created", created), NOW);
        assert_eq!(hook(&receiver, &created).await.status, 200);
        assert_eq!(fixture.token_of("kp_1", NOW).await, "suspended", "{kind}");
    }
    assert_eq!(receiver.status().ignored, 3);
}
