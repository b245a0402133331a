//! The requirements for a usable key and a valid set.

use serde_json::{Value, json};
use tower_m2m::Algorithm::{self, ES256, ES384, ES512, EdDSA, PS256, RS256, RS512};
use tower_m2m::Verifier;
use tower_m2m::jwks::{JwksError, KeyError, KeySet};
use tower_m2m::testing::{SigningAlgorithm, SigningKey};

const ALL: &[Algorithm] = &[RS256, RS512, PS256, ES256, ES384, ES512, EdDSA];

fn jwk(algorithm: SigningAlgorithm) -> Value {
    SigningKey::generate(algorithm)
        .unwrap()
        .with_kid("k")
        .public_jwk()
}

fn with(mut jwk: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        match value {
            Value::Null => jwk.as_object_mut().unwrap().remove(*name),
            value => jwk
                .as_object_mut()
                .unwrap()
                .insert((*name).to_owned(), value.clone()),
        };
    }
    jwk
}

fn read(jwk: &Value, allowed: &[Algorithm]) -> Result<Algorithm, KeyError> {
    let set = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes(), allowed).unwrap();
    let key = set.keys().next();
    key.map(|key| key.algorithm)
        .ok_or_else(|| set.unusable_keys()[0].reason)
}

fn base64url(bytes: &[u8]) -> Value {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        text.extend(
            (0..=chunk.len()).map(|at| char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63])),
        );
    }
    text.into()
}

fn modulus(bits: usize) -> Value {
    let mut n = vec![0xff; bits.div_ceil(8)];
    n[0] = 0xff >> (bits.div_ceil(8) * 8 - bits);
    base64url(&n)
}

/// Rule 37.
#[test]
fn rsa_keys_need_2048_to_8192_bits_and_valid_exponent() {
    let rsa = jwk(SigningAlgorithm::Rs256);
    for (bits, expected) in [
        (1024, Err(KeyError::UnsupportedKeySize)),
        (2047, Err(KeyError::UnsupportedKeySize)),
        (2048, Ok(RS256)),
        (8192, Ok(RS256)),
    ] {
        assert_eq!(
            read(&with(rsa.clone(), &[("n", modulus(bits))]), ALL),
            expected,
            "{bits} bits"
        );
    }
    assert_eq!(
        read(&with(rsa.clone(), &[("n", modulus(8193))]), ALL),
        Err(KeyError::UnsupportedKeySize)
    );
    for (last, expected) in [
        (0x01, Ok(RS256)),
        (0xff, Ok(RS256)),
        (0xfe, Err(KeyError::Malformed)),
        (0x00, Err(KeyError::Malformed)),
    ] {
        let mut n = [0xff; 256];
        n[255] = last;
        assert_eq!(
            read(&with(rsa.clone(), &[("n", base64url(&n))]), ALL),
            expected,
            "a modulus that ends with {last:02x}"
        );
    }
    for (exponent, expected) in [
        (&[1, 0, 1][..], Ok(RS256)),
        (&[3], Ok(RS256)),
        (&[0, 0, 1, 0, 1], Ok(RS256)),
        (&[1, 0, 0, 0, 1], Ok(RS256)),
        (&[1], Err(KeyError::InvalidExponent)),
        (&[], Err(KeyError::Malformed)),
        (&[0], Err(KeyError::InvalidExponent)),
        (&[2], Err(KeyError::InvalidExponent)),
        (&[1, 0, 0], Err(KeyError::InvalidExponent)),
        (&[2, 0, 0, 0, 1], Err(KeyError::InvalidExponent)),
        (&[1, 0, 0, 0, 0, 1], Err(KeyError::InvalidExponent)),
    ] {
        assert_eq!(
            read(&with(rsa.clone(), &[("e", base64url(exponent))]), ALL),
            expected,
            "{exponent:?}"
        );
    }
}

/// Rule 43.
#[test]
fn key_is_bound_to_one_algorithm() {
    let rsa = jwk(SigningAlgorithm::Rs256);
    let unbound = with(rsa.clone(), &[("alg", Value::Null)]);
    assert_eq!(
        read(&unbound, &[PS256, RS256]),
        Ok(PS256),
        "the first that is allowed and fits"
    );
    assert_eq!(read(&unbound, &[ES256]), Err(KeyError::AlgorithmNotAllowed));
    assert_eq!(read(&rsa, &[PS256]), Err(KeyError::AlgorithmNotAllowed));
    for alg in ["ES256", "HS256", "none", "RSA-OAEP", "rs256", ""] {
        assert_eq!(
            read(&with(rsa.clone(), &[("alg", alg.into())]), ALL),
            Err(KeyError::UnsupportedAlgorithm),
            "{alg}"
        );
    }
    assert_eq!(
        read(
            &with(jwk(SigningAlgorithm::Es256), &[("alg", "ES384".into())]),
            ALL
        ),
        Err(KeyError::UnsupportedAlgorithm)
    );
}

/// Rule 48.
#[test]
fn unusable_keys_are_ignored_individually() {
    let (ec, ed) = (jwk(SigningAlgorithm::Es256), jwk(SigningAlgorithm::EdDsa));
    for (key, reason) in [
        (json!(7), KeyError::Malformed),
        (json!("key"), KeyError::Malformed),
        (json!({}), KeyError::Malformed),
        (
            json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}),
            KeyError::UnsupportedKeyType,
        ),
        (
            with(ec.clone(), &[("crv", "secp256k1".into())]),
            KeyError::UnsupportedKeyType,
        ),
        (
            with(ed.clone(), &[("crv", "X25519".into())]),
            KeyError::UnsupportedKeyType,
        ),
        (with(ec.clone(), &[("x", Value::Null)]), KeyError::Malformed),
        (with(ec.clone(), &[("x", "".into())]), KeyError::Malformed),
        (
            with(ec.clone(), &[("x", "****".into())]),
            KeyError::Malformed,
        ),
        (
            with(ed.clone(), &[("x", "AAAA".into())]),
            KeyError::Malformed,
        ),
    ] {
        assert_eq!(read(&key, ALL), Err(reason), "{key}");
        let set = json!({ "keys": [key, ed, ec] }).to_string();
        let set = KeySet::parse(set.as_bytes(), ALL).unwrap();
        assert_eq!(
            (set.keys().count(), set.unusable_keys().len()),
            (2, 1),
            "{key}"
        );
    }
    assert_eq!(
        read(&with(ec, &[("x-unknown", json!([1, {"a": null}]))]), ALL),
        Ok(ES256),
        "unknown members are ignored"
    );
}

/// Rule 49.
#[test]
fn key_set_is_an_object_with_an_array_of_keys() {
    for text in [
        "",
        "null",
        "[]",
        "7",
        "{}",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"keys\":[]",
        "<html>",
        "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[]}x",
    ] {
        assert_eq!(
            KeySet::parse(text.as_bytes(), ALL).unwrap_err(),
            JwksError::Malformed,
            "{text}"
        );
    }
    assert_eq!(
        KeySet::parse(b"\xff", ALL).unwrap_err(),
        JwksError::Malformed
    );
    assert_eq!(
        KeySet::parse(b"{\"other\":1,\"keys\":[]}", ALL)
            .unwrap()
            .keys()
            .count(),
        0
    );
}

/// Rule 50.
#[test]
fn use_and_key_ops_must_allow_verification() {
    let key = jwk(SigningAlgorithm::EdDsa);
    for (changes, fine) in [
        (vec![("use", Value::Null)], true),
        (
            vec![("use", "sig".into()), ("key_ops", json!(["verify"]))],
            true,
        ),
        (
            vec![("use", Value::Null), ("key_ops", json!(["sign", "verify"]))],
            true,
        ),
        (vec![("use", "enc".into())], false),
        (vec![("use", "other".into())], false),
        (vec![("use", Value::Null), ("key_ops", json!([]))], false),
        (
            vec![("use", Value::Null), ("key_ops", json!(["sign"]))],
            false,
        ),
        (
            vec![("use", "sig".into()), ("key_ops", json!(["encrypt"]))],
            false,
        ),
        (
            vec![("use", "enc".into()), ("key_ops", json!(["verify"]))],
            false,
        ),
    ] {
        let expected = if fine {
            Ok(EdDSA)
        } else {
            Err(KeyError::NotForSignatures)
        };
        assert_eq!(
            read(&with(key.clone(), &changes), ALL),
            expected,
            "{changes:?}"
        );
    }
}

/// Rule 55.
#[test]
fn key_points_are_on_their_curve_and_of_large_order() {
    for (algorithm, size) in [
        (SigningAlgorithm::Es256, 32),
        (SigningAlgorithm::Es384, 48),
        (SigningAlgorithm::Es512, 66),
    ] {
        let key = jwk(algorithm);
        assert_eq!(
            read(&with(key.clone(), &[("y", key["x"].clone())]), ALL),
            Err(KeyError::InvalidPoint)
        );
        let zero = base64url(&vec![0; size]);
        assert_eq!(
            read(&with(key, &[("x", zero.clone()), ("y", zero)]), ALL),
            Err(KeyError::InvalidPoint)
        );
    }
    let ed = jwk(SigningAlgorithm::EdDsa);
    for point in points_of_small_order() {
        assert_eq!(
            read(&with(ed.clone(), &[("x", base64url(&point))]), ALL),
            Err(KeyError::InvalidPoint),
            "{point:02x?}"
        );
    }
    for length in [31, 33] {
        assert_eq!(
            read(
                &with(ed.clone(), &[("x", base64url(&vec![3; length]))]),
                ALL
            ),
            Err(KeyError::Malformed)
        );
    }
}

/// Rule 55.
///
/// Each of these keys could verify every message for some issuer, as a JWK and as a PEM string.
#[test]
fn pem_key_with_small_order_point_is_rejected() {
    let build = |pem: String| {
        let trusted = Verifier::issuer("https://issuer.example").audience("https://api.example");
        trusted.public_key_pem(EdDSA, pem).build().map(|_| ())
    };
    let key = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    assert!(build(key.public_pem()).is_ok());
    for point in points_of_small_order() {
        // RFC 8410 §4: the prefix is the same for every key, and 44 bytes have 60 characters with
        // one of padding.
        let mut der = vec![
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        der.extend(point);
        let letters = base64url(&der)
            .as_str()
            .unwrap()
            .replace('-', "+")
            .replace('_', "/");
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{letters}=\n-----END PUBLIC KEY-----\n");
        assert!(build(pem).is_err(), "{point:02x?}");
    }
}

/// Returns the encodings of the points of order 1, 2, 4 and 8, canonical or not, with both signs.
fn points_of_small_order() -> Vec<[u8; 32]> {
    let filled = |first: u8, middle: u8, last: u8| {
        let mut bytes = [middle; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    let order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    let negative = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    let hex = |text: &str| {
        std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    };
    let points = [
        filled(0, 0, 0),
        filled(1, 0, 0),
        hex(order_8),
        hex(negative),
        filled(0xec, 0xff, 0x7f),
        filled(0xed, 0xff, 0x7f),
        filled(0xee, 0xff, 0x7f),
    ];
    let mut both = points.to_vec();
    both.extend(points.map(|mut point| {
        point[31] |= 0x80;
        point
    }));
    both
}

/// Rule 56.
#[test]
fn symmetric_and_private_keys_are_unusable() {
    assert_eq!(
        read(&json!({"kty": "oct", "k": "c2VjcmV0", "kid": "k"}), ALL),
        Err(KeyError::SymmetricKey)
    );
    assert_eq!(
        read(
            &with(jwk(SigningAlgorithm::EdDsa), &[("k", "c2VjcmV0".into())]),
            ALL
        ),
        Err(KeyError::SymmetricKey)
    );
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        assert_eq!(
            read(
                &with(jwk(SigningAlgorithm::EdDsa), &[(private, "AA".into())]),
                ALL
            ),
            Err(KeyError::PrivateKey),
            "{private}"
        );
    }
}
