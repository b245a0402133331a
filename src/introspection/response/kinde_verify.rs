//! The response of Kinde's endpoint that verifies an API key.

use std::fmt;

use super::{IntrospectionResponse, InvalidResponse, boolean, parse_object, string};
use crate::token::{JsonObject, JsonValue};

/// An API key that Kinde verified. `Debug` shows only the kind of the key.
pub struct VerifiedKey<'a> {
    claims: JsonObject<'a>,
    kind: KeyKind,
}

/// The kind of a Kinde API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// The key of one organization.
    Organization,
    /// The key of a user, with or without an organization. It is never global.
    User,
    /// The key of the whole environment. It is global.
    Environment,
    /// The response names an organization and a user. The description of the key decides. Without
    /// it, this is the key of a user.
    OrganizationOrUser,
}

/// Parses the response of Kinde's `POST /api/v1/api_keys/verify`.
///
/// A key is active if and only if `is_valid` is `true` and `status` is `"active"`. The verify
/// response has no member for the kind of a key, so [`KeyKind`] depends on which of `org_code` and
/// `user_id` are `null`. Both must be present. Their values are not checked here, and no other
/// member is read.
///
/// # Errors
///
/// Returns [`InvalidResponse`] if the body is not one JSON object of at most `max_values` values
/// without duplicate members, if `is_valid` is not a Boolean, if `status` of a valid key is not a
/// string, or if `org_code` or `user_id` of an active key is absent.
///
/// # Examples
///
/// ```
/// use tower_m2m::introspection::{IntrospectionResponse, KeyKind, parse_kinde_verify};
///
/// let body = br#"{"is_valid":true,"status":"active","key_id":"k","org_code":"org_a","user_id":null}"#;
/// let Ok(IntrospectionResponse::Active(key)) = parse_kinde_verify(body, 1_024) else {
///     panic!("the key is active")
/// };
/// assert_eq!((key.key_id(), key.kind()), (Some("k"), KeyKind::Organization));
/// ```
pub fn parse_kinde_verify(
    body: &[u8],
    max_values: u32,
) -> Result<IntrospectionResponse<VerifiedKey<'_>>, InvalidResponse> {
    let json = parse_object(body, max_values)?;
    if !boolean(json.get("is_valid"), "is_valid")?
        || string(json.get("status"), "status")? != "active"
    {
        return Ok(IntrospectionResponse::Inactive);
    }
    let kind = match (is_given(&json, "org_code")?, is_given(&json, "user_id")?) {
        (true, false) => KeyKind::Organization,
        (true, true) => KeyKind::OrganizationOrUser,
        (false, true) => KeyKind::User,
        (false, false) => KeyKind::Environment,
    };
    Ok(IntrospectionResponse::Active(VerifiedKey {
        claims: json,
        kind,
    }))
}

/// Returns `false` if the member is `null`. It must not be absent, because a response without it
/// does not say what kind of key it is.
fn is_given(json: &JsonObject<'_>, name: &'static str) -> Result<bool, InvalidResponse> {
    match json.get(name) {
        None => Err(InvalidResponse::MissingMember(name)),
        Some(JsonValue::Null) => Ok(false),
        Some(_) => Ok(true),
    }
}

impl<'a> VerifiedKey<'a> {
    /// Returns the whole response, which contains the claims of the key.
    #[must_use]
    pub fn claims(&self) -> &JsonObject<'a> {
        &self.claims
    }

    /// Returns the kind of the key.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns `key_id`, or `None` if it is absent or not a string.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        match self.claims.get("key_id") {
            Some(JsonValue::String(id)) => Some(id),
            _ => None,
        }
    }
}

impl fmt::Debug for VerifiedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedKey")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
