//! How much of a key set and of a token is read: the table of the guide, and the sets that reached
//! the limits.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tower_m2m::jwks::{JwksError, KeyError, KeySet};
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::{Algorithm, Clock, Issuer, Verifier, VerifierBuilder};

use super::support::{ISSUER, NOW, jwks, key, sign, token, verify, with};

const CHAPTER: &str = include_str!("../../src/guide/operations.md");

/// Returns the first number in the guide's row, with its unit resolved.
fn limit(row: &str) -> usize {
    let line = CHAPTER
        .lines()
        .find(|line| line.starts_with(&format!("| {row} |")))
        .unwrap_or_else(|| panic!("no row {row}"));
    let bound = line.split(" | ").nth(1).unwrap();
    let mut words = bound.split(' ');
    let number = words.next().unwrap().replace(',', "");
    let number: usize = number
        .trim_end_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .unwrap();
    match words.next() {
        Some("KiB") => number * 1024,
        Some("MiB") => number * 1024 * 1024,
        _ => number,
    }
}

/// An issuer that publishes this document.
fn publishes(document: &str) -> Issuer {
    let document = document.to_owned();
    Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .jwks_url("https://issuer.example/jwks")
        .fetch_with(move |_| {
            let document = document.clone();
            async move { Ok(http::Response::new(document.into_bytes())) }
        })
}

fn builder(issuer: Issuer) -> VerifierBuilder {
    Verifier::builder([issuer]).clock(Clock::manual(NOW))
}

/// A set of exactly this size, with one key.
fn padded(key: &SigningKey, bytes: usize) -> String {
    let set = jwks(&[key.public_jwk()]);
    let padding = " ".repeat(bytes - set.len());
    format!("{padding}{set}")
}

/// Keys that can be used, each with a `kid` of its own, and at the end the key that signs.
fn many_keys(key: &SigningKey, count: usize) -> Vec<Value> {
    let numbered = (1..count).map(|at| key.clone().with_kid(format!("k{at}")).public_jwk());
    numbered.chain([key.public_jwk()]).collect()
}

async fn listed(document: &str, signer: &SigningKey) -> Result<(), String> {
    let verifier = builder(publishes(document)).build_ready().await;
    let verifier = verifier.map_err(|error| error.to_string())?;
    let result = verifier.verify(&token(signer, &json!({}))).await;
    result
        .map(|_| ())
        .map_err(|rejection| rejection.code().to_owned())
}

async fn resolved(
    issuer: impl Fn() -> Issuer + Send + Sync + 'static,
    signer: &SigningKey,
) -> Result<(), String> {
    let verifier = Verifier::builder([])
        .clock(Clock::manual(NOW))
        .resolve_issuers_with(move |_| {
            let issuer = issuer();
            async move { Ok(Some(issuer)) }
        })
        .build()
        .unwrap();
    let result = verifier.verify(&token(signer, &json!({}))).await;
    result
        .map(|_| ())
        .map_err(|rejection| rejection.code().to_owned())
}

#[tokio::test]
async fn key_set_limits_of_listed_issuers_are_those_of_the_guide() {
    let key = key(SigningAlgorithm::EdDsa);
    let bytes = limit("a key set of a listed issuer");
    assert_eq!(listed(&padded(&key, bytes), &key).await, Ok(()));
    assert!(
        listed(&padded(&key, bytes + 1), &key)
            .await
            .unwrap_err()
            .contains("too large")
    );
    let keys = limit("usable keys of a listed issuer");
    assert_eq!(listed(&jwks(&many_keys(&key, keys)), &key).await, Ok(()));
    assert_eq!(
        listed(&jwks(&many_keys(&key, keys + 1)), &key).await,
        Err("unknown_key".to_owned())
    );
}

#[tokio::test]
async fn key_set_limits_of_resolved_issuers_are_those_of_the_guide() {
    let key = key(SigningAlgorithm::EdDsa);
    let bytes = limit("a key set of a resolved issuer");
    for (bytes, expected) in [
        (bytes, Ok(())),
        (bytes + 1, Err("keys_unavailable".to_owned())),
    ] {
        let document = padded(&key, bytes);
        assert_eq!(resolved(move || publishes(&document), &key).await, expected);
    }
    let keys = limit("usable keys of a resolved issuer");
    for (keys, expected) in [(keys, Ok(())), (keys + 1, Err("unknown_key".to_owned()))] {
        let document = jwks(&many_keys(&key, keys));
        assert_eq!(resolved(move || publishes(&document), &key).await, expected);
    }
    // The resolver's answer can say more.
    let large = padded(&key, bytes * 2);
    let raised = move || publishes(&large).max_key_set_bytes(1024 * 1024);
    assert_eq!(resolved(raised, &key).await, Ok(()));
    let many = jwks(&many_keys(&key, keys * 3));
    let raised = move || publishes(&many).max_usable_keys(keys * 3);
    assert_eq!(resolved(raised, &key).await, Ok(()));
}

/// 120 keys of an unknown type before the good one; 302 keys; 151 keys of which the one at place
/// 101 signs.
#[tokio::test]
async fn unusable_keys_do_not_count() {
    let key = key(SigningAlgorithm::EdDsa);
    let unknown = json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "pq" });
    for (count, keys) in [(120, 1), (1_500, 1), (151, 151), (100, 302)] {
        let mut set = vec![unknown.clone(); count];
        set.extend(many_keys(&key, keys));
        assert_eq!(
            listed(&jwks(&set), &key).await,
            Ok(()),
            "{count} before {keys}"
        );
    }
    let signer = key.clone().with_kid("at 101");
    let mut set = many_keys(&key, 151);
    set[100] = signer.public_jwk();
    assert_eq!(listed(&jwks(&set), &signer).await, Ok(()));
}

/// 46 RSA keys of 4,096 bits with certificate chains take some 350 kB.
#[tokio::test]
async fn large_sets_with_certificates_are_read() {
    let key = key(SigningAlgorithm::EdDsa);
    let chain = json!(["M".repeat(2_000), "M".repeat(2_000), "M".repeat(2_600)]);
    let keys = many_keys(&key, 46);
    let keys: Vec<Value> = keys
        .iter()
        .map(|jwk| with(jwk, &[("x5c", Some(chain.clone()))]))
        .collect();
    let document = jwks(&keys);
    assert!((300_000..400_000).contains(&document.len()));
    assert_eq!(listed(&document, &key).await, Ok(()));
}

/// Each limit that is reached is visible without a token.
#[tokio::test]
async fn reached_limits_are_in_the_status() {
    let key = key(SigningAlgorithm::EdDsa);
    let unknown = json!({ "kty": "AKP", "kid": "pq" });
    let mut set = vec![unknown; 200];
    set.extend(many_keys(&key, 8));
    let verifier = builder(publishes(&jwks(&set)).max_usable_keys(5))
        .build_ready()
        .await
        .unwrap();
    let status = verifier.status().remove(0);
    assert_eq!((status.keys.len(), status.unusable_keys.len()), (5, 100));
    assert!(
        status
            .unusable_keys
            .iter()
            .any(|key| key.reason == KeyError::TooManyKeys)
    );
    let verifier = builder(publishes(&padded(&key, 5_000)).max_key_set_bytes(4_999));
    assert!(verifier.build_ready().await.is_err());
    let verifier = builder(publishes(&padded(&key, 5_000)).max_key_set_bytes(4_999))
        .build()
        .unwrap();
    let _ = verifier.verify(&token(&key, &json!({}))).await;
    let error = verifier.status()[0].last_error.clone().unwrap();
    assert_eq!(error.cause(), &JwksError::TooLarge);
}

#[tokio::test]
async fn metadata_limit_is_that_of_the_guide() {
    let key = key(SigningAlgorithm::EdDsa);
    let bytes = limit("issuer metadata");
    for (bytes, expected) in [(bytes, true), (bytes + 1, false)] {
        let metadata = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{ISSUER}/jwks"}}"#);
        let metadata = format!("{}{metadata}", " ".repeat(bytes - metadata.len()));
        let set = jwks(&[key.public_jwk()]);
        let issuer = Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .fetch_with(move |request| {
                let is_metadata = request.uri().path().contains(".well-known");
                let document = if is_metadata {
                    metadata.clone()
                } else {
                    set.clone()
                };
                async move { Ok(http::Response::new(document.into_bytes())) }
            });
        assert_eq!(
            builder(issuer).build_ready().await.is_ok(),
            expected,
            "{bytes}"
        );
    }
}

/// A token with this many JSON values in its claims.
fn with_values(key: &SigningKey, values: usize) -> String {
    // The object, four claims, the array, and its items.
    let items = vec!["1"; values - 6].join(",");
    let payload = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{},"client_id":"c","x":[{items}]}}"#,
        NOW + 60
    );
    sign(key, r#"{"alg":"EdDSA","kid":"k"}"#, &payload)
}

#[test]
fn claim_values_grow_with_the_token() {
    let key = key(SigningAlgorithm::EdDsa);
    let issuer = || {
        Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(jwks(&[key.public_jwk()]))
    };
    let least = limit("JSON values in the claims of a token");
    for (token_bytes, values) in [
        (8 * 1024, least),
        (4 * 1024, least),
        (64 * 1024, 8_192),
        (16 * 1024, 2_048),
    ] {
        let verifier = builder(issuer())
            .max_token_bytes(token_bytes)
            .build()
            .unwrap();
        assert!(
            verify(&verifier, &with_values(&key, values)).is_ok(),
            "{token_bytes}"
        );
        let rejection = verify(&verifier, &with_values(&key, values + 1)).unwrap_err();
        assert_eq!(rejection.code(), "invalid_claims_set", "{token_bytes}");
        assert!(
            rejection.to_string().contains("max_claim_values"),
            "{rejection}"
        );
    }
    let verifier = builder(issuer()).max_claim_values(100).build().unwrap();
    assert!(verify(&verifier, &with_values(&key, 100)).is_ok());
    assert!(verify(&verifier, &with_values(&key, 101)).is_err());
    for values in [31, 32_769] {
        let error = builder(issuer())
            .max_claim_values(values)
            .build()
            .unwrap_err();
        assert_eq!(error.setting(), "max_claim_values");
    }
    for (issuer, setting) in [
        (issuer().max_key_set_bytes(1_023), "max_key_set_bytes"),
        (
            issuer().max_key_set_bytes(16 * 1024 * 1024 + 1),
            "max_key_set_bytes",
        ),
        (issuer().max_usable_keys(0), "max_usable_keys"),
        (issuer().max_usable_keys(10_001), "max_usable_keys"),
    ] {
        assert_eq!(issuer.build().unwrap_err().setting(), setting);
    }
}

/// Returns the time that this thread ran, so that a busy machine makes no difference, or the time
/// that passed.
fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = ran.and_then(|text| text.split(' ').next()?.parse().ok());
    ran.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// An object of members that look alike in length, first and last letter costs linear time.
#[test]
fn duplicate_detection_is_linear() {
    let key = key(SigningAlgorithm::EdDsa);
    let issuer = Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .jwk_set(jwks(&[key.public_jwk()]));
    let verifier = builder(issuer)
        .max_token_bytes(64 * 1024)
        .max_claim_values(32_768)
        .without_token_cache()
        .build()
        .unwrap();
    // In one object, and in objects that stay below the size from which a set is used.
    let flat = |members: usize| {
        let names: Vec<String> = (0..members).map(|at| format!(r#""a{at:04}z":0"#)).collect();
        names.join(",")
    };
    let grouped = |members: usize| {
        let groups: Vec<String> = (0..members / 32)
            .map(|at| format!(r#""g{at:03}":{{{}}}"#, flat(32)))
            .collect();
        groups.join(",")
    };
    let time = |members: String| {
        let payload = format!(
            r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{},"client_id":"c",{members}}}"#,
            NOW + 60
        );
        let token = sign(&key, r#"{"alg":"EdDSA","kid":"k"}"#, &payload);
        let start = processor_time();
        for _ in 0..200 {
            assert!(verify(&verifier, &token).is_ok());
        }
        processor_time().saturating_sub(start)
    };
    let shapes: [&dyn Fn(usize) -> String; 2] = [&flat, &grouped];
    for members in shapes {
        // Eight times the members: quadratic time would be 64 times as long.
        let (few, many) = (time(members(512)), time(members(4_096)));
        assert!(
            many < few.max(Duration::from_millis(10)) * 32,
            "{few:?}, {many:?}"
        );
    }
}

/// `KeySet::parse` has the limits of a listed issuer.
#[test]
fn parsed_set_has_the_limit_of_listed_issuers() {
    let key = key(SigningAlgorithm::EdDsa);
    let set = jwks(&many_keys(&key, 1_001));
    let set = KeySet::parse(set.as_bytes(), &[Algorithm::EdDSA]).unwrap();
    assert_eq!((set.keys().count(), set.unusable_keys().len()), (1_000, 1));
    assert_eq!(set.unusable_keys()[0].reason, KeyError::TooManyKeys);
}
