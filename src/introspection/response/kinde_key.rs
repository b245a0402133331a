//! The description of an API key, which Kinde's verify endpoint does not send.

use super::kinde_verify::{KeyKind, VerifiedKey};
use super::{IntrospectionResponse, InvalidResponse, parse_object, string};
use crate::token::{JsonChildren, JsonObject, JsonValue};

/// Parses the response of Kinde's `GET /api/v1/api_keys/{key_id}`, which describes the key in its
/// member `api_key`, and returns the kind of the key.
///
/// The key is inactive if `api_ids` does not contain `api_id`, or if the description has a `status`
/// other than `"active"`. The member `type` decides the kind only if the verify response left it
/// open. [`KeyKind::OrganizationOrUser`] is never returned.
///
/// # Errors
///
/// Returns [`InvalidResponse`] if the body is not one JSON object of at most `max_values` values
/// without duplicate members; if `api_key`, `id` or `api_ids` is absent; if one of the members that
/// are read has the wrong type; or if `id`, `organization_id`, `user_id` or `type` contradicts the
/// verify response.
///
/// # Examples
///
/// ```
/// use tower_m2m::introspection::{IntrospectionResponse, KeyKind, parse_kinde_key, parse_kinde_verify};
///
/// let body = br#"{"is_valid":true,"status":"active","key_id":"k","org_code":"org_a","user_id":"kp_1"}"#;
/// let Ok(IntrospectionResponse::Active(key)) = parse_kinde_verify(body, 1_024) else {
///     panic!("the key is active")
/// };
/// let body = br#"{"api_key":{"id":"k","type":"organization","api_ids":["api_1"]}}"#;
/// assert_eq!(
///     parse_kinde_key(body, &key, "api_1", 1_024),
///     Ok(IntrospectionResponse::Active(KeyKind::Organization))
/// );
/// assert_eq!(parse_kinde_key(body, &key, "api_2", 1_024), Ok(IntrospectionResponse::Inactive));
/// ```
pub fn parse_kinde_key(
    body: &[u8],
    key: &VerifiedKey<'_>,
    api_id: &str,
    max_values: u32,
) -> Result<IntrospectionResponse<KeyKind>, InvalidResponse> {
    let json = parse_object(body, max_values)?;
    let members = match json.get("api_key") {
        Some(JsonValue::Object(members)) => members,
        Some(_) => return Err(InvalidResponse::MalformedMember("api_key")),
        None => return Err(InvalidResponse::MissingMember("api_key")),
    };
    let described = |name| json.member_of(members, name);
    if Some(string(described("id"), "id")?) != key.key_id() {
        return Err(InvalidResponse::Contradiction("id"));
    }
    for (name, verified) in [("organization_id", "org_code"), ("user_id", "user_id")] {
        if !agrees(described(name), key.claims().get(verified)) {
            return Err(InvalidResponse::Contradiction(name));
        }
    }
    let kind = kind(key.kind(), optional_string(described("type"), "type")?)?;
    let status = optional_string(described("status"), "status")?;
    let is_ours = match described("api_ids") {
        Some(JsonValue::Array(ids)) => contains(&json, ids, api_id)?,
        Some(_) => return Err(InvalidResponse::MalformedMember("api_ids")),
        None => return Err(InvalidResponse::MissingMember("api_ids")),
    };
    Ok(
        if is_ours && status.is_none_or(|status| status == "active") {
            IntrospectionResponse::Active(kind)
        } else {
            IntrospectionResponse::Inactive
        },
    )
}

/// Returns `true` if the description does not contradict the verify response. An absent member
/// contradicts no value, and no member contradicts a malformed value, which the rules reject.
fn agrees(described: Option<JsonValue<'_>>, verified: Option<JsonValue<'_>>) -> bool {
    match (described, verified) {
        (None, _) => true,
        (described, verified @ Some(JsonValue::Null | JsonValue::String(_))) => {
            described == verified
        }
        (_, malformed) => malformed.is_some(),
    }
}

/// Returns the kind of the key, if `type` does not contradict the verify response.
///
/// A key of the environment is global, so every other `type` contradicts it, also an unknown one.
fn kind(verified: KeyKind, declared: Option<&str>) -> Result<KeyKind, InvalidResponse> {
    let declared_kind = match declared {
        Some("organization") => Some(KeyKind::Organization),
        Some("user") => Some(KeyKind::User),
        Some("environment") => Some(KeyKind::Environment),
        _ => None,
    };
    match (verified, declared_kind) {
        (KeyKind::OrganizationOrUser, Some(KeyKind::Organization)) => Ok(KeyKind::Organization),
        (KeyKind::OrganizationOrUser, None | Some(KeyKind::User)) => Ok(KeyKind::User),
        (KeyKind::Environment, None) if declared.is_some() => {
            Err(InvalidResponse::Contradiction("type"))
        }
        (verified, None) => Ok(verified),
        (verified, Some(declared)) if verified == declared => Ok(verified),
        _ => Err(InvalidResponse::Contradiction("type")),
    }
}

/// Returns the string, or `None` if the member is absent or `null`.
fn optional_string<'j>(
    value: Option<JsonValue<'j>>,
    name: &'static str,
) -> Result<Option<&'j str>, InvalidResponse> {
    match value {
        None | Some(JsonValue::Null) => Ok(None),
        value => string(value, name).map(Some),
    }
}

/// Returns `true` if the array contains the string. All its values must be strings.
fn contains(json: &JsonObject<'_>, ids: JsonChildren, id: &str) -> Result<bool, InvalidResponse> {
    let mut found = false;
    for value in json.items(ids) {
        found |= string(Some(value), "api_ids")? == id;
    }
    Ok(found)
}
