use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::*;

/// The keys that are tried are counted by the place of the one that fits.
#[test]
fn token_without_kid_is_checked_against_a_bounded_number_of_keys() {
    let keys: Vec<_> = (0..20)
        .map(|_| Ed25519KeyPair::generate().expect("a key"))
        .collect();
    let jwks: Vec<_> = keys
        .iter()
        .map(|key| {
            let x = base64::Engine::encode(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                key.public_key(),
            );
            serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
        })
        .collect();
    let jwks = serde_json::json!({ "keys": jwks }).to_string();
    let verify = |set: &KeySet, at: usize, max: usize| {
        let signature = keys[at].sign(b"message");
        set.verify_without_kid(
            Algorithm::EdDSA,
            b"message",
            signature.as_ref(),
            || None,
            max,
        )
        .map(drop)
    };
    let parse = || KeySet::parse(jwks.as_bytes(), &[Algorithm::EdDSA]).expect("a set");
    for (at, max, expected) in [
        (0, 1, Ok(())),
        (1, 1, Err(TokenError::InvalidSignature)),
        (15, 16, Ok(())),
        (16, 16, Err(TokenError::InvalidSignature)),
        (16, 17, Ok(())),
    ] {
        assert_eq!(verify(&parse(), at, max), expected, "{at} {max}");
    }
    // The key of the last such token is the first.
    let set = parse();
    assert_eq!(verify(&set, 7, 8), Ok(()));
    assert_eq!(verify(&set, 7, 1), Ok(()));
    assert_eq!(verify(&set, 0, 2), Ok(()));
    assert_eq!(verify(&set, 7, 1), Err(TokenError::InvalidSignature));
}
