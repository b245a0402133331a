//! Forgeries of the algorithm.

use serde_json::json;

use super::forge::{with_hmac, with_signature};
use super::forgery::forgeries;
use crate::testing::algorithm::SigningAlgorithm;
use crate::testing::encoding::pem;
use crate::testing::mint::TokenBuilder;

forgeries! {
    /// The algorithm is `none` and there is no signature (CVE-2015-9235).
    alg_none(good) -> INVALID_TOKEN { with_signature(&good.header("alg", "none"), []) }

    /// The algorithm is `none` in mixed case, which an exact match misses (GHSA-9gxv-x7rp-r2hc).
    alg_none_mixed_case(good) -> INVALID_TOKEN { with_signature(&good.header("alg", "nOnE"), []) }

    /// The algorithm is `none`, but the issuer's signature is present.
    alg_none_with_signature(good) -> INVALID_TOKEN { good.header("alg", "none").token() }

    /// The header names no algorithm.
    alg_missing(good) -> INVALID_TOKEN { good.without_header("alg").token() }

    /// The algorithm's name is empty.
    alg_empty(good) -> INVALID_TOKEN { good.header("alg", "").token() }

    /// The algorithm's name is in lower case, but names are case-sensitive (RFC 7515 §4.1.1).
    alg_wrong_case(good) -> INVALID_TOKEN {
        let name = good.key().algorithm().as_str().to_ascii_lowercase();
        good.header("alg", name).token()
    }

    /// The algorithm does not exist.
    alg_unknown(good) -> INVALID_TOKEN { good.header("alg", "XS256").token() }

    /// The algorithm is a number.
    alg_as_number(good) -> INVALID_TOKEN { good.header("alg", 256).token() }

    /// The algorithm is an array.
    alg_as_list(good) -> INVALID_TOKEN {
        let name = good.key().algorithm().as_str();
        good.header("alg", json!([name])).token()
    }

    /// HMAC with the public key's PEM as the secret (CVE-2023-48223).
    key_confusion_hs256(good) -> INVALID_TOKEN { confuse(good, "HS256", |good| good.key().public_pem().into()) }

    /// HMAC-SHA-384 with the public key's PEM as the secret.
    key_confusion_hs384(good) -> INVALID_TOKEN { confuse(good, "HS384", |good| good.key().public_pem().into()) }

    /// HMAC-SHA-512 with the public key's PEM as the secret.
    key_confusion_hs512(good) -> INVALID_TOKEN { confuse(good, "HS512", |good| good.key().public_pem().into()) }

    /// HMAC with the PEM without its last line break, as many programs read it.
    key_confusion_trimmed_pem(good) -> INVALID_TOKEN {
        confuse(good, "HS256", |good| good.key().public_pem().trim_end().into())
    }

    /// HMAC with the PKCS#1 form of the public key's PEM as the secret.
    key_confusion_pkcs1_pem(good) -> INVALID_TOKEN {
        confuse(good, "HS256", |good| pem("RSA PUBLIC KEY", good.key().public_bare()).into())
    }

    /// HMAC with the public key's DER as the secret.
    key_confusion_der(good) -> INVALID_TOKEN { confuse(good, "HS256", |good| good.key().public_der().into()) }

    /// HMAC with the public key without an envelope, a PKCS#1 structure or a point, as the secret.
    key_confusion_bare(good) -> INVALID_TOKEN { confuse(good, "HS256", |good| good.key().public_bare().into()) }

    /// HMAC with the JWK's `n` or `x`, in its base64url form, as the secret.
    key_confusion_modulus(good) -> INVALID_TOKEN {
        confuse(good, "HS256", |good| {
            let jwk = good.key().public_jwk();
            let member = jwk.get("n").or(jwk.get("x"));
            member.and_then(|text| text.as_str()).unwrap_or_default().into()
        })
    }

    /// HMAC with the JWK's JSON as the secret (CVE-2026-48526).
    key_confusion_jwk(good) -> INVALID_TOKEN {
        confuse(good, "HS256", |good| good.key().public_jwk().to_string().into())
    }

    /// HMAC with an empty secret.
    hs256_empty_secret(good) -> INVALID_TOKEN { with_hmac(good, "HS256", b"") }

    /// HMAC with the secret `secret`, which many tutorials use.
    hs256_guessed_secret(good) -> INVALID_TOKEN { with_hmac(good, "HS256", b"secret") }

    /// Signed by the issuer's own key, with a hash that the key is not bound to.
    rs512_under_rs256_key(good) -> INVALID_TOKEN {
        let bound = good.key().algorithm();
        let other = if bound == SigningAlgorithm::Rs512 { SigningAlgorithm::Rs384 } else { SigningAlgorithm::Rs512 };
        under_another(good, other)
    }

    /// Signed by the issuer's own key, with a padding that the key is not bound to.
    ps256_under_rs256_key(good) -> INVALID_TOKEN {
        let bound = good.key().algorithm();
        let other = if bound == SigningAlgorithm::Ps256 { SigningAlgorithm::Rs256 } else { SigningAlgorithm::Ps256 };
        under_another(good, other)
    }

    /// An elliptic-curve signature that consists of zeros (CVE-2022-21449).
    es256_psychic_zero(good) -> INVALID_TOKEN { with_signature(&good.header("alg", "ES256"), [0; 64]) }
}

fn confuse(good: TokenBuilder, alg: &str, secret: impl FnOnce(&TokenBuilder) -> Vec<u8>) -> String {
    let secret = secret(&good);
    with_hmac(good, alg, &secret)
}

/// If the key cannot sign with this algorithm, the token keeps its signature and names the
/// algorithm.
fn under_another(good: TokenBuilder, algorithm: SigningAlgorithm) -> String {
    match good.key().clone().with_algorithm(algorithm) {
        Some(key) => good.signed_with(&key).token(),
        None => good.header("alg", algorithm.as_str()).token(),
    }
}
