//! The examples of RFC 7515, RFC 7520, RFC 7797 and RFC 8037.

use serde_json::Value;
use tower_m2m::Algorithm;
use tower_m2m::jwks::KeyError;
use tower_m2m::token::TokenError;

use super::support::{key_set, parse, public, verify};

/// Rules 31, 45, 46.
///
/// RFC 7515 appendix A: RS256 and ES256 verify, HS256 and `none` are unknown.
#[test]
fn rfc7515_appendix_a() {
    let file = parse(include_str!("data/rfc/rfc7515_appendix_a.json"));
    let verdicts: Vec<_> = file["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vector| {
            let jwk = if vector["jwk"].is_null() {
                serde_json::json!({ "keys": [] })
            } else {
                public(&vector["jwk"])
            };
            (
                vector["name"].as_str().unwrap(),
                verify(
                    &key_set(&jwk, &Algorithm::ALL),
                    vector["token"].as_str().unwrap(),
                ),
            )
        })
        .collect();
    let expected = [
        ("A.1 HS256", Err(TokenError::UnknownAlgorithm)),
        ("A.2 RS256", Ok(())),
        ("A.3 ES256", Ok(())),
        // An unsecured token has an empty signature, which is found first.
        ("A.5 unsecured", Err(TokenError::NoSignature)),
    ];
    assert_eq!(verdicts, expected);
}

/// Rule 56.
///
/// If a JWK contains its private part, the key is not used.
#[test]
fn rfc7515_a3_private_key_is_unusable() {
    let file = parse(include_str!("data/rfc/rfc7515_appendix_a.json"));
    let keys = key_set(&file["vectors"][2]["jwk"], &Algorithm::ALL);
    assert_eq!(keys.unusable_keys()[0].reason, KeyError::PrivateKey);
    assert_eq!(
        verify(&keys, file["vectors"][2]["token"].as_str().unwrap()),
        Err(TokenError::UnknownKey)
    );
}

/// Rule 39.
///
/// RFC 8037 appendix A.4, twice: copied from the RFC, and as the working group published it.
#[test]
fn rfc8037_a4_ed25519() {
    let typed = parse(include_str!("data/rfc/rfc8037_ed25519.json"));
    let keys = key_set(&public(&typed["jwk"]), &Algorithm::ALL);
    assert_eq!(verify(&keys, typed["token"].as_str().unwrap()), Ok(()));
    let published = parse(include_str!("data/ietf-cookbook/curve25519/jws.json"));
    let keys = key_set(&public(&published["input"]["key"]), &Algorithm::ALL);
    assert_eq!(
        verify(&keys, published["output"]["compact"].as_str().unwrap()),
        Ok(())
    );
}

/// Rules 26, 33.
///
/// RFC 7520 §4 and RFC 7797 §4: the compact form if there is one, and every JSON serialization,
/// which is rejected.
#[test]
fn rfc7520_4_signatures() {
    use TokenError::{InvalidBase64, NotThreeSegments, UnknownAlgorithm};
    let expected: [(&str, Option<Result<(), TokenError>>); 10] = [
        (
            include_str!("data/ietf-cookbook/jws/4_1.rsa_v15_signature.json"),
            Some(Ok(())),
        ),
        (
            include_str!("data/ietf-cookbook/jws/4_2.rsa-pss_signature.json"),
            Some(Ok(())),
        ),
        (
            include_str!("data/ietf-cookbook/jws/4_3.ecdsa_signature.json"),
            Some(Ok(())),
        ),
        (
            include_str!("data/ietf-cookbook/jws/4_4.hmac-sha2_integrity_protection.json"),
            Some(Err(UnknownAlgorithm)),
        ),
        (
            include_str!("data/ietf-cookbook/jws/4_5.signature_with_detached_content.json"),
            Some(Err(UnknownAlgorithm)),
        ),
        (
            include_str!("data/ietf-cookbook/jws/4_6.protecting_specific_header_fields.json"),
            None,
        ),
        (
            include_str!("data/ietf-cookbook/jws/4_7.protecting_content_only.json"),
            None,
        ),
        (
            include_str!("data/ietf-cookbook/jws/4_8.multiple_signatures.json"),
            None,
        ),
        (
            include_str!("data/ietf-cookbook/rfc7797/4.2.hmac-sha2_b64_false.json"),
            None,
        ),
        // The payload is not encoded.
        (
            include_str!("data/ietf-cookbook/rfc7797/hmac-sha2_b64_false.json"),
            Some(Err(InvalidBase64)),
        ),
    ];
    for (text, verdict) in expected {
        let file = parse(text);
        let title = &file["title"];
        let key = match &file["input"]["key"] {
            Value::Array(several) => {
                serde_json::json!({ "keys": several.iter().map(public).collect::<Vec<_>>() })
            }
            one => public(one),
        };
        // The file has several algorithms for one RSA key and names one. A key is bound to one
        // algorithm.
        let algorithm = file["input"]["alg"]
            .as_str()
            .and_then(|name| name.parse().ok())
            .unwrap_or(Algorithm::RS256);
        let keys = key_set(&key, &[algorithm]);
        let compact = file["output"]["compact"]
            .as_str()
            .map(|token| verify(&keys, token));
        assert_eq!(compact, verdict, "{title}");
        let mut json = 0;
        for form in ["json", "json_flat"] {
            if let Some(token) = file["output"].get(form) {
                json += 1;
                assert!(verify(&keys, &token.to_string()).is_err(), "{title} {form}");
            }
        }
        assert!(json > 0 || compact.is_some(), "{title} was not run");
    }
    assert_eq!(
        verify(&key_set(&serde_json::json!({ "keys": [] }), &[]), "{}"),
        Err(NotThreeSegments)
    );
}

/// Rules 48, 56.
///
/// RFC 7520 §3: a public RSA key is usable. The other keys are left out because of their type.
#[test]
fn rfc7520_3_keys() {
    for (text, expected) in [
        (
            include_str!("data/ietf-cookbook/jwk/3_1.ec_public_key.json"),
            Ok(Algorithm::ES512),
        ),
        (
            include_str!("data/ietf-cookbook/jwk/3_2.ec_private_key.json"),
            Err(KeyError::PrivateKey),
        ),
        (
            include_str!("data/ietf-cookbook/jwk/3_3.rsa_public_key.json"),
            Ok(Algorithm::RS256),
        ),
        (
            include_str!("data/ietf-cookbook/jwk/3_4.rsa_private_key.json"),
            Err(KeyError::PrivateKey),
        ),
        (
            include_str!("data/ietf-cookbook/jwk/3_5.symmetric_key_mac_computation.json"),
            Err(KeyError::SymmetricKey),
        ),
        (
            include_str!("data/ietf-cookbook/jwk/3_6.symmetric_key_encryption.json"),
            Err(KeyError::SymmetricKey),
        ),
    ] {
        let keys = key_set(&parse(text), &Algorithm::ALL);
        match expected {
            Ok(algorithm) => {
                assert_eq!(keys.keys().next().map(|key| key.algorithm), Some(algorithm));
            }
            Err(reason) => assert_eq!(keys.unusable_keys()[0].reason, reason),
        }
    }
}
