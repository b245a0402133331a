//! Encodings of public keys. A key that is used must verify a token.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::{Algorithm, Verifier};

use super::support::{ISSUER, build, jwks, key, token, verdict, with};

static RSA: LazyLock<SigningKey> = LazyLock::new(|| key(SigningAlgorithm::Rs256));

fn bytes(jwk: &Value, member: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(jwk[member].as_str().unwrap())
        .unwrap()
}

/// Returns `Ok` if the key verifies a token of its own.
fn accepts(key: &SigningKey, jwk: &Value) -> Result<(), String> {
    let algorithm: Algorithm = key.algorithm().as_str().parse().unwrap();
    let verifier = Verifier::builder([Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .algorithms([algorithm])
        .jwk_set(jwks(std::slice::from_ref(jwk)))])
    .clock(tower_m2m::Clock::manual(super::support::NOW))
    .build()
    .map_err(|error| error.to_string())?;
    verdict(&verifier, &token(key, &json!({}))).map_err(str::to_owned)
}

/// Every member in every encoding: base64url and base64, with and without padding (Battle.net,
/// `SciTokens`, SAP IAS).
#[test]
fn padded_and_standard_base64_keys_verify_tokens() {
    let keys = [
        RSA.clone(),
        key(SigningAlgorithm::Es256),
        key(SigningAlgorithm::Es384),
        key(SigningAlgorithm::Es512),
        key(SigningAlgorithm::EdDsa),
    ];
    for key in keys {
        let jwk = key.public_jwk();
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            let mut written = jwk.clone();
            for member in ["n", "e", "x", "y"] {
                if jwk.get(member).is_some() {
                    written[member] = engine.encode(bytes(&jwk, member)).into();
                }
            }
            assert_eq!(accepts(&key, &written), Ok(()), "{written}");
        }
    }
}

/// A modulus and an exponent with zero bytes before them (keycloak-mock, Salesforce).
#[test]
fn zero_bytes_before_modulus_and_exponent_are_ignored() {
    let jwk = RSA.public_jwk();
    for zeros in [1, 2, 64] {
        let pad = |member| [vec![0; zeros], bytes(&jwk, member)].concat();
        for member in ["n", "e"] {
            let written = with(&jwk, &[(member, Some(STANDARD.encode(pad(member)).into()))]);
            assert_eq!(accepts(&RSA, &written), Ok(()), "{zeros} before {member}");
        }
    }
}

/// One key in 128 has a coordinate with a leading zero byte. Some issuers omit it, some write one
/// too many.
#[test]
fn coordinates_of_any_length_verify_tokens() {
    let short = std::iter::repeat_with(|| key(SigningAlgorithm::Es256))
        .find(|key| bytes(&key.public_jwk(), "x")[0] == 0)
        .unwrap();
    let jwk = short.public_jwk();
    let x = bytes(&jwk, "x");
    let stripped = &x[x.iter().position(|byte| *byte != 0).unwrap()..];
    for octets in [
        stripped.to_vec(),
        [&[0], &x[..]].concat(),
        [&[0; 9], &x[..]].concat(),
    ] {
        let written = with(&jwk, &[("x", Some(URL_SAFE_NO_PAD.encode(octets).into()))]);
        assert_eq!(accepts(&short, &written), Ok(()), "{written}");
    }
    // A byte that is not zero belongs to the number.
    let longer = with(
        &jwk,
        &[(
            "x",
            Some(URL_SAFE_NO_PAD.encode([&[1], &x[..]].concat()).into()),
        )],
    );
    assert!(accepts(&short, &longer).is_err());
}

/// Certificates and their thumbprints are never read, so a malformed one makes no key unusable.
#[test]
fn malformed_x509_members_are_not_read() {
    let key = key(SigningAlgorithm::Es256);
    for (member, value) in [
        ("x5c", json!("not an array")),
        ("x5c", json!([7])),
        ("x5c", json!(["@@@"])),
        ("x5t", json!(7)),
        ("x5t#S256", json!({})),
        ("x5u", json!(["http://"])),
    ] {
        let written = with(&key.public_jwk(), &[(member, Some(value))]);
        assert_eq!(accepts(&key, &written), Ok(()), "{written}");
    }
}

/// Other characters and other lengths, in each member.
#[test]
fn other_encodings_leave_the_key_out() {
    let (ec, ed) = (key(SigningAlgorithm::Es256), key(SigningAlgorithm::EdDsa));
    for (key, members) in [(&*RSA, ["n", "e"]), (&ec, ["x", "y"]), (&ed, ["x", "x"])] {
        let jwk = key.public_jwk();
        for member in members {
            let text = jwk[member].as_str().unwrap();
            for odd in [
                json!(format!("{text} ")),
                json!(format!("\n{text}")),
                json!(format!("{}\r\n{}", &text[..2], &text[2..])),
                json!(format!("{text}====")),
                json!(format!("{text}.")),
                json!(format!("{text}A")),
                json!(""),
                json!("="),
                json!(7),
                json!([text]),
                json!(null),
            ] {
                let written = with(&jwk, &[(member, Some(odd.clone()))]);
                assert!(accepts(key, &written).is_err(), "{member}: {odd}");
            }
        }
    }
    // An octet string has no leading zero bytes to ignore (RFC 8037 §2).
    let x = [&[0], &bytes(&ed.public_jwk(), "x")[..]].concat();
    let written = with(
        &ed.public_jwk(),
        &[("x", Some(URL_SAFE_NO_PAD.encode(x).into()))],
    );
    assert!(accepts(&ed, &written).is_err());
}

/// Members for the purpose of a key are read strictly.
#[test]
fn wrong_types_of_other_members_leave_the_key_out() {
    let key = key(SigningAlgorithm::Es256);
    for member in ["kty", "crv", "alg", "use", "key_ops", "kid", "issuer"] {
        for odd in [json!(7), json!({}), json!(["ES256", 7]), json!(true)] {
            let written = with(&key.public_jwk(), &[(member, Some(odd.clone()))]);
            assert!(accepts(&key, &written).is_err(), "{member}: {odd}");
        }
    }
}

/// Tokens are credentials, and each has one encoding.
#[test]
fn tokens_stay_strict() {
    let key = key(SigningAlgorithm::EdDsa);
    let verifier = build(
        Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(jwks(&[key.public_jwk()])),
    );
    let token = token(&key, &json!({ "sub": "??>>" }));
    assert_eq!(verdict(&verifier, &token), Ok(()));
    let parts: Vec<&str> = token.split('.').collect();
    for at in 0..3 {
        for change in [
            |part: &str| format!("{part}="),
            |part: &str| format!("{part}=="),
            |part: &str| format!("{part} "),
            |part: &str| STANDARD.encode(URL_SAFE_NO_PAD.decode(part).unwrap()),
        ] {
            let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            parts[at] = change(&parts[at]);
            if parts.join(".") != token {
                assert!(verdict(&verifier, &parts.join(".")).is_err(), "{parts:?}");
            }
        }
    }
}
