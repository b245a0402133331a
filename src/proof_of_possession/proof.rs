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
}

impl<'j> ProofClaims<'j> {
    /// Reads the claims (RFC 9449 §4.3 (3)). `ath` is required, because the proof comes with an
    /// access token.
    pub(super) fn read(json: &'j JsonObject<'_>) -> Result<Self, ProofError> {
        Ok(Self {
            htm: string(json, "htm")?,
            htu: string(json, "htu")?,
            iat: numeric_date(json)?,
            nonce: match json.get("nonce") {
                None => None,
                Some(_) => Some(string(json, "nonce")?),
            },
            ath: string(json, "ath")?,
            jti: string(json, "jti")?,
        })
    }
}

fn string<'j>(json: &'j JsonObject<'_>, name: &'static str) -> Result<&'j str, ProofError> {
    match json.get(name) {
        Some(JsonValue::String(text)) if !text.is_empty() => Ok(text),
        _ => Err(ProofError::InvalidClaim(name)),
    }
}

/// Reads `iat` (RFC 7519 §2): seconds, without fractions.
fn numeric_date(json: &JsonObject<'_>) -> Result<i64, ProofError> {
    const MAX: i64 = 253_402_300_799;
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "within the range that was just checked"
    )]
    match json.get("iat") {
        Some(JsonValue::Integer(seconds)) if (0..=MAX).contains(&seconds) => Ok(seconds),
        Some(JsonValue::Float(seconds)) if (0.0..=MAX as f64).contains(&seconds) => {
            Ok(seconds as i64)
        }
        _ => Err(ProofError::InvalidClaim("iat")),
    }
}
