//! The description of an active response that the rules reject, for events. It has no values.

use std::sync::Arc;

use super::explain::type_name;
use crate::token::{JsonObject, TokenError};

/// Returns the types of the members that the failed check reads, or `None` if they would say
/// nothing or the time.
pub(super) fn found_in_response(json: &JsonObject<'_>, error: TokenError) -> Option<Arc<str>> {
    use TokenError as E;
    let members: &[&str] = match error {
        E::UntrustedIssuer => &["iss"],
        E::InvalidType => &["token_type", "token_use"],
        E::MissingClaim("exp" | "iat") | E::MalformedClaim("exp" | "nbf" | "iat") => {
            &["exp", "nbf", "iat"]
        }
        E::InvalidAudience | E::MissingClaim("aud") | E::MalformedClaim("aud") => &["aud"],
        E::SenderConstrained => &["cnf", "token_type"],
        E::Delegated => &["act"],
        E::MissingClaim("client id") | E::MalformedClaim("client id") => &["client_id", "key_id"],
        E::InvalidOrganization => &["org_code", "user_id"],
        E::MalformedClaim("scope") => &["scope", "scopes"],
        E::MalformedClaim("sub") => &["sub", "user_id"],
        E::MalformedClaim("jti") => &["jti"],
        _ => return None,
    };
    let described = |name: &&str| format!("/{name} is {}", type_name(json.get(name)));
    let mut found: Vec<_> = members
        .iter()
        .filter(|name| json.get(name).is_some())
        .map(described)
        .collect();
    if found.is_empty() {
        found.extend(members.first().map(described));
    }
    Some(found.join(", ").into())
}

/// Returns the requirement, if it is another one than for a JWT.
pub(super) fn expected_in_response(error: TokenError) -> Option<&'static str> {
    use TokenError as E;
    match error {
        E::InvalidType => Some("token_type Bearer, and token_use access_token if present"),
        E::MissingClaim("client id") | E::MalformedClaim("client id") => {
            Some("a string in client_id, or in key_id of an API key")
        }
        _ => None,
    }
}
