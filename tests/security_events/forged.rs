//! The corpus of forged events against the receivers.

use serde_json::json;
use tower_m2m::EventReceiver;
use tower_m2m::testing::forged::{self, Forgery};

use super::support::{Fixture, hook, push, send_as};

/// Sends every forgery and compares its response with the expected one.
async fn attack(receiver: &EventReceiver, forgeries: &[Forgery], content_type: &'static str) {
    for forgery in forgeries {
        let response = send_as(receiver, forgery.token().to_owned(), content_type).await;
        let expected = forgery.expected();
        let (status, err) = response.status_and_err();
        let name = forgery.name();
        assert_eq!(
            (status, err.as_str()),
            (expected.status(), expected.error()),
            "{name}"
        );
    }
}

/// Rules 208–212, 216, 220.
#[tokio::test]
async fn every_forged_set_is_rejected() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let good = fixture.revoked();
    let forgeries = forged::security_events::all(&good);
    attack(&receiver, &forgeries, "application/secevent+jwt").await;
    assert!(fixture.denylist.is_empty());
    let rejected = receiver.status().rejected;
    assert_eq!(rejected, forgeries.len() as u64);
    assert_eq!(push(&receiver, &good).await.status, 202);
}

/// Rule 222.
#[tokio::test]
async fn every_forged_webhook_is_rejected() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let good = fixture.user_event("user.deleted", json!({ "id": "kp_1" }));
    let forgeries = forged::webhooks::all(&good);
    attack(&receiver, &forgeries, "application/jwt").await;
    assert!(fixture.denylist.is_empty());
    assert_eq!(hook(&receiver, &good).await.status, 200);
}
