//! The table of effects of Security Event Tokens.

use std::time::Duration;

use serde_json::{Value, json};
use tower_m2m::testing::{TokenBuilder, events};
use tower_m2m::{Denylist, DenylistEntry, EntryExpiry, EventReceiver, Verifier};

use super::support::{Fixture, ISSUER, NOW, push, user};

/// The response, and what the verifier says about tokens of `user_1` from before the event, of its
/// second, and from after it.
async fn effect(fixture: &Fixture, event: &TokenBuilder) -> (u16, [&'static str; 3]) {
    let status = push(&fixture.events(), event).await.status.as_u16();
    let mut tokens = [""; 3];
    for (token, iat) in tokens.iter_mut().zip([NOW - 100, NOW - 10, NOW - 9]) {
        *token = fixture.token_of("user_1", iat).await;
    }
    (status, tokens)
}

fn happened(event: TokenBuilder) -> TokenBuilder {
    event.claim("toe", NOW - 10)
}

/// Rule 218.
/// Tokens issued up to and including the second of the event are rejected.
#[tokio::test]
async fn session_events_deny_older_tokens() {
    for (uri, members) in [
        (events::SESSION_REVOKED, json!({})),
        (
            events::TOKEN_CLAIMS_CHANGE,
            json!({ "claims": { "role": "x" } }),
        ),
        (
            events::ASSURANCE_LEVEL_CHANGE,
            json!({ "current_level": "nist-aal1" }),
        ),
        (
            events::CREDENTIAL_CHANGE,
            json!({ "change_type": "revoke" }),
        ),
        (
            events::CREDENTIAL_CHANGE,
            json!({ "change_type": "update" }),
        ),
        (
            events::CREDENTIAL_CHANGE,
            json!({ "change_type": "delete" }),
        ),
    ] {
        let fixture = Fixture::new();
        let event = happened(fixture.set(uri, user("user_1"), members));
        let expected = (202, ["revoked", "revoked", "ok"]);
        assert_eq!(effect(&fixture, &event).await, expected, "{uri}");
        assert_eq!(fixture.token_of("user_2", NOW - 100).await, "ok");
    }
}

/// The time is `event_timestamp`, otherwise `toe`, otherwise `iat`.
#[tokio::test]
async fn time_of_event_has_three_sources() {
    for (timestamp, toe, iat) in [
        (Some(json!(NOW - 10)), Some(NOW - 500), NOW),
        (Some(json!(1_770_119_990.75)), None, NOW),
        (None, Some(NOW - 10), NOW),
        (None, None, NOW - 10),
    ] {
        let fixture = Fixture::new();
        let members = timestamp.map_or(json!({}), |at| json!({ "event_timestamp": at }));
        let event = fixture
            .set(events::SESSION_REVOKED, user("user_1"), members)
            .claim("iat", iat);
        let event = toe.map_or(event.clone(), |toe| event.claim("toe", toe));
        assert_eq!(
            effect(&fixture, &event).await.1,
            ["revoked", "revoked", "ok"]
        );
    }
}

/// Disabled accounts get 403, because a new token would not help.
#[tokio::test]
async fn account_events_deny_the_subject() {
    for uri in [events::ACCOUNT_DISABLED, events::ACCOUNT_PURGED] {
        let fixture = Fixture::new();
        let event = fixture.set(uri, user("user_1"), json!({}));
        assert_eq!(
            effect(&fixture, &event).await,
            (202, ["suspended"; 3]),
            "{uri}"
        );
        let enabled = fixture.set(events::ACCOUNT_ENABLED, user("user_1"), json!({}));
        let enabled = enabled.claim("toe", NOW + 1);
        assert_eq!(effect(&fixture, &enabled).await.0, 202);
    }
}

/// `account-enabled` removes the entry of `account-disabled` only.
#[tokio::test]
async fn account_enabled_keeps_other_entries() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let disabled = fixture.set(events::ACCOUNT_DISABLED, user("user_1"), json!({}));
    push(&receiver, &happened(disabled)).await;
    push(&receiver, &happened(fixture.revoked())).await;
    let enabled = fixture.set(events::ACCOUNT_ENABLED, user("user_1"), json!({}));
    push(&receiver, &enabled).await;
    assert_eq!(fixture.token_of("user_1", NOW - 10).await, "revoked");
    assert_eq!(fixture.token_of("user_1", NOW - 9).await, "ok");

    let by_person = DenylistEntry::subject(ISSUER, "user_2");
    fixture
        .denylist
        .deny(by_person, EntryExpiry::Never)
        .unwrap();
    let enabled = fixture.set(events::ACCOUNT_ENABLED, user("user_2"), json!({}));
    push(&receiver, &enabled).await;
    assert_eq!(fixture.token_of("user_2", NOW).await, "suspended");
}

/// A subject of the format `jwt_id` is one token.
#[tokio::test]
async fn jwt_id_denies_one_token() {
    let fixture = Fixture::new();
    let token = |jti: &str| fixture.issuer.org("org_a").claim("jti", jti);
    let subject = json!({ "format": "jwt_id", "iss": ISSUER, "jti": "t1" });
    let event = fixture.set(events::SESSION_REVOKED, subject, json!({}));
    assert_eq!(push(&fixture.events(), &event).await.status, 202);
    assert_eq!(fixture.verify(&token("t1")).await, "revoked");
    assert_eq!(fixture.verify(&token("t2")).await, "ok");
}

/// Rule 219.
/// A new credential, unknown events and unknown subjects.
#[tokio::test]
async fn events_without_effect_are_accepted() {
    let caep = "https://schemas.openid.net/secevent/caep/event-type/";
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let email = json!({ "format": "email", "email": "a@example.com" });
    let cases = [
        (
            events::CREDENTIAL_CHANGE,
            user("user_1"),
            json!({ "change_type": "create" }),
        ),
        (
            events::CREDENTIAL_CHANGE,
            user("user_1"),
            json!({ "change_type": "audit" }),
        ),
        (
            &format!("{caep}device-compliance-change"),
            user("user_1"),
            json!({}),
        ),
        (
            &format!("{caep}session-revoked/"),
            user("user_1"),
            json!({}),
        ),
        ("https://example.com/own-event", Value::Null, json!({})),
        (events::SESSION_REVOKED, email, json!({})),
        (
            events::SESSION_REVOKED,
            json!({ "format": "opaque", "id": "user_1" }),
            json!({}),
        ),
        (events::ACCOUNT_ENABLED, user("never disabled"), json!({})),
        (events::SESSION_REVOKED, user(&"x".repeat(600)), json!({})),
    ];
    for (uri, subject, members) in cases {
        let response = push(&receiver, &fixture.set(uri, subject, members)).await;
        assert_eq!(
            (response.status.as_u16(), response.body.as_str()),
            (202, ""),
            "{uri}"
        );
    }
    assert!(fixture.denylist.is_empty());
}

/// Google's form: `subject` in the event, and `subject_type`.
#[tokio::test]
async fn subject_of_googles_transmitter_is_read() {
    let fixture = Fixture::new();
    let subject = json!({ "subject_type": "iss-sub", "iss": ISSUER, "sub": "user_1" });
    let event = |members| fixture.set(events::ACCOUNT_DISABLED, Value::Null, members);
    let google = event(json!({ "subject": subject, "reason": "hijacking" }));
    assert_eq!(effect(&fixture, &google).await, (202, ["suspended"; 3]));

    let receiver = fixture.events();
    let both = json!({ "format": "iss_sub", "subject_type": "iss-sub", "iss": ISSUER, "sub": "u" });
    assert_eq!(
        push(&receiver, &event(json!({ "subject": both })))
            .await
            .status,
        202
    );
    let mixed = json!({ "format": "iss_sub", "subject_type": "email", "iss": ISSUER, "sub": "u" });
    let response = push(&receiver, &event(json!({ "subject": mixed }))).await;
    assert_eq!(
        (response.status.as_u16(), response.code()),
        (400, "invalid_subject")
    );
    // Two subjects are two answers.
    let two = fixture.set(
        events::ACCOUNT_DISABLED,
        user("a"),
        json!({ "subject": user("b") }),
    );
    assert_eq!(push(&receiver, &two).await.code(), "invalid_subject");
    let same = fixture.set(
        events::ACCOUNT_DISABLED,
        user("a"),
        json!({ "subject": user("a") }),
    );
    assert_eq!(push(&receiver, &same).await.code(), "accepted");
}

/// Entries about tokens expire with the longest lifetime of a token, if it is known.
#[tokio::test]
async fn entries_expire_with_the_token_lifetime() {
    let fixture = Fixture::with_denylist(tower_m2m::Denylist::with_capacity(1));
    let settings = fixture
        .settings()
        .token_lifetime(std::time::Duration::from_secs(100));
    let receiver = settings.authorization(super::support::SECRET).unwrap();
    assert_eq!(push(&receiver, &fixture.revoked()).await.status, 202);
    let other = || fixture.set(events::SESSION_REVOKED, user("user_2"), json!({}));
    // The leeway of 5 minutes is added.
    fixture.clock.set(NOW + 101 + 300 - 1);
    assert_eq!(push(&receiver, &other()).await.code(), "not_stored");
    fixture.clock.set(NOW + 101 + 300);
    assert_eq!(push(&receiver, &other()).await.code(), "accepted");
}

/// Returns a list that these verifiers use, each with its largest age of a token, and a receiver of
/// the first verifier.
fn receiver_beside(fixture: &Fixture, max_ages: &[Option<u64>]) -> (Denylist, EventReceiver) {
    let denylist = Denylist::with_capacity(1);
    let verifiers = max_ages.iter().map(|max_age| {
        let trusted = Verifier::kinde("acme")
            .audience(fixture.issuer.audience())
            .leeway(Duration::ZERO)
            .jwk_set(fixture.issuer.jwks());
        let trusted = match max_age {
            Some(seconds) => trusted.max_age(Duration::from_secs(*seconds)),
            None => trusted,
        };
        Verifier::builder([trusted])
            .clock(fixture.clock.clone())
            .denylist(denylist.clone())
            .build()
            .unwrap()
    });
    let verifiers: Vec<_> = verifiers.collect();
    let receiver = EventReceiver::security_events(&verifiers[0], &denylist, ISSUER)
        .audience(super::support::EVENTS)
        .critical_subject_members(["device"])
        .authorization(super::support::SECRET)
        .unwrap();
    (denylist, receiver)
}

/// Returns whether an entry about tokens has expired at a second.
async fn has_expired(fixture: &Fixture, receiver: &EventReceiver, at: i64) -> bool {
    fixture.clock.set(at);
    let other = fixture.set(events::SESSION_REVOKED, user("user_2"), json!({}));
    push(receiver, &other).await.code() == "accepted"
}

/// Several verifiers use the list: an entry about tokens stays until none of them accepts such a
/// token.
#[tokio::test]
async fn entries_expire_with_the_longest_max_age() {
    for (max_ages, end) in [
        (&[Some(100)][..], Some(100)),
        (&[Some(100), Some(500)], Some(500)),
        (&[Some(500), Some(100)], Some(500)),
        (&[Some(100), None], None),
        (&[None], None),
    ] {
        let fixture = Fixture::new();
        let (_list, receiver) = receiver_beside(&fixture, max_ages);
        assert_eq!(push(&receiver, &fixture.revoked()).await.code(), "accepted");
        // The largest leeway of 5 minutes is added.
        let last = NOW + end.unwrap_or(1_000_000) + 300;
        assert!(
            !has_expired(&fixture, &receiver, last).await,
            "{max_ages:?}"
        );
        let is_expired = has_expired(&fixture, &receiver, last + 1).await;
        assert_eq!(is_expired, end.is_some(), "{max_ages:?}");
    }
}

/// A verifier that resolves issuers can accept older tokens of an issuer that it does not list.
#[tokio::test]
async fn entries_do_not_expire_if_a_verifier_resolves_the_issuer() {
    for (lists_issuer, is_limited) in [(false, false), (true, true)] {
        let fixture = Fixture::new();
        let (denylist, receiver) = receiver_beside(&fixture, &[Some(100)]);
        let trusted = || {
            let jwks = fixture.issuer.jwks();
            let trusted = if lists_issuer {
                Verifier::kinde("acme")
            } else {
                Verifier::issuer("https://other.example")
            };
            let trusted = trusted.audience(fixture.issuer.audience()).jwk_set(jwks);
            trusted
                .leeway(Duration::ZERO)
                .max_age(Duration::from_secs(50))
        };
        let resolver = |_: String| async { Ok(None::<tower_m2m::Issuer>) };
        let _resolving = Verifier::builder([trusted()])
            .resolve_issuers_with(resolver)
            .clock(fixture.clock.clone())
            .denylist(denylist.clone())
            .build()
            .unwrap();
        assert_eq!(push(&receiver, &fixture.revoked()).await.code(), "accepted");
        let is_expired = has_expired(&fixture, &receiver, NOW + 401).await;
        assert_eq!(is_expired, is_limited);
    }
}
