//! `POST /oauth2/introspect` (RFC 7662).

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::client_authentication::{authenticate, parse_form};
use super::oauth_error::OAuthError;
use super::respond::{self, uncached};
use super::state::IssuerState;

/// Reports an opaque token, or returns an error response.
pub(super) fn answer(shared: &IssuerState, headers: &HeaderMap, body: &[u8]) -> Response<Bytes> {
    uncached(introspect(shared, headers, body).unwrap_or_else(OAuthError::response))
}

fn introspect(
    shared: &IssuerState,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Bytes>, OAuthError> {
    let once = ["token", "token_type_hint", "client_id", "client_secret"];
    let form = parse_form(headers, body, &once)?;
    // The endpoint requires a client, so that it cannot be used to try tokens (RFC 7662 §2.1).
    authenticate(shared, headers, &form)?;
    let token = form.value("token");
    let token = token.ok_or(OAuthError::InvalidRequest("token is missing"))?;
    let response = shared.state().credentials.tokens.get(token).cloned();
    let response = response.map_or_else(|| json!({ "active": false }), Value::Object);
    Ok(respond::json(StatusCode::OK, &response))
}
