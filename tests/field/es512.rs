//! ES512: an algorithm that only those who ask for it have.

use serde_json::{Value, json};
use tower_m2m::jwks::KeyError;
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm};
use tower_m2m::{Algorithm, Profile, Verifier};

use super::support::{ISSUER, build, jwks, key, token, verdict, with};

/// Sets of Microsoft, `ForgeRock` and `PingFederate` have keys on P-521 beside others.
#[test]
fn es512_is_off_by_default_and_can_be_allowed() {
    let (p521, p256) = (
        key(SigningAlgorithm::Es512),
        key(SigningAlgorithm::Es256).with_kid("other"),
    );
    let set = jwks(&[p521.public_jwk(), p256.public_jwk()]);
    let trusted = || {
        Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(set.clone())
    };
    let by_default = build(trusted());
    assert_eq!(
        verdict(&by_default, &token(&p521, &json!({}))),
        Err("algorithm_not_allowed")
    );
    assert_eq!(verdict(&by_default, &token(&p256, &json!({}))), Ok(()));
    assert_eq!(
        by_default.status()[0].unusable_keys[0].reason,
        KeyError::AlgorithmNotAllowed
    );
    let allowed = build(trusted().algorithms([Algorithm::ES512, Algorithm::ES256]));
    assert_eq!(verdict(&allowed, &token(&p521, &json!({}))), Ok(()));
    assert_eq!(verdict(&allowed, &token(&p256, &json!({}))), Ok(()));
    for profile in Profile::ALL {
        let verifier = Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .profile(profile.clone())
            .jwk_set(jwks(&[p521.public_jwk()]));
        assert!(verifier.build().is_err(), "{}", profile.name());
    }
}

/// A key without `alg` is bound by its curve, and a key of one curve is never used with another's
/// algorithm.
#[test]
fn curve_and_algorithm_belong_together() {
    let p521 = key(SigningAlgorithm::Es512);
    let jwk = p521.public_jwk();
    let accepts = |jwk: &Value| {
        let trusted = Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .algorithms(Algorithm::ALL);
        let verifier = trusted.jwk_set(jwks(std::slice::from_ref(jwk))).build();
        let verifier = verifier.map_err(|error| error.to_string())?;
        Ok::<_, String>(verifier.status()[0].keys[0].algorithm)
    };
    assert_eq!(accepts(&with(&jwk, &[("alg", None)])), Ok(Algorithm::ES512));
    for (member, value) in [
        ("alg", "ES521"),
        ("alg", "ES256"),
        ("alg", "ES384"),
        ("alg", "EdDSA"),
        ("crv", "P-384"),
        ("crv", "P-256"),
        ("crv", "p-521"),
        ("crv", "secp521r1"),
        ("kty", "OKP"),
    ] {
        assert!(
            accepts(&with(&jwk, &[(member, Some(value.into()))])).is_err(),
            "{member} {value}"
        );
    }
}
