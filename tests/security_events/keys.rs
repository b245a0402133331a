//! The keys of events: rotation, outages, and floods of forged events.

use serde_json::json;
use tower_m2m::testing::{Endpoint, Fault, LocalIssuer, SigningAlgorithm, SigningKey};
use tower_m2m::{Denylist, EventReceiver, Verifier};

use super::support::hook;

fn receiver(issuer: &LocalIssuer) -> (Verifier, EventReceiver) {
    let denylist = Denylist::new();
    let trusted = Verifier::kinde(issuer.url()).audience(issuer.audience());
    let builder =
        Verifier::builder([trusted.keys_time_to_live(std::time::Duration::from_secs(60))]);
    let verifier = builder
        .start_lazily()
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let receiver = EventReceiver::kinde_webhooks(&verifier, &denylist).unwrap();
    (verifier, receiver)
}

/// Rule 214.
/// Keys unavailable → 503, so the transmitter tries again.
#[tokio::test]
async fn unavailable_keys_give_503() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.set_fault(
        Endpoint::Jwks,
        Fault::status(http::StatusCode::INTERNAL_SERVER_ERROR),
    );
    let (_verifier, receiver) = receiver(&issuer);
    let event = issuer.kinde_webhook("user.deleted", json!({ "user": { "id": "kp_1" } }));
    let response = hook(&receiver, &event).await;
    assert_eq!(
        (response.status.as_u16(), response.code()),
        (503, "keys_unavailable")
    );
    assert!(response.headers.contains_key("retry-after"));
    assert_eq!(receiver.status().unavailable, 1);
    // A document that is rejected for another reason causes no fetch and no 503.
    let hits = issuer.hits(Endpoint::Jwks);
    let invalid = hook(&receiver, &event.claim("aud", "x")).await;
    assert_eq!(invalid.status, 400);
    assert_eq!(issuer.hits(Endpoint::Jwks), hits);
}

/// Rule 214.
/// A new key of the issuer is fetched for an event. A flood of forged events with unknown keys
/// stays within the fetch budget. Then an event with a new key gets 503, so that it is sent again.
#[tokio::test]
async fn rotated_key_is_fetched_within_the_budget() {
    let issuer = LocalIssuer::start().await.unwrap();
    let (_verifier, receiver) = receiver(&issuer);
    let event = || issuer.kinde_webhook("user.deleted", json!({ "user": { "id": "kp_1" } }));
    assert_eq!(hook(&receiver, &event()).await.status, 200);
    issuer.rotate_key().unwrap();
    assert_eq!(hook(&receiver, &event()).await.status, 200);

    let attacker = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    let hits = issuer.hits(Endpoint::Jwks);
    for number in 0..200 {
        let forged = event()
            .signed_with(&attacker)
            .header("kid", format!("invented-{number}"));
        let response = hook(&receiver, &forged).await;
        assert!(["unknown_key", "keys_unavailable"].contains(&response.code()));
    }
    issuer.rotate_key().unwrap();
    let genuine = hook(&receiver, &event()).await;
    assert!([200, 503].contains(&genuine.status.as_u16()), "{genuine:?}");
    let fetches = issuer.hits(Endpoint::Jwks) - hits;
    assert!(fetches <= 10, "{fetches}");
}

/// A retry that arrives while the first request is still in progress gets no second effect.
#[tokio::test]
async fn concurrent_copies_take_effect_once() {
    let issuer = LocalIssuer::start().await.unwrap();
    let (_verifier, receiver) = receiver(&issuer);
    let event = issuer.kinde_webhook("user.deleted", json!({ "user": { "id": "kp_1" } }));
    let copies: Vec<_> = (0..8)
        .map(|_| {
            let (receiver, event) = (receiver.clone(), event.clone());
            tokio::spawn(async move { hook(&receiver, &event).await.status.as_u16() })
        })
        .collect();
    for copy in copies {
        assert!([200, 503].contains(&copy.await.unwrap()));
    }
    assert_eq!(receiver.status().applied, 1);
}
