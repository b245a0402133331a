//! Readers of single claims.

use crate::token::{JsonError, JsonObject, JsonValue, TokenError, is_identifier};

/// Returns `true` if a claim is present. `null` counts as absent.
pub(super) fn is_present(claim: Option<JsonValue<'_>>) -> bool {
    !matches!(claim, None | Some(JsonValue::Null))
}

/// Returns `true` if a claim that RFC 9068 §2.2 requires is absent, `null` or `""`.
pub(super) fn is_missing(claim: Option<JsonValue<'_>>) -> bool {
    matches!(claim, None | Some(JsonValue::Null | JsonValue::String("")))
}

/// Reads a `NumericDate`. A malformed one is never absent (CVE-2026-25537). `null` is absent for
/// all but `exp`.
pub(super) fn numeric_date(
    json: &JsonObject<'_>,
    name: &'static str,
) -> Result<Option<i64>, TokenError> {
    match json.get(name) {
        None => Ok(None),
        Some(JsonValue::Null) if name != "exp" => Ok(None),
        Some(value) => match value.numeric_date() {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(TokenError::MalformedClaim(name)),
        },
    }
}

/// Reads `sub` or `jti`, which are absent if they are `null` or `""`.
pub(super) fn string_claim<'j>(
    json: &'j JsonObject<'_>,
    name: &'static str,
) -> Result<Option<&'j str>, TokenError> {
    match json.get(name) {
        None | Some(JsonValue::Null | JsonValue::String("")) => Ok(None),
        Some(JsonValue::String(text)) if is_identifier(text) => Ok(Some(text)),
        Some(_) => Err(TokenError::MalformedClaim(name)),
    }
}

pub(super) fn as_string(value: JsonValue<'_>) -> Option<&str> {
    match value {
        JsonValue::String(text) => Some(text),
        _ => None,
    }
}

/// Returns the first audience, and the further ones.
pub(super) fn audiences<'j>(
    aud: Option<JsonValue<'j>>,
    json: &'j JsonObject<'_>,
) -> (Option<&'j str>, Box<[Box<str>]>) {
    match aud {
        Some(JsonValue::String(audience)) => (Some(audience), Box::default()),
        Some(JsonValue::Array(list)) => {
            let mut texts = json.items(list).filter_map(as_string);
            (texts.next(), texts.map(Into::into).collect())
        }
        _ => (None, Box::default()),
    }
}

/// Returns Kinde's properties and feature flags. Few tokens have them.
pub(super) fn kinde_extras(
    json: &JsonObject<'_>,
    payload: &[u8],
) -> Result<Option<Box<serde_json::Map<String, serde_json::Value>>>, TokenError> {
    const NAMES: [&str; 2] = ["application_properties", "feature_flags"];
    if NAMES.iter().all(|name| json.get(name).is_none()) {
        return Ok(None);
    }
    let mut all: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(payload)
        .map_err(|_| TokenError::InvalidClaimsSet(JsonError::Syntax))?;
    all.retain(|name, _| NAMES.contains(&name.as_str()));
    Ok(Some(Box::new(all)))
}

/// Returns the value of `iss`.
pub(crate) fn issuer_claim<'j>(json: &'j JsonObject<'_>) -> Option<&'j str> {
    json.get("iss").and_then(as_string)
}
