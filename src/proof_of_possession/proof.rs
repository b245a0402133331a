//! The header and the claims of a DPoP proof (RFC 9449 §4.2).

use crate::token::{Algorithm, JoseHeader, JsonChildren, JsonObject, JsonValue, ProofError};

/// The largest number of JSON values in the header or the claims of a proof. A proof has about
/// ten.
pub(super) const MAX_VALUES: u32 = 256;

/// Checks `typ` and returns the members of `jwk` (RFC 9449 §4.3 (4), (5)).
pub(super) fn check_header(
    header: &JoseHeader<'_>,
    algorithms: &[Algorithm],
) -> Result<JsonChildren, ProofError> {
    match header.json().get("typ") {
        Some(JsonValue::String(typ)) if typ.eq_ignore_ascii_case("dpop+jwt") => {}
        _ => return Err(ProofError::InvalidType),
    }
    if !algorithms.contains(&header.algorithm()) {
        return Err(ProofError::AlgorithmNotAllowed);
    }
    match header.json().get("jwk") {
        Some(JsonValue::Object(members)) => Ok(members),
        _ => Err(ProofError::InvalidKey),
    }
}

/// The claims of a proof that are compared with the request.
pub(super) struct ProofClaims<'j> {
    pub(super) jti: &'j str,
    pub(super) htm: &'j str,
    pub(super) htu: &'j str,
    pub(super) iat: i64,
    pub(super) ath: &'j str,
    pub(super) nonce: Option<&'j str>,
    pub(super) expires_at: Option<i64>,
    pub(super) not_before: Option<i64>,
}

impl<'j> ProofClaims<'j> {
    /// Reads the claims (RFC 9449 §4.3 (3)). `ath` is required, because the proof comes with an
    /// access token.
    pub(super) fn read(json: &'j JsonObject<'_>) -> Result<Self, ProofError> {
        Ok(Self {
            htm: string(json, "htm")?,
            htu: string(json, "htu")?,
            iat: date(json, "iat")?.ok_or(ProofError::InvalidClaim("iat"))?,
            nonce: match json.get("nonce") {
                None => None,
                Some(_) => Some(string(json, "nonce")?),
            },
            ath: string(json, "ath")?,
            jti: string(json, "jti")?,
            // RFC 9449 does not need them. A proof that has them is a JWT with these limits (RFC
            // 7519 §4.1.4, §4.1.5).
            expires_at: date(json, "exp")?,
            not_before: date(json, "nbf")?,
        })
    }
}

fn string<'j>(json: &'j JsonObject<'_>, name: &'static str) -> Result<&'j str, ProofError> {
    match json.get(name) {
        Some(JsonValue::String(text)) if !text.is_empty() => Ok(text),
        _ => Err(ProofError::InvalidClaim(name)),
    }
}

/// Reads a `NumericDate`. A malformed one, such as `null`, is never absent.
fn date(json: &JsonObject<'_>, name: &'static str) -> Result<Option<i64>, ProofError> {
    let value = json.get(name).map(JsonValue::numeric_date);
    match value {
        Some(None) => Err(ProofError::InvalidClaim(name)),
        date => Ok(date.flatten()),
    }
}
