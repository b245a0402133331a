//! Checks JWK Sets: which keys may verify, and that no key affects another.

use serde_json::Value;
use serde_json::value::RawValue;
use tower_m2m::Algorithm;
use tower_m2m::jwks::KeySet;

/// Checks one document that an issuer published.
pub fn check(data: &[u8]) {
    let Ok(set) = KeySet::parse(data, &Algorithm::ALL) else {
        return;
    };
    let keys: Vec<_> = set.keys().collect();
    assert!(keys.len() <= 1_000 && set.unusable_keys().len() <= 100);
    // No constant signature is valid. An attacker can write one without the private key.
    for key in keys.iter().take(4) {
        for len in [0, 1, 63, 64, 65, 96, 256, 512, 1024] {
            for byte in [0, 1, 0xff] {
                let forged = vec![byte; len];
                assert!(
                    set.verify(key.kid.as_deref(), key.algorithm, b"e30.e30", &forged)
                        .is_err()
                );
            }
        }
    }
    #[derive(serde::Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    let text = std::str::from_utf8(data)
        .expect("accepted text is UTF-8")
        .trim_start_matches('\u{feff}');
    let document: Document<'_> = serde_json::from_str(text).expect("accepted text is JSON");
    let mut alone = Vec::new();
    for jwk in document.keys.iter().take(1_000) {
        let one = KeySet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes(), &Algorithm::ALL)
            .expect("a set of one");
        assert_eq!(one.keys().count() + one.unusable_keys().len(), 1);
        if let Some(key) = one.keys().next() {
            usable(jwk.get(), key.algorithm);
            alone.push(key);
        }
    }
    assert_eq!(alone, keys, "a key depends on its neighbors");
    // A narrower list of algorithms never adds a key of another algorithm.
    for algorithm in Algorithm::ALL {
        let narrow =
            KeySet::parse(data, &[algorithm]).expect("parsing does not depend on the list");
        assert!(narrow.keys().all(|key| key.algorithm == algorithm));
    }
}

/// Checks the JWK of a key that is used.
fn usable(jwk: &str, algorithm: Algorithm) {
    let jwk: Value = serde_json::from_str(jwk).expect("accepted text is JSON");
    // A member with the value `null` counts as absent.
    let there = |name: &str| jwk.get(name).is_some_and(|value| !value.is_null());
    assert!(
        ["d", "p", "q", "dp", "dq", "qi", "k"]
            .iter()
            .all(|private| !there(private)),
        "a private or symmetric key"
    );
    assert!(!there("use") || jwk["use"] == "sig" || jwk["use"] == "jwt-svid");
    assert!(
        !there("key_ops")
            || jwk["key_ops"]
                .as_array()
                .is_some_and(|all| all.contains(&"verify".into()))
    );
    let name = algorithm.name();
    if there("alg") {
        assert!(jwk["alg"] == name || (jwk["alg"] == "Ed25519" && name == "EdDSA"));
    }
    match jwk["kty"].as_str() {
        Some("RSA") => assert!(matches!(name.get(..2), Some("RS" | "PS"))),
        Some("EC") => {
            assert!(
                (&jwk["crv"], name) == (&"P-256".into(), "ES256")
                    || (&jwk["crv"], name) == (&"P-384".into(), "ES384")
                    || (&jwk["crv"], name) == (&"P-521".into(), "ES512")
            )
        }
        Some("OKP") => assert!(jwk["crv"] == "Ed25519" && name == "EdDSA"),
        other => panic!("a key of type {other:?}"),
    }
}
