//! Parses and verifies vectors.

use serde_json::{Value, json};
use tower_m2m::Algorithm;
use tower_m2m::jwks::KeySet;
use tower_m2m::token::{CompactJws, JoseHeader, TokenError};

/// Verifies the signature of a token with these keys: the steps of RFC 7515 §5.2.
pub(crate) fn verify(keys: &KeySet, token: &str) -> Result<(), TokenError> {
    let compact = CompactJws::split(token)?;
    let mut room = vec![0; token.len()];
    let mut room = room.as_mut_slice();
    let (header, _) = (
        compact.decode_header(&mut room)?,
        compact.decode_payload(&mut room)?,
    );
    let header = JoseHeader::parse(header)?;
    let signature = compact.decode_signature(&mut room)?;
    keys.verify(
        header.kid(),
        header.algorithm(),
        compact.signing_input(),
        signature,
    )
}

/// Returns a set of one key, or the set itself.
pub(crate) fn key_set(jwk: &Value, allowed: &[Algorithm]) -> KeySet {
    let document = if jwk.get("keys").is_some() {
        jwk.clone()
    } else {
        json!({ "keys": [jwk] })
    };
    KeySet::parse(document.to_string().as_bytes(), allowed).unwrap()
}

/// Returns the public part of a JWK.
pub(crate) fn public(jwk: &Value) -> Value {
    let mut jwk = jwk.clone();
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        jwk.as_object_mut().unwrap().remove(private);
    }
    jwk
}

pub(crate) fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}
