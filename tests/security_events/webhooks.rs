//! Kinde's webhooks: which are authentic, and which have an effect.

use std::time::Duration;

use serde_json::{Value, json};
use tower_m2m::testing::{SigningAlgorithm, SigningKey, events};

use super::support::{Fixture, NOW, hook, send};

/// Rules 222, 225, 226.
/// An authentic event gets 200 and an empty body.
#[tokio::test]
async fn deleted_organization_is_denied() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let token = fixture.issuer.org("org_a");
    assert_eq!(fixture.verify(&token).await, "ok");

    let data = json!({ "organization": { "code": "org_a" } });
    let event = fixture.issuer.kinde_webhook("organization.deleted", data);
    let response = hook(&receiver, &event).await;
    assert_eq!(
        (response.status.as_u16(), response.body.as_str()),
        (200, "")
    );
    assert_eq!(fixture.verify(&token).await, "suspended");
    assert_eq!(fixture.verify(&fixture.issuer.org("org_b")).await, "ok");
}

/// Rule 225.
/// A user's events deny that user and admit it again.
#[tokio::test]
async fn suspended_and_deleted_users_are_denied() {
    for (kind, user) in [
        (
            "user.created",
            json!({ "id": "kp_1", "is_suspended": true }),
        ),
        (
            "user.updated",
            json!({ "id": "kp_1", "is_suspended": true }),
        ),
        ("user.deleted", json!({ "id": "kp_1" })),
    ] {
        let fixture = Fixture::new();
        let receiver = fixture.webhooks();
        let response = hook(&receiver, &fixture.user_event(kind, user)).await;
        assert_eq!(response.code(), "accepted", "{kind}");
        assert_eq!(fixture.token_of("kp_1", NOW).await, "suspended", "{kind}");
        assert_eq!(fixture.token_of("kp_2", NOW).await, "ok", "{kind}");

        fixture.clock.advance(Duration::from_secs(1));
        let resumed = json!({ "id": "kp_1", "is_suspended": false });
        hook(&receiver, &fixture.user_event("user.updated", resumed)).await;
        assert_eq!(fixture.token_of("kp_1", NOW).await, "ok", "{kind}");
    }
}

/// Rules 225, 331.
/// Everything else gets 200 and has no effect.
#[tokio::test]
async fn other_events_are_accepted_without_effect() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let user = json!({ "user": { "id": "kp_1" } });
    let cases = [
        ("user.created", user.clone()),
        ("user.updated", user.clone()),
        (
            "user.authenticated",
            json!({ "user": { "id": "kp_1", "is_suspended": true } }),
        ),
        ("role.deleted", json!({ "role": { "id": "r" } })),
        (
            "organization.created",
            json!({ "organization": { "code": "org_a" } }),
        ),
        (
            "organization.suspended",
            json!({ "organization": { "code": "org_a" } }),
        ),
        ("user.deleted", json!({ "user": {} })),
        ("user.deleted", json!({ "user": { "id": 7 } })),
        ("user.deleted", json!({ "user": { "id": "" } })),
        (
            "user.updated",
            json!({ "user": { "id": "kp_1", "is_suspended": "true" } }),
        ),
        (
            "user.updated",
            json!({ "user": { "id": "kp_1", "is_suspended": null } }),
        ),
        ("user.deleted", Value::Null),
        (
            "organization.deleted",
            json!({ "organization": { "code": "not a code" } }),
        ),
        (
            "organization.updated",
            json!({ "organization": { "code": "org_a" } }),
        ),
    ];
    let count = cases.len() as u64;
    for (kind, data) in cases {
        let response = hook(&receiver, &fixture.issuer.kinde_webhook(kind, data.clone())).await;
        assert_eq!(response.status, 200, "{kind} {data}");
    }
    assert!(fixture.denylist.is_empty());
    let status = receiver.status();
    assert_eq!(
        (status.applied, status.ignored, status.rejected),
        (0, count, 0)
    );
}

/// Rule 222.
/// Claims of other tokens, a wrong type, and missing members.
#[tokio::test]
async fn unauthentic_webhooks_are_rejected() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let good = fixture.user_event("user.deleted", json!({ "id": "kp_1" }));
    for name in [
        "exp", "aud", "gty", "azp", "scope", "scp", "sub", "nonce", "events", "htm", "htu",
        "sub_id",
    ] {
        for value in [json!("x"), Value::Null] {
            let response = hook(&receiver, &good.clone().claim(name, value)).await;
            assert_eq!(
                (response.status.as_u16(), response.code()),
                (400, "unexpected_claim"),
                "{name}"
            );
        }
    }
    for name in ["type", "event_id", "timestamp"] {
        let response = hook(&receiver, &good.clone().without(name)).await;
        assert_eq!(response.code(), "missing_claim", "{name}");
        let response = hook(&receiver, &good.clone().claim(name, NOW)).await;
        assert_eq!(response.code(), "malformed_claim", "{name}");
    }
    let changes: [(&str, tower_m2m::testing::TokenBuilder); 10] = [
        ("malformed_claim", good.clone().claim("event_id", "")),
        (
            "malformed_claim",
            good.clone().claim("event_id", "x".repeat(513)),
        ),
        (
            "malformed_claim",
            good.clone().claim("timestamp", "yesterday"),
        ),
        (
            "malformed_claim",
            good.clone().claim("event_timestamp", 1_770_120_000),
        ),
        (
            "invalid_issuer",
            good.clone().claim("iss", "https://evil.example"),
        ),
        ("invalid_issuer", good.clone().claim("iss", Value::Null)),
        ("invalid_type", good.clone().header("typ", "at+jwt")),
        ("invalid_type", good.clone().header("typ", "secevent+jwt")),
        ("missing_kid", good.clone().without_header("kid")),
        ("unknown_key", good.clone().header("kid", "unknown")),
    ];
    for (code, event) in changes {
        let mut request = event.event_request("/hooks/kinde");
        let content_type = http::HeaderValue::from_static("application/jwt");
        request.headers_mut().insert("content-type", content_type);
        let response = send(&receiver, request).await;
        assert_eq!((response.status.as_u16(), response.code()), (400, code));
    }
    assert!(fixture.denylist.is_empty());
    let response = hook(&receiver, &good.claim("iss", fixture.issuer.url())).await;
    assert_eq!(response.code(), "accepted");
}

/// Rule 222.
/// The issuer's keys and RS256 only.
#[tokio::test]
async fn only_the_issuers_keys_sign_webhooks() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let good = fixture.user_event("user.deleted", json!({ "id": "kp_1" }));
    let other = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    let kid = fixture.issuer.signing_key().kid().to_owned();
    let forged = good.clone().signed_with(&other).header("kid", kid.clone());
    assert_eq!(hook(&receiver, &forged).await.code(), "invalid_signature");
    assert_eq!(
        hook(&receiver, &good.clone().signed_with(&other))
            .await
            .code(),
        "unknown_key"
    );
    let elliptic = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let forged = good.clone().signed_with(&elliptic).header("kid", kid);
    assert_eq!(
        hook(&receiver, &forged).await.code(),
        "algorithm_not_allowed"
    );
    assert!(fixture.denylist.is_empty());
}

/// Rule 222.
/// One content type, and only POST.
#[tokio::test]
async fn content_type_and_method_are_checked() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let good = fixture.user_event("user.deleted", json!({ "id": "kp_1" }));
    let request = |content_types: &[&str]| {
        let mut request = good.event_request("/hooks/kinde");
        request.headers_mut().remove("content-type");
        for value in content_types {
            let value = http::HeaderValue::from_str(value).unwrap();
            request.headers_mut().append("content-type", value);
        }
        request
    };
    for wrong in [
        &[][..],
        &["application/json"],
        &["application/secevent+jwt"],
        &["application/jwt+x"],
        &["application/jwt", "application/jwt"],
    ] {
        let response = send(&receiver, request(wrong)).await;
        assert_eq!(response.code(), "invalid_content_type", "{wrong:?}");
        assert_eq!(
            response.status_and_err(),
            (400, "invalid_request".to_owned())
        );
    }
    let mut get = request(&["application/jwt"]);
    *get.method_mut() = http::Method::GET;
    let response = send(&receiver, get).await;
    assert_eq!(
        (response.status.as_u16(), &response.headers["allow"]),
        (405, &"POST".parse().unwrap())
    );
    let response = send(&receiver, request(&["Application/JWT; charset=utf-8"])).await;
    assert_eq!(response.status, 200);
}

/// Rules 217, 223.
/// The signed `event_id` decides, and not the header `webhook-id`.
#[tokio::test]
async fn repeated_event_has_no_second_effect() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let event = fixture.user_event("user.deleted", json!({ "id": "kp_1" }));
    assert_eq!(hook(&receiver, &event).await.status, 200);
    fixture.denylist.remove(&tower_m2m::DenylistEntry::subject(
        super::support::ISSUER,
        "kp_1",
    ));

    let mut replayed = event.event_request("/hooks/kinde");
    let other = http::HeaderValue::from_static("another-webhook-id");
    replayed.headers_mut().insert("webhook-id", other);
    assert_eq!(send(&receiver, replayed).await.status, 200);
    // Another data with the same ID is the same event.
    let same_id = event
        .clone()
        .claim("data", json!({ "user": { "id": "kp_2" } }));
    assert_eq!(hook(&receiver, &same_id).await.status, 200);
    assert!(fixture.denylist.is_empty());
    assert_eq!(receiver.status().duplicates, 2);

    // A new event with an old `webhook-id` takes effect.
    let mut fresh = fixture
        .user_event("user.deleted", json!({ "id": "kp_1" }))
        .event_request("/");
    let other = http::HeaderValue::from_static("another-webhook-id");
    fresh.headers_mut().insert("webhook-id", other);
    assert_eq!(send(&receiver, fresh).await.status, 200);
    assert_eq!(fixture.denylist.len(), 1);
}

/// Rules 220, 224.
/// Kinde tries again for 36 h, so 40 h are accepted.
#[tokio::test]
async fn webhooks_are_accepted_for_40_hours() {
    const HOUR: i64 = 3600;
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    for (sent_at, code) in [
        (NOW - 36 * HOUR, "accepted"),
        (NOW - 40 * HOUR, "accepted"),
        (NOW - 40 * HOUR - 1, "too_old"),
        (NOW + 300, "accepted"),
        (NOW + 301, "in_future"),
    ] {
        let event = fixture.user_event("user.deleted", json!({ "id": "kp_1" }));
        let at = events::timestamp(sent_at);
        let event = event
            .claim("timestamp", at.clone())
            .claim("event_timestamp", at);
        assert_eq!(hook(&receiver, &event).await.code(), code, "{sent_at}");
    }
}

/// Rule 214.
/// The transmitter tries again.
#[tokio::test]
async fn full_denylist_gives_503_and_the_retry_succeeds() {
    let fixture = Fixture::with_denylist(tower_m2m::Denylist::with_capacity(1));
    let receiver = fixture.webhooks();
    let other = tower_m2m::DenylistEntry::client(super::support::ISSUER, "client");
    fixture
        .denylist
        .deny(other.clone(), tower_m2m::EntryExpiry::Never)
        .unwrap();
    let event = fixture.user_event("user.deleted", json!({ "id": "kp_1" }));
    let response = hook(&receiver, &event).await;
    assert_eq!(
        (response.status.as_u16(), response.code()),
        (503, "not_stored")
    );
    assert!(response.headers.contains_key("retry-after"));
    fixture.denylist.remove(&other);
    assert_eq!(hook(&receiver, &event).await.status, 200);
    assert_eq!(fixture.token_of("kp_1", NOW).await, "suspended");
}

/// Rule 194.
/// An entry of a person stays.
#[tokio::test]
async fn webhook_removes_only_entries_of_webhooks() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let entry = tower_m2m::DenylistEntry::subject(super::support::ISSUER, "kp_1");
    fixture
        .denylist
        .deny(entry, tower_m2m::EntryExpiry::Never)
        .unwrap();
    let resumed = json!({ "id": "kp_1", "is_suspended": false });
    hook(&receiver, &fixture.user_event("user.updated", resumed)).await;
    assert_eq!(fixture.token_of("kp_1", NOW).await, "suspended");
}
