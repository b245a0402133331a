//! Security Event Tokens: which are accepted, and the responses of RFC 8935.

use serde_json::{Value, json};
use tower_m2m::testing::{SigningAlgorithm, SigningKey, TokenBuilder, events};

use super::support::{EVENTS, Fixture, ISSUER, NOW, SECRET, push, send, send_as, user};

const SET_TYPE: &str = "application/secevent+jwt";

/// Sends an event with the content type of a SET.
async fn rejected(fixture: &Fixture, event: &TokenBuilder) -> (u16, String, &'static str) {
    let response = send_as(&fixture.events(), event.token(), SET_TYPE).await;
    let (status, err) = response.status_and_err();
    if status == 400 {
        assert_eq!(response.headers["content-language"], "en");
        assert_eq!(response.headers["content-type"], "application/json");
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert!(body["description"].is_string());
    }
    assert!(fixture.denylist.is_empty(), "{}", response.code());
    (status, err, response.code())
}

/// Rules 208–213, 220.
/// Each deviation gets 400 with a code of RFC 8935 §2.4.
#[tokio::test]
async fn invalid_sets_are_rejected_with_codes() {
    let fixture = Fixture::new();
    let good = fixture.revoked();
    let two = json!({ events::SESSION_REVOKED: {}, events::ACCOUNT_DISABLED: {} });
    let at = |members| fixture.set(events::SESSION_REVOKED, user("user_1"), members);
    for (event, err, code) in [
        // Rule 208
        (
            good.clone().without("iss"),
            "invalid_issuer",
            "invalid_issuer",
        ),
        (
            good.clone().without("iat"),
            "invalid_request",
            "missing_claim",
        ),
        (
            good.clone().without("jti"),
            "invalid_request",
            "missing_claim",
        ),
        (
            good.clone().without("events"),
            "invalid_request",
            "missing_claim",
        ),
        (
            good.clone().claim("iss", json!([ISSUER])),
            "invalid_issuer",
            "invalid_issuer",
        ),
        (
            good.clone().claim("iat", "now"),
            "invalid_request",
            "malformed_claim",
        ),
        (
            good.clone().claim("iat", Value::Null),
            "invalid_request",
            "malformed_claim",
        ),
        (
            good.clone().claim("iat", NOW * 1000),
            "invalid_request",
            "malformed_claim",
        ),
        (
            good.clone().claim("jti", 7),
            "invalid_request",
            "malformed_claim",
        ),
        (
            good.clone().claim("jti", ""),
            "invalid_request",
            "malformed_claim",
        ),
        (
            good.clone().claim("jti", "x".repeat(513)),
            "invalid_request",
            "malformed_claim",
        ),
        (
            good.clone().claim("events", json!([])),
            "invalid_request",
            "malformed_claim",
        ),
        (
            good.clone().claim("events", json!({})),
            "invalid_request",
            "not_one_event",
        ),
        (
            good.clone()
                .claim("events", json!({ events::SESSION_REVOKED: 7 })),
            "invalid_request",
            "malformed_claim",
        ),
        (
            good.clone().claim("events", json!({ "x": null })),
            "invalid_request",
            "malformed_claim",
        ),
        // Rule 209
        (
            good.clone().header("typ", "JWT"),
            "invalid_request",
            "invalid_type",
        ),
        (
            good.clone().header("typ", "at+jwt"),
            "invalid_request",
            "invalid_type",
        ),
        (
            good.clone().without_header("typ"),
            "invalid_request",
            "invalid_type",
        ),
        // Rule 210
        (
            good.clone().claim("sub", "user_1"),
            "invalid_request",
            "unexpected_claim",
        ),
        (
            good.clone().claim("exp", NOW + 60),
            "invalid_request",
            "unexpected_claim",
        ),
        (
            good.clone().claim("exp", Value::Null),
            "invalid_request",
            "unexpected_claim",
        ),
        // Rule 211
        (
            good.clone().claim("iss", "https://acme.kinde.com/"),
            "invalid_issuer",
            "invalid_issuer",
        ),
        (
            good.clone().claim("iss", "https://other.example"),
            "invalid_issuer",
            "invalid_issuer",
        ),
        (
            good.clone().without("aud"),
            "invalid_audience",
            "invalid_audience",
        ),
        (
            good.clone().claim("aud", "https://other.example"),
            "invalid_audience",
            "invalid_audience",
        ),
        (
            good.clone().claim("aud", json!([])),
            "invalid_audience",
            "invalid_audience",
        ),
        (
            good.clone().claim("aud", Value::Null),
            "invalid_audience",
            "invalid_audience",
        ),
        // Rule 212
        (
            good.clone().claim("events", two),
            "invalid_request",
            "not_one_event",
        ),
        // Rule 220
        (
            good.clone().claim("iat", NOW - 7 * 86_400 - 1),
            "invalid_request",
            "too_old",
        ),
        (
            good.clone().claim("iat", NOW + 301),
            "invalid_request",
            "in_future",
        ),
        (
            good.clone().claim("toe", NOW + 301),
            "invalid_request",
            "in_future",
        ),
        (
            at(json!({ "event_timestamp": NOW + 301 })),
            "invalid_request",
            "in_future",
        ),
        (
            at(json!({ "event_timestamp": "2026-02-03T12:00:00Z" })),
            "invalid_request",
            "malformed_claim",
        ),
        (
            at(json!({ "event_timestamp": -1 })),
            "invalid_request",
            "malformed_claim",
        ),
        (
            good.clone().without("sub_id"),
            "invalid_request",
            "invalid_subject",
        ),
        (
            good.clone().claim("sub_id", "user_1"),
            "invalid_request",
            "invalid_subject",
        ),
        (
            fixture.set(events::CREDENTIAL_CHANGE, user("u"), json!({})),
            "invalid_request",
            "missing_claim",
        ),
        // The header and the key
        (
            good.clone().header("crit", json!(["x"])),
            "invalid_request",
            "unsupported_crit",
        ),
        (
            good.clone().header("alg", "none"),
            "invalid_request",
            "unknown_algorithm",
        ),
        (
            good.clone().header("alg", "HS256"),
            "invalid_request",
            "unknown_algorithm",
        ),
        (
            good.clone().header("alg", "ES256"),
            "invalid_key",
            "algorithm_not_allowed",
        ),
        (
            good.clone().header("kid", "unknown"),
            "invalid_key",
            "unknown_key",
        ),
    ] {
        assert_eq!(
            rejected(&fixture, &event).await,
            (400, err.to_owned(), code)
        );
    }
}

/// Rules 209, 211, 220.
/// The last values that are accepted.
#[tokio::test]
async fn boundary_values_are_accepted() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    for typ in ["secevent+jwt", "SecEvent+JWT", "application/secevent+jwt"] {
        let event = fixture.revoked().header("typ", typ);
        let response = send_as(&receiver, event.token(), SET_TYPE).await;
        assert_eq!(response.code(), "accepted", "{typ}");
    }
    for event in [
        fixture.revoked().claim("iat", NOW - 7 * 86_400),
        fixture.revoked().claim("iat", NOW + 300),
        fixture.revoked().claim("toe", NOW + 300),
        fixture.revoked().claim("toe", NOW - 365 * 86_400),
        fixture
            .revoked()
            .claim("aud", json!(["https://other.example", EVENTS])),
        fixture.revoked().claim("jti", "x".repeat(512)),
    ] {
        assert_eq!(push(&receiver, &event).await.code(), "accepted");
    }
}

/// A signature of another key.
#[tokio::test]
async fn forged_signature_gets_authentication_failed() {
    let fixture = Fixture::new();
    let other = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    let kid = fixture.issuer.signing_key().kid().to_owned();
    let forged = fixture.revoked().signed_with(&other).header("kid", kid);
    let expected = (400, "authentication_failed".to_owned(), "invalid_signature");
    assert_eq!(rejected(&fixture, &forged).await, expected);
}

/// Rule 217.
/// The same SET again gets 202 and has no second effect. A SET that is not authentic is
/// not stored as seen.
#[tokio::test]
async fn replayed_set_has_no_second_effect() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let event = fixture.set(events::ACCOUNT_DISABLED, user("user_1"), json!({}));
    let other = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    let kid = fixture.issuer.signing_key().kid().to_owned();
    let forged = event.clone().signed_with(&other).header("kid", kid);
    assert_eq!(push(&receiver, &forged).await.status, 400);
    assert_eq!(push(&receiver, &event).await.status, 202);
    fixture
        .denylist
        .remove(&tower_m2m::DenylistEntry::subject(ISSUER, "user_1"));
    assert_eq!(push(&receiver, &event).await.status, 202);
    assert!(fixture.denylist.is_empty());
    let status = receiver.status();
    assert_eq!(
        (status.applied, status.duplicates, status.rejected),
        (1, 1, 1)
    );
    assert_eq!(status.seen_events, 1);
}

/// Rule 215.
/// The secret is compared before the body is read.
#[tokio::test]
async fn secret_is_checked_before_the_body() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let never = || {
        http_body_util::StreamBody::new(futures_util::stream::pending::<
            Result<http_body::Frame<bytes::Bytes>, std::io::Error>,
        >())
    };
    for values in [
        &[][..],
        &["Bearer other-secret-of-the-stream"],
        &[""],
        &[SECRET, SECRET],
    ] {
        let mut request = http::Request::post("/").body(never()).unwrap();
        request
            .headers_mut()
            .insert("content-type", "application/secevent+jwt".parse().unwrap());
        for value in values {
            request
                .headers_mut()
                .append("authorization", value.parse().unwrap());
        }
        let response = send(&receiver, request).await;
        assert_eq!(
            response.status_and_err(),
            (401, "authentication_failed".into())
        );
        assert!(response.headers.contains_key("www-authenticate"));
    }
    // Without a secret the signature is still verified.
    let open = fixture.settings().without_authorization().unwrap();
    let request = fixture.revoked().event_request("/");
    assert_eq!(send(&open, request).await.status, 202);
}

/// Rule 329.
/// The state of a requested verification event is compared.
#[tokio::test]
async fn state_of_verification_event_is_compared() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let stream = json!({ "format": "opaque", "id": "stream-1" });
    let event = |members| fixture.set(events::VERIFICATION, stream.clone(), members);
    assert_eq!(push(&receiver, &event(json!({}))).await.status, 202);
    let response = push(&receiver, &event(json!({ "state": "s1" }))).await;
    assert_eq!(response.status_and_err(), (400, "invalid_state".into()));
    assert_eq!(response.headers["content-language"], "en");

    receiver.expect_verification("s1");
    receiver.expect_verification("s2");
    let response = push(&receiver, &event(json!({ "state": "s3" }))).await;
    assert_eq!(response.status_and_err(), (400, "invalid_state".into()));
    for state in ["s2", "s1"] {
        assert_eq!(
            push(&receiver, &event(json!({ "state": state })))
                .await
                .status,
            202
        );
        let again = push(&receiver, &event(json!({ "state": state }))).await;
        assert_eq!(again.status_and_err(), (400, "invalid_state".into()));
    }
    assert_eq!(
        push(&receiver, &event(json!({ "state": 7 }))).await.code(),
        "malformed_claim"
    );
    assert_eq!(receiver.status().last_verified_at, Some(NOW));
}

/// `stream-updated` is in the status.
#[tokio::test]
async fn status_of_the_stream_is_recorded() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let event = fixture.set(
        events::STREAM_UPDATED,
        Value::Null,
        json!({ "status": "paused" }),
    );
    assert_eq!(push(&receiver, &event).await.status, 202);
    assert_eq!(
        receiver.status().stream,
        Some(tower_m2m::StreamStatus::Paused)
    );
}

/// Rule 216.
/// The transmitter speaks for another issuer only if it is configured.
#[tokio::test]
async fn transmitter_speaks_for_configured_issuers() {
    let clock = tower_m2m::Clock::manual(NOW);
    let idp = tower_m2m::testing::LocalIssuer::builder()
        .clock(clock.clone())
        .in_process("https://idp.example")
        .unwrap();
    let fixture = Fixture::new();
    let transmitter = tower_m2m::Verifier::issuer(idp.url()).audience(EVENTS);
    let keys = transmitter.jwk_set(idp.jwks());
    let verifier = tower_m2m::Verifier::builder([keys])
        .clock(clock)
        .denylist(fixture.denylist.clone())
        .build()
        .unwrap();
    let settings = || {
        tower_m2m::EventReceiver::security_events(&verifier, &fixture.denylist, idp.url())
            .audience(EVENTS)
            .critical_subject_members(["x"; 0])
    };
    let event = || {
        let set = idp.security_event(events::ACCOUNT_DISABLED, user("user_1"), json!({}));
        set.audience(EVENTS)
    };
    let receiver = settings().authorization(SECRET).unwrap();
    assert_eq!(
        push(&receiver, &event()).await.code(),
        "subject_of_other_issuer"
    );
    let receiver = settings().speaks_for(ISSUER).authorization(SECRET).unwrap();
    assert_eq!(push(&receiver, &event()).await.code(), "accepted");
    assert_eq!(fixture.token_of("user_1", NOW).await, "suspended");
    // A tenant without an issuer is that of the only issuer that the transmitter speaks for.
    let tenant = json!({ "format": "complex", "tenant": { "format": "opaque", "id": "org_a" } });
    let set = idp.security_event(events::SESSION_REVOKED, tenant.clone(), json!({}));
    assert_eq!(
        push(&receiver, &set.audience(EVENTS)).await.code(),
        "accepted"
    );
    assert_eq!(
        fixture.verify(&fixture.issuer.org("org_a")).await,
        "revoked"
    );
    // With two, it is not known.
    let both = settings().speaks_for(ISSUER).speaks_for(idp.url());
    let receiver = both.authorization(SECRET).unwrap();
    let before = fixture.denylist.len();
    let set = idp.security_event(events::SESSION_REVOKED, tenant, json!({}));
    assert_eq!(
        push(&receiver, &set.audience(EVENTS)).await.code(),
        "accepted"
    );
    assert_eq!(
        (receiver.status().ignored, fixture.denylist.len()),
        (1, before)
    );
    let unknown = settings()
        .speaks_for("https://unknown.example")
        .authorization(SECRET);
    assert_eq!(unknown.unwrap_err().setting(), "denylist");
}

/// Rule 229.
/// JSON is read as strictly as in tokens.
#[tokio::test]
async fn duplicate_members_are_rejected() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let good = fixture.revoked().payload_json();
    for payload in [
        good.replacen('{', r#"{"iat":1,"#, 1),
        good.replacen(r#""sub":"#, r#""sub":"other","sub":"#, 1),
        good.replacen(
            r#""sub_id":"#,
            &format!(r#""x":{}1{},"sub_id":"#, "[".repeat(200), "]".repeat(200)),
            1,
        ),
        format!("{good} "),
    ] {
        let token = fixture
            .issuer
            .sign_raw(&fixture.revoked().header_json(), payload.as_bytes());
        let response = send_as(&receiver, token, SET_TYPE).await;
        let is_good = payload.ends_with(' ');
        let expected = if is_good {
            "accepted"
        } else {
            "invalid_claims_set"
        };
        assert_eq!(response.code(), expected, "{payload}");
    }
}
