//! What an issuer says about an opaque credential: parsers of response bodies, without I/O.
//!
//! They decide between *active*, *inactive* and *invalid response*. The rules of the verifier check
//! the claims of an active response, as those of a JWT.

mod kinde_key;
mod kinde_verify;
mod rfc7662;

use std::fmt;

pub use kinde_key::parse_kinde_key;
pub use kinde_verify::{KeyKind, VerifiedKey, parse_kinde_verify};
pub use rfc7662::parse_rfc7662;

use crate::token::{JsonError, JsonObject, JsonValue};

/// What a valid response says about a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a response that says anything else is invalid"
)]
pub enum IntrospectionResponse<T> {
    /// The issuer accepts the credential.
    Active(T),
    /// The issuer does not accept the credential.
    Inactive,
}

/// The reason why a response cannot be used. It says nothing about the credential, so the caller
/// gets 503 and never 401.
///
/// `Debug` and `Display` show names of members, never a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidResponse {
    /// The body is not one JSON object without duplicate members.
    Json(JsonError),
    /// A required member is absent.
    MissingMember(&'static str),
    /// A member has a value of another type.
    MalformedMember(&'static str),
    /// The description of an API key contradicts the response that verified the key.
    Contradiction(&'static str),
}

/// Returns `errors[0].code` of an error body of Kinde, or `None` if the body has no such member, or
/// if it is not a string of 1 to 128 visible ASCII characters.
#[must_use]
pub fn parse_error_code(body: &[u8]) -> Option<String> {
    let json = JsonObject::parse(body).ok()?;
    match json.pointer("/errors/0/code") {
        Some(JsonValue::String(code))
            if (1..=128).contains(&code.len())
                && code.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Some(code.to_owned())
        }
        _ => None,
    }
}

/// Returns the object of a body.
fn parse_object(body: &[u8], max_values: u32) -> Result<JsonObject<'_>, InvalidResponse> {
    JsonObject::parse_bounded(body, max_values).map_err(InvalidResponse::Json)
}

/// Returns the string, or an error that names the member.
fn string<'j>(
    value: Option<JsonValue<'j>>,
    name: &'static str,
) -> Result<&'j str, InvalidResponse> {
    match value {
        Some(JsonValue::String(string)) => Ok(string),
        Some(_) => Err(InvalidResponse::MalformedMember(name)),
        None => Err(InvalidResponse::MissingMember(name)),
    }
}

/// Returns the Boolean, or an error that names the member.
fn boolean(value: Option<JsonValue<'_>>, name: &'static str) -> Result<bool, InvalidResponse> {
    match value {
        Some(JsonValue::Bool(boolean)) => Ok(boolean),
        Some(_) => Err(InvalidResponse::MalformedMember(name)),
        None => Err(InvalidResponse::MissingMember(name)),
    }
}

impl fmt::Display for InvalidResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the response is {error}"),
            Self::MissingMember(name) => write!(f, "the response has no member `{name}`"),
            Self::MalformedMember(name) => {
                write!(f, "the member `{name}` of the response has the wrong type")
            }
            Self::Contradiction(name) => write!(
                f,
                "the member `{name}` of the key's description contradicts the response that verified the key"
            ),
        }
    }
}

impl std::error::Error for InvalidResponse {}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
