#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;
use tower_service::Service as _;

use super::EventReceiver;
use crate::jwks::SIGNATURE_CHECKS;
use crate::revocation::Denylist;
use crate::testing::{LocalIssuer, forged};
use crate::verifier::Verifier;

/// Goal S2.
#[tokio::test]
async fn forged_event_costs_at_most_one_signature_check() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let denylist = Denylist::new();
    let trusted = Verifier::kinde("acme").audience(issuer.audience());
    let verifier = Verifier::builder([trusted.jwk_set(issuer.jwks())])
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let mut receiver = EventReceiver::kinde_webhooks(&verifier, &denylist).unwrap();
    let good = issuer.kinde_webhook("user.deleted", json!({ "user": { "id": "kp_1" } }));
    for forgery in forged::webhooks::all(&good) {
        let request = http::Request::post("/hooks/kinde")
            .header("content-type", "application/jwt")
            .body(forgery.token().to_owned())
            .unwrap();
        let earlier_checks = SIGNATURE_CHECKS.get();
        let response = receiver.call(request).await.unwrap();
        assert_eq!(response.status(), 400, "{}", forgery.name());
        assert!(
            SIGNATURE_CHECKS.get() - earlier_checks <= 1,
            "{}",
            forgery.name()
        );
    }
    let earlier_checks = SIGNATURE_CHECKS.get();
    assert!(
        receiver
            .call(good.event_request("/"))
            .await
            .unwrap()
            .status()
            .is_success()
    );
    assert_eq!(SIGNATURE_CHECKS.get() - earlier_checks, 1);
}
