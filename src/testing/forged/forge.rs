//! Functions that change one part of a valid token.

use std::io;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;

use crate::testing::algorithm::SigningAlgorithm;
use crate::testing::encoding::{base64url, signing_input};
use crate::testing::keys::{SigningKey, compact};
use crate::testing::mint::TokenBuilder;

/// Returns the valid signature, or no bytes if the key cannot sign.
pub(super) fn signature(good: &TokenBuilder) -> Vec<u8> {
    let input = signing_input(good.header_json(), good.payload_json());
    good.key().sign(input.as_bytes()).unwrap_or_default()
}

/// Returns the valid header and payload with this signature.
pub(super) fn with_signature(good: &TokenBuilder, signature: impl AsRef<[u8]>) -> String {
    let input = signing_input(good.header_json(), good.payload_json());
    format!("{input}.{}", base64url(signature))
}

/// Returns the valid payload with this header, signed by the issuer.
pub(super) fn with_header(good: &TokenBuilder, header: impl AsRef<[u8]>) -> String {
    compact(header, good.payload_json(), good.key())
}

/// Returns the valid header with this payload, signed by the issuer.
pub(super) fn with_payload(good: &TokenBuilder, payload: impl AsRef<[u8]>) -> String {
    compact(good.header_json(), payload, good.key())
}

/// Returns the valid payload with more members in front, duplicates included, signed by the issuer.
pub(super) fn with_more_claims(good: &TokenBuilder, members: &str) -> String {
    with_payload(good, more_members(&good.payload_json(), members))
}

/// Returns a JSON object with more members in front.
pub(super) fn more_members(object: &str, members: &str) -> String {
    object.replacen('{', &format!("{{{members},"), 1)
}

/// Signs with HMAC and this secret.
pub(super) fn with_hmac(good: TokenBuilder, alg: &str, secret: &[u8]) -> String {
    let algorithm = match alg {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let good = good.header("alg", alg);
    let input = signing_input(good.header_json(), good.payload_json());
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), input.as_bytes());
    format!("{input}.{}", base64url(tag))
}

/// Applies `change`, then signs with a key of the same algorithm that is not the issuer's.
pub(super) fn by_attacker(
    good: &TokenBuilder,
    change: impl FnOnce(TokenBuilder, &SigningKey) -> TokenBuilder,
) -> String {
    match attackers_key(good.key().algorithm()) {
        Ok(key) => change(good.clone().signed_with(&key), &key).token(),
        // If there is no key, the signature is empty. The token is still invalid.
        Err(_) => with_signature(good, []),
    }
}

/// Returns the three segments of a token.
pub(super) fn segments(token: &str) -> (&str, &str, &str) {
    let (input, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let (header, payload) = input.split_once('.').unwrap_or((input, ""));
    (header, payload, signature)
}

/// Returns a string that differs from this one only in the case of its letters.
pub(super) fn other_case(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let lower = text.to_ascii_lowercase();
    match (upper == text, lower == text) {
        (false, _) => upper,
        (true, false) => lower,
        (true, true) => format!("{text}X"),
    }
}

/// Returns one key per algorithm and process. RSA keys are slow to generate, and one is enough.
fn attackers_key(algorithm: SigningAlgorithm) -> io::Result<SigningKey> {
    static KEYS: Mutex<Vec<SigningKey>> = Mutex::new(Vec::new());
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = keys.iter().find(|key| key.algorithm() == algorithm) {
        return Ok(key.clone());
    }
    let key = SigningKey::generate(algorithm)?;
    keys.push(key.clone());
    Ok(key)
}
