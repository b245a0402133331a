//! Project Wycheproof.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tower_m2m::Algorithm;
use tower_m2m::jwks::KeySet;

use super::differences::DIFFERENCES;
use super::support::{key_set, parse, verify};

/// Returns the cases of a file in which the crate differs from the file. `acceptable` counts as
/// invalid.
fn differing(file: &str, accepts: impl Fn(&Value, &Value) -> bool) -> (BTreeSet<u64>, usize) {
    let file = parse(file);
    let (mut differing, mut count) = (BTreeSet::new(), 0);
    for group in file["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            count += 1;
            if accepts(group, case) != (case["result"] == "valid") {
                differing.insert(case["tcId"].as_u64().unwrap());
            }
        }
    }
    assert_eq!(
        Some(count),
        file["numberOfTests"].as_u64(),
        "not all cases were run"
    );
    (differing, usize::try_from(count).unwrap())
}

/// Checks that the list of differences is exact.
fn hold_to_the_list(name: &str, file: &str, accepts: impl Fn(&Value, &Value) -> bool) {
    let listed: BTreeSet<u64> = DIFFERENCES
        .iter()
        .filter(|difference| difference.file == name)
        .flat_map(|difference| difference.cases.iter().copied())
        .collect();
    let (found, count) = differing(file, accepts);
    assert!(count > 20, "{name} is nearly empty");
    assert_eq!(
        found, listed,
        "{name}: left is what differs, right is what differences.rs lists"
    );
}

fn token_case(group: &Value, case: &Value) -> bool {
    let keys = key_set(
        group.get("public").unwrap_or(&group["private"]),
        &Algorithm::ALL,
    );
    let token = case.get("jws").unwrap_or(&case["jwe"]);
    let text = token
        .as_str()
        .map_or_else(|| token.to_string(), str::to_owned);
    verify(&keys, &text).is_ok()
}

/// Rules 26–50.
#[test]
fn wycheproof_json_web_signature() {
    hold_to_the_list(
        "json_web_signature",
        include_str!("data/wycheproof/json_web_signature_test.json"),
        token_case,
    );
}

/// Rules 43–56.
#[test]
fn wycheproof_json_web_key() {
    hold_to_the_list(
        "json_web_key",
        include_str!("data/wycheproof/json_web_key_test.json"),
        token_case,
    );
}

/// Rules 26–50.
#[test]
fn wycheproof_json_web_crypto() {
    hold_to_the_list(
        "json_web_crypto",
        include_str!("data/wycheproof/json_web_crypto_test.json"),
        token_case,
    );
}

fn signature_case(keys: &KeySet, algorithm: Algorithm, case: &Value) -> bool {
    keys.verify(None, algorithm, &hex(&case["msg"]), &hex(&case["sig"]))
        .is_ok()
}

/// Creates the key from the file's numbers, because not every group has a JWK.
fn ecdsa_case(curve: &str, algorithm: Algorithm) -> impl Fn(&Value, &Value) -> bool {
    move |group, case| {
        let point = hex(&group["publicKey"]["uncompressed"]);
        let (x, y) = point[1..].split_at(point.len() / 2);
        signature_case(
            &key_set(
                &json!({"kty":"EC","crv":curve,"x":b64(x),"y":b64(y)}),
                &[algorithm],
            ),
            algorithm,
            case,
        )
    }
}

fn rsa_case(algorithm: Algorithm) -> impl Fn(&Value, &Value) -> bool {
    move |group, case| {
        let (n, e) = (
            hex(&group["publicKey"]["modulus"]),
            hex(&group["publicKey"]["publicExponent"]),
        );
        signature_case(
            &key_set(&json!({"kty":"RSA","n":b64(&n),"e":b64(&e)}), &[algorithm]),
            algorithm,
            case,
        )
    }
}

/// Rule 36.
///
/// R and S have a fixed length and are in range.
#[test]
fn wycheproof_ecdsa_p256() {
    let file = include_str!("data/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json");
    hold_to_the_list("ecdsa_p256", file, ecdsa_case("P-256", Algorithm::ES256));
}

/// Rule 36.
#[test]
fn wycheproof_ecdsa_p384() {
    let file = include_str!("data/wycheproof/ecdsa_secp384r1_sha384_p1363_test.json");
    hold_to_the_list("ecdsa_p384", file, ecdsa_case("P-384", Algorithm::ES384));
}

/// Rule 36.
#[test]
fn wycheproof_ecdsa_p521() {
    let file = include_str!("data/wycheproof/ecdsa_secp521r1_sha512_p1363_test.json");
    hold_to_the_list("ecdsa_p521", file, ecdsa_case("P-521", Algorithm::ES512));
}

/// Rule 39.
///
/// Malleable S, unusual encodings, keys of small order.
#[test]
fn wycheproof_ed25519() {
    hold_to_the_list(
        "ed25519",
        include_str!("data/wycheproof/ed25519_test.json"),
        |group, case| {
            let jwk = json!({"kty":"OKP","crv":"Ed25519","x":b64(&hex(&group["publicKey"]["pk"]))});
            signature_case(&key_set(&jwk, &[Algorithm::EdDSA]), Algorithm::EdDSA, case)
        },
    );
}

/// Rule 37.
///
/// RSA keys, and strict PKCS#1 v1.5 padding.
#[test]
fn wycheproof_rsa_pkcs1() {
    for (name, file, algorithm) in [
        (
            "rsa_2048_sha256",
            include_str!("data/wycheproof/rsa_signature_2048_sha256_test.json"),
            Algorithm::RS256,
        ),
        (
            "rsa_3072_sha384",
            include_str!("data/wycheproof/rsa_signature_3072_sha384_test.json"),
            Algorithm::RS384,
        ),
        (
            "rsa_4096_sha512",
            include_str!("data/wycheproof/rsa_signature_4096_sha512_test.json"),
            Algorithm::RS512,
        ),
    ] {
        hold_to_the_list(name, file, rsa_case(algorithm));
    }
}

/// Rule 38.
///
/// The salt has the length of the hash, and MGF1 uses the same hash.
#[test]
fn wycheproof_rsa_pss() {
    for (name, file, algorithm) in [
        (
            "rsa_pss_2048_sha256",
            include_str!("data/wycheproof/rsa_pss_2048_sha256_mgf1_32_test.json"),
            Algorithm::PS256,
        ),
        (
            "rsa_pss_2048_sha384",
            include_str!("data/wycheproof/rsa_pss_2048_sha384_mgf1_48_test.json"),
            Algorithm::PS384,
        ),
        (
            "rsa_pss_4096_sha512",
            include_str!("data/wycheproof/rsa_pss_4096_sha512_mgf1_64_test.json"),
            Algorithm::PS512,
        ),
    ] {
        hold_to_the_list(name, file, rsa_case(algorithm));
    }
}

/// The same signatures in whole tokens. If the header's algorithm differs, the key is not used.
#[test]
fn key_verifies_only_with_its_own_algorithm() {
    let file = parse(include_str!(
        "data/wycheproof/rsa_signature_2048_sha256_test.json"
    ));
    let group = &file["testGroups"][0];
    let good = group["tests"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["result"] == "valid")
        .unwrap();
    let keys = key_set(&group["keyJwk"], &Algorithm::ALL);
    for algorithm in Algorithm::ALL {
        assert_eq!(
            signature_case(&keys, algorithm, good),
            algorithm == Algorithm::RS256,
            "{algorithm}"
        );
    }
}

#[test]
fn every_listed_difference_names_a_file_and_a_reason() {
    const FILES: [&str; 12] = [
        "json_web_signature",
        "json_web_key",
        "json_web_crypto",
        "ecdsa_p256",
        "ecdsa_p384",
        "ed25519",
        "rsa_2048_sha256",
        "rsa_3072_sha384",
        "rsa_4096_sha512",
        "rsa_pss_2048_sha256",
        "rsa_pss_2048_sha384",
        "rsa_pss_4096_sha512",
    ];
    for difference in DIFFERENCES {
        assert!(
            FILES.contains(&difference.file),
            "{} is not run",
            difference.file
        );
        assert!(difference.reason.len() > 20 && !difference.cases.is_empty());
    }
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
