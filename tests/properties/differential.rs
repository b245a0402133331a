//! Compares this crate with `jsonwebtoken` on generated tokens, valid and invalid. Every difference
//! must be in the lists below, and each listed difference must occur in the run, so the lists stay
//! current.

use std::collections::BTreeMap;
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, LocalIssuer, Profile, SigningAlgorithm, TokenBuilder};
use tower_m2m::{Clock, Rejection};

use super::support::{ISSUER, Numbers, base64url, issuer, verifier, verify};

/// Tokens that this crate rejects and `jsonwebtoken` accepts, by our error code.
const STRICTER: &[(&str, &str)] = &[
    (
        "invalid_type",
        "typ names another kind of token (RFC 8725 §3.11)",
    ),
    (
        "unsupported_crit",
        "crit lists an unsupported parameter (RFC 7515 §4.1.11)",
    ),
    ("unencoded_payload", "b64 is not for JWTs (RFC 7797 §7)"),
    (
        "invalid_header_parameter",
        "a header member has the wrong type",
    ),
    (
        "invalid_header",
        "the header is ambiguous: a duplicate member (RFC 7515 §4)",
    ),
    (
        "invalid_claims_set",
        "the claims are ambiguous: a duplicate member, at any depth (RFC 7519 §4)",
    ),
    (
        "untrusted_issuer",
        "iss is an array with the trusted issuer as one entry",
    ),
    ("missing_claim", "no claim names the client (RFC 9068 §2.2)"),
    (
        "malformed_claim",
        "a claim has the wrong type and does not count as absent",
    ),
    ("issued_in_future", "iat is in the future"),
    (
        "not_an_access_token",
        "an ID token, a logout token or a proof (RFC 8725 §3.12)",
    ),
    (
        "sender_constrained",
        "cnf binds it to a key (RFC 9449 §7.2)",
    ),
    (
        "delegated",
        "the token is delegated: one party acts for another",
    ),
    (
        "invalid_organization",
        "the organization claim is not an organization code",
    ),
    (
        "unknown_key",
        "kid names another key than the one that signed: jsonwebtoken receives the key and ignores kid",
    ),
];

/// Tokens that this crate accepts and `jsonwebtoken` rejects.
const LOOSER: &[&str] = &[
    "alg is Ed25519, the name that RFC 9864 gives to what was EdDSA before",
    "nbf is null, which is absent here",
];

const LEEWAY: Duration = Duration::from_secs(300);

#[test]
fn every_difference_from_jsonwebtoken_is_listed() {
    let now = Clock::system().unix_seconds();
    // The time is read once, before the tokens are created. `jsonwebtoken` reads the clock itself.
    // So no case is nearer to a boundary than about five minutes, which is much longer than the
    // run.
    let clock = Clock::manual(now);
    let mut numbers = Numbers(0x5EED);
    let (mut stricter, mut looser, mut agreed) = (BTreeMap::new(), 0, [0, 0]);
    // `jsonwebtoken` has no ES512.
    let common = SigningAlgorithm::ALL
        .into_iter()
        .filter(|algorithm| *algorithm != SigningAlgorithm::Es512);
    for algorithm in common {
        let issuer = issuer(algorithm, Profile::Rfc9068, &clock);
        let ours = verifier(&issuer, &clock, |issuer| issuer.leeway(LEEWAY));
        let theirs = Theirs::new(&issuer);
        for _ in 0..400 {
            let (token, about) = case(&issuer, &mut numbers, now);
            match (verify(&ours, &token), theirs.accept(&token)) {
                (Ok(_), true) => agreed[0] += 1,
                (Err(_), false) => agreed[1] += 1,
                (Err(Rejection::InvalidToken(error) | Rejection::InvalidClaims(error)), true) => {
                    assert!(
                        STRICTER.iter().any(|(code, _)| *code == error.code()),
                        "{}: rejected only by this crate: {about}",
                        error.code()
                    );
                    *stricter.entry(error.code()).or_insert(0) += 1;
                }
                (Err(other), true) => panic!("{other}: {about}"),
                (Ok(_), false) => {
                    let is_listed = about.contains("Ed25519") || about.contains("nbf=null");
                    assert!(is_listed, "accepted only by this crate: {about}");
                    looser += 1;
                }
            }
        }
    }
    assert!(
        agreed.iter().all(|count| *count > 300),
        "too few of a kind to mean anything: {agreed:?}"
    );
    let listed: Vec<_> = STRICTER
        .iter()
        .map(|(code, _)| *code)
        .filter(|code| !stricter.contains_key(code))
        .collect();
    assert!(listed.is_empty(), "listed, and never seen: {listed:?}");
    assert_eq!(looser > 0, !LOOSER.is_empty());
}

struct Theirs {
    key: DecodingKey,
    validation: Validation,
}

impl Theirs {
    /// Creates the strictest possible configuration.
    fn new(issuer: &LocalIssuer) -> Self {
        let jwk: Jwk = serde_json::from_value(issuer.signing_key().public_jwk()).unwrap();
        let mut validation =
            Validation::new(issuer.signing_key().algorithm().as_str().parse().unwrap());
        validation.leeway = LEEWAY.as_secs();
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        Self {
            key: DecodingKey::from_jwk(&jwk).unwrap(),
            validation,
        }
    }

    fn accept(&self, token: &str) -> bool {
        jsonwebtoken::decode::<Value>(token, &self.key, &self.validation).is_ok()
    }
}

/// Creates a token and describes its changes: up to two changed claims or header members, or a
/// changed string.
fn case(issuer: &LocalIssuer, numbers: &mut Numbers, now: i64) -> (String, String) {
    let mut token = issuer.org("org_a").scopes(["read", "write"]);
    let mut about = String::new();
    for _ in 0..numbers.below(3) {
        let (changed, what) = change(token, numbers, now);
        token = changed;
        about.push_str(&what);
    }
    let text = match numbers.below(8) {
        0 => mutated(&token, numbers, &mut about),
        1 => ambiguous(issuer, &token, numbers, &mut about),
        _ => token.token(),
    };
    (text, about)
}

#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn change(token: TokenBuilder, numbers: &mut Numbers, now: i64) -> (TokenBuilder, String) {
    let claims: [(&str, Vec<Value>); 17] = [
        (
            "exp",
            vec![
                json!(now + 600),
                json!(now - 600),
                json!(now - 10),
                json!(f64::from(u32::try_from(now).unwrap()) + 60.5),
                json!("x"),
                Value::Null,
                json!(-1),
                json!(1e300),
                json!(u64::MAX),
            ],
        ),
        (
            "nbf",
            vec![
                json!(now - 5),
                json!(now + 15),
                json!(now + 600),
                json!("x"),
                Value::Null,
                json!([now]),
            ],
        ),
        (
            "iat",
            vec![json!(now), json!(now + 600), json!("x"), Value::Null],
        ),
        (
            "aud",
            vec![
                json!(AUDIENCE),
                json!("other"),
                json!([AUDIENCE, "x"]),
                json!([]),
                json!([AUDIENCE, 7]),
                Value::Null,
                json!(7),
            ],
        ),
        (
            "iss",
            vec![
                json!(ISSUER),
                json!(format!("{ISSUER}/")),
                json!([ISSUER]),
                json!(["x", ISSUER]),
                Value::Null,
            ],
        ),
        ("sub", vec![json!("x"), json!(7), json!("")]),
        ("jti", vec![json!("x"), json!(7)]),
        (
            "client_id",
            vec![json!("x"), json!(7), json!("a\nb"), Value::Null],
        ),
        (
            "org_code",
            vec![
                json!("org_b"),
                json!(""),
                Value::Null,
                json!(["org_a"]),
                json!(" "),
            ],
        ),
        (
            "scope",
            vec![
                json!("a  b"),
                json!(7),
                json!("a\"b"),
                json!(["a"]),
                json!(["a b"]),
            ],
        ),
        ("nonce", vec![json!("n")]),
        ("events", vec![json!({})]),
        ("htu", vec![json!("https://x")]),
        ("cnf", vec![json!({"jkt":"x"}), Value::Null]),
        ("act", vec![json!({"sub":"x"})]),
        (
            "application_properties",
            vec![json!({"region":{"v":"eu"}}), json!([1])],
        ),
        ("anything", vec![json!({"a":[1, {"b": null}]})]),
    ];
    let headers: [(&str, Vec<Value>); 7] = [
        (
            "typ",
            vec![
                json!("JWT"),
                json!("application/at+jwt"),
                json!("logout+jwt"),
                json!("dpop+jwt"),
                json!(7),
            ],
        ),
        ("crit", vec![json!(["exp"]), json!([])]),
        ("b64", vec![json!(false), json!(true)]),
        ("kid", vec![json!("other"), json!(7), Value::Null]),
        (
            "alg",
            vec![
                json!("none"),
                json!("HS256"),
                json!("RS256"),
                json!("Ed25519"),
                json!("ES256"),
                json!(7),
            ],
        ),
        ("jku", vec![json!("https://evil.example/keys")]),
        ("anything", vec![json!("x")]),
    ];
    let without = ["exp", "iss", "aud", "client_id", "iat", "org_code", "sub"];
    match numbers.below(12) {
        0 => {
            let name = *numbers.pick(&without);
            (token.without(name), format!("no {name}; "))
        }
        1..=4 => {
            let (name, values) = numbers.pick(&headers);
            let value = numbers.pick(values).clone();
            let about = format!("header {name}={value}; ");
            (token.header(*name, value), about)
        }
        _ => {
            let (name, values) = numbers.pick(&claims);
            let value = numbers.pick(values).clone();
            let about = format!("{name}={value}; ");
            (token.claim(*name, value), about)
        }
    }
}

/// Changes the string of the token after it was signed.
fn mutated(token: &TokenBuilder, numbers: &mut Numbers, about: &mut String) -> String {
    let text = token.token();
    let at = numbers.below(text.len());
    let (before, after) = text.split_at(at);
    let letter = *numbers.pick(&["A", "b", "-", "_", ".", "=", " "]);
    about.push_str("the text was changed; ");
    match numbers.below(5) {
        0 => format!("{before}{letter}{}", after.get(1..).unwrap_or_default()),
        1 => format!("{before}{letter}{after}"),
        2 => before.to_owned(),
        3 => format!("{text}{letter}"),
        _ => text.replacen('.', letter, 1),
    }
}

/// Adds a duplicate member to the header or the claims. The valid one is last, because `serde_json`
/// keeps the last one.
fn ambiguous(
    issuer: &LocalIssuer,
    token: &TokenBuilder,
    numbers: &mut Numbers,
    about: &mut String,
) -> String {
    let (mut header, mut payload) = (token.header_json(), token.payload_json());
    match numbers.below(3) {
        0 => header.insert_str(1, r#""x":"a","x":"b","#),
        1 => payload.insert_str(1, r#""exp":1,"#),
        _ => payload.insert_str(1, r#""deep":{"a":1,"a":2},"#),
    }
    about.push_str("a duplicate member; ");
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = issuer.signing_key().sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url(signature))
}
