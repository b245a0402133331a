//! Keys that are not used: one event per set, and a reason for every key if no key is usable.

use serde_json::{Value, json};
use tower_m2m::jwks::{JwksError, KeyError, KeySet};
use tower_m2m::{Algorithm, StartError, Verifier};

use tracing::Level;

use super::harness::{Behavior, FakeIssuer, pass, secs, settle, verdict};
use super::recorder::Recorder;

const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// Returns a set of the issuer's own keys, with others before and after them.
fn set_with(fake: &FakeIssuer, before: &[Value], after: &[Value]) -> Vec<u8> {
    let own: Value = serde_json::from_str(&fake.issuer.jwks()).unwrap();
    let keys = [before, own["keys"].as_array().unwrap(), after].concat();
    json!({ "keys": keys }).to_string().into()
}

fn akp(kid: &str) -> Value {
    json!({ "kty": "AKP", "kid": kid, "alg": "ML-DSA-44", "pub": "AA" })
}

fn other_curve(kid: &str) -> Value {
    json!({ "kty": "EC", "crv": "secp256k1", "kid": kid, "x": "AA", "y": "AA" })
}

/// Rules 301, 302, 305. Row A10: WARN once per set for broken and private keys, DEBUG for
/// unsupported types.
#[tokio::test(start_paused = true)]
async fn unused_keys_are_one_event_per_set_and_level() {
    let lines = Recorder::lines(Level::TRACE);
    let _events = crate::subscriber::set_subscriber(lines.clone());
    let fake = FakeIssuer::new();
    let private =
        json!({ "kty": "AKP", "kid": "seed", "alg": "ML-DSA-44", "pub": "AA", "priv": "AA" });
    let broken = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "broken", "x": "AA" });
    let encryption = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "enc", "x": X, "use": "enc" });
    let before = [akp("a1"), private, other_curve("p1")];
    let set = set_with(&fake, &before, &[broken, encryption, akp("a2")]);
    fake.set_behavior(Behavior::Body(set));
    let verifier = fake.verifier();
    settle().await;
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    let ignored = || {
        let mut events = lines.take();
        events.retain(|line| line.contains("ignoring"));
        events
    };
    let issuer = "issuer=\"https://issuer.example\"";
    let unsupported = "the key type or curve is not supported";
    let expected = [
        format!(
            "WARN ignoring unusable keys {issuer} keys=2 reasons=key \"seed\": the private part of the key is published; \
             key \"broken\": a member is absent or malformed: x"
        ),
        format!(
            "DEBUG ignoring unsupported keys {issuer} keys=4 reasons=key \"a1\": {unsupported}; key \"p1\": {unsupported}; \
             key \"enc\": use or key_ops excludes verifying signatures; key \"a2\": {unsupported}"
        ),
    ];
    assert_eq!(ignored(), expected);
    pass(&fake.clock, secs(3600)).await;
    assert!(ignored().is_empty() && fake.fetches() > 2);
    // If a set has only unsupported keys, no event is above DEBUG.
    fake.set_behavior(Behavior::Body(set_with(&fake, &[akp("a1")], &[])));
    pass(&fake.clock, secs(3600)).await;
    let events = ignored();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].starts_with("DEBUG"), "{events:?}");
}

/// A limit that cuts a set off is an event at level WARN that names the setting.
#[tokio::test(start_paused = true)]
async fn reached_limits_are_events() {
    let lines = Recorder::lines(Level::TRACE);
    let _events = crate::subscriber::set_subscriber(lines.clone());
    let fake = FakeIssuer::new();
    let own: Value = serde_json::from_str(&fake.issuer.jwks()).unwrap();
    let mut second = own["keys"][0].clone();
    second["kid"] = "second".into();
    let set = set_with(&fake, &[], &[second]);
    let size = set.len();
    fake.set_behavior(Behavior::Body(set));
    let build = |issuer: tower_m2m::Issuer| {
        let builder = Verifier::builder([issuer]).clock(fake.clock.clone());
        builder.build().unwrap()
    };
    let verifier = build(fake.trusted().max_usable_keys(1));
    settle().await;
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    let events = lines.take().join("\n");
    let expected = "WARN ignoring unusable keys issuer=\"https://issuer.example\" keys=1 reasons=key \"second\": ";
    assert!(events.contains(expected), "{events}");
    assert!(events.contains("max_usable_keys"), "{events}");

    let verifier = build(fake.trusted().max_key_set_bytes(1024).max_usable_keys(2));
    assert!(size < 1024, "{size}");
    settle().await;
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    assert!(!lines.take().join("\n").contains("WARN"));
    let padded = format!("{}{}", " ".repeat(1024), fake.issuer.jwks());
    fake.set_behavior(Behavior::Body(padded.into()));
    let _verifier = build(fake.trusted().max_key_set_bytes(1024));
    settle().await;
    let events = lines.take().join("\n");
    assert!(events.contains("WARN key fetch failed"), "{events}");
    assert!(events.contains("code=\"too_large\""), "{events}");
    assert!(events.contains("max_key_set_bytes"), "{events}");
}

/// Rule 303.
#[tokio::test(start_paused = true)]
async fn usable_key_is_found_beside_an_akp_key_of_its_name() {
    let fake = FakeIssuer::new();
    let own: Value = serde_json::from_str(&fake.issuer.jwks()).unwrap();
    let kid = own["keys"][0]["kid"].as_str().unwrap().to_owned();
    for (before, after) in [(vec![akp(&kid)], vec![]), (vec![], vec![akp(&kid)])] {
        fake.set_behavior(Behavior::Body(set_with(&fake, &before, &after)));
        let verifier = fake.verifier();
        settle().await;
        assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    }
}

/// Rule 304: before any key is looked up.
#[tokio::test(start_paused = true)]
async fn ml_dsa_token_is_rejected_before_any_fetch() {
    let fake = FakeIssuer::new();
    let verifier = Verifier::builder([fake.trusted()])
        .clock(fake.clock.clone())
        .start_lazily()
        .build()
        .unwrap();
    for algorithm in ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"] {
        let token = fake.issuer.org("org_a").header("alg", algorithm).token();
        assert_eq!(verdict(&verifier, &token).await, "unknown_algorithm");
    }
    assert_eq!(fake.fetches(), 0);
}

/// Row B4: every key has its reason in the event, in status, in the start error and in an
/// explanation.
#[tokio::test(start_paused = true)]
async fn set_without_usable_key_names_each_key_and_reason() {
    let lines = Recorder::lines(Level::TRACE);
    let _events = crate::subscriber::set_subscriber(lines.clone());
    let fake = FakeIssuer::new();
    let malformed = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "b\n", "x": 7 });
    let set = json!({ "keys": [other_curve("a"), malformed, { "kty": "EC" }] });
    fake.set_behavior(Behavior::Body(set.to_string().into()));
    let reasons = [
        "key \"a\": the key type or curve is not supported",
        "key \"b\\n\": a member is absent or malformed: x",
        "a key without a name: a member is absent or malformed: crv",
    ];
    let error = Verifier::builder([fake.trusted()])
        .clock(fake.clock.clone())
        .build_ready()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no usable key"), "{error}");
    for reason in reasons {
        assert!(error.to_string().contains(reason), "{error}");
    }
    let StartError::KeyFetch {
        error,
        unusable_keys,
        ..
    } = error
    else {
        panic!("keys were not fetched")
    };
    assert_eq!(error.cause(), &JwksError::NoUsableKey);
    assert_eq!(unusable_keys.len(), 3);
    lines.take();

    let verifier = fake.verifier();
    settle().await;
    let status = &verifier.status()[0];
    assert_eq!(status.unusable_keys, unusable_keys);
    assert_eq!(status.unusable_keys[1].member, Some("x"));
    assert!(!status.is_ready());
    let explanation = verifier.explain(&fake.token()).await.to_string();
    let events = lines.take().join("\n");
    for reason in reasons {
        assert!(explanation.contains(reason), "{explanation}");
        assert!(events.contains(reason), "{events}");
    }
    // The event is not repeated with each retry, and the list ends with the failure.
    pass(&fake.clock, secs(60)).await;
    assert!(fake.fetches() > 3);
    assert!(!lines.take().join("\n").contains("ignoring"));
    fake.set_behavior(Behavior::Good);
    pass(&fake.clock, secs(60)).await;
    assert!(verifier.status()[0].unusable_keys.is_empty());
}

/// Row B4: the member of each kind of malformed key.
#[test]
fn malformed_member_is_named() {
    for (key, member) in [
        (json!({ "kid": "k" }), Some("kty")),
        (json!({ "kty": 1 }), Some("kty")),
        (json!({ "kty": "RSA", "e": "AQAB" }), Some("n")),
        (json!({ "kty": "RSA", "n": "AQAB" }), Some("e")),
        (json!({ "kty": "RSA", "n": "AQAB", "e": "!" }), Some("e")),
        (
            json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": 7 }),
            Some("alg"),
        ),
        (
            json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "key_ops": "verify" }),
            Some("key_ops"),
        ),
        (json!({ "kty": "EC" }), Some("crv")),
        (json!({ "kty": "EC", "crv": "P-256", "y": X }), Some("x")),
        (json!({ "kty": "EC", "crv": "P-256", "x": X }), Some("y")),
        (
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" }),
            Some("x"),
        ),
        (
            json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": ["k"] }),
            Some("kid"),
        ),
        (json!([1]), None),
        (json!("key"), None),
    ] {
        let set = json!({ "keys": [key] }).to_string();
        let set = KeySet::parse(set.as_bytes(), &Algorithm::ALL).unwrap();
        let unusable = &set.unusable_keys()[0];
        assert_eq!(
            (unusable.reason, unusable.member),
            (KeyError::Malformed, member),
            "{key}"
        );
    }
}
