//! The response of an introspection endpoint (RFC 7662 §2.2).

use super::{IntrospectionResponse, InvalidResponse, boolean, parse_object};
use crate::token::JsonObject;

/// Parses the response of an introspection endpoint (RFC 7662 §2.2). If the token is active, the
/// whole object is its claims.
///
/// The token is active only if `active` is the JSON value `true`. The strings `"true"` and
/// `"false"` and numbers make the response invalid. No other member is read.
///
/// # Errors
///
/// Returns [`InvalidResponse`] if the body is not one JSON object of at most `max_values` values
/// without duplicate members, or if `active` is absent or not a Boolean.
///
/// # Examples
///
/// ```
/// use tower_m2m::introspection::{IntrospectionResponse, parse_rfc7662};
///
/// let body = br#"{"active":true,"client_id":"svc","scope":"read:invoices"}"#;
/// assert!(matches!(parse_rfc7662(body, 1_024), Ok(IntrospectionResponse::Active(_))));
/// assert!(parse_rfc7662(br#"{"active":"true"}"#, 1_024).is_err());
/// ```
pub fn parse_rfc7662(
    body: &[u8],
    max_values: u32,
) -> Result<IntrospectionResponse<JsonObject<'_>>, InvalidResponse> {
    let json = parse_object(body, max_values)?;
    Ok(if boolean(json.get("active"), "active")? {
        IntrospectionResponse::Active(json)
    } else {
        IntrospectionResponse::Inactive
    })
}
