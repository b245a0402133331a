//! `POST /api/v1/api_keys/verify` and `GET /api/v1/api_keys/{id}`, in the forms that Kinde
//! documents.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::{AccessDenied, KeyStatus, KindeError};
use super::form::decode;
use super::respond;
use super::state::{ApiKeyAccess, IssuerState};

#[derive(Deserialize)]
struct VerifyRequest {
    api_key: String,
}

/// Responds to a request that verifies a key.
pub(super) fn verify(shared: &IssuerState, headers: &HeaderMap, body: &[u8]) -> Response<Bytes> {
    let now = shared.clock.unix_seconds();
    let mut state = shared.state();
    let credentials = &mut state.credentials;
    if shared.api_key_access == ApiKeyAccess::Protected {
        match credentials.authorize(headers, "read:api_keys", now) {
            Ok(()) => {}
            Err(AccessDenied::InvalidToken) => {
                return respond::kinde_error(&credentials.rejected_client);
            }
            Err(AccessDenied::MissingScope) => {
                return respond::kinde_error(&credentials.missing_scope);
            }
        }
    }
    let is_json = content_type(headers).is_some_and(|essence| essence == "application/json");
    let request = serde_json::from_slice::<VerifyRequest>(body);
    let (true, Ok(request)) = (is_json, request) else {
        return respond::kinde_error(&KindeError::new(
            StatusCode::BAD_REQUEST,
            "INVALID_REQUEST_BODY",
        ));
    };
    let unknown = credentials.unknown_key.clone();
    let key = credentials.key_with_secret(&request.api_key);
    match (key, unknown) {
        (Some(key), _) if key.status == KeyStatus::Active => {
            if let Some(Value::Number(count)) = key.verified.get_mut("verification_count") {
                *count = count.as_u64().unwrap_or_default().saturating_add(1).into();
            }
            respond::json(StatusCode::OK, &Value::Object(key.verified.clone()))
        }
        (_, Some(unknown)) => respond::kinde_error(&unknown),
        (Some(revoked), None) => {
            respond::json(StatusCode::OK, &Value::Object(revoked.verified.clone()))
        }
        (None, None) => respond::json(
            StatusCode::OK,
            &json!({
                "code": "API_KEY_INVALID",
                "message": "API key is invalid",
                "is_valid": false,
            }),
        ),
    }
}

/// Responds to a request that reads the description of a key. Kinde documents no 401 for it.
pub(super) fn read(shared: &IssuerState, request: &Parts) -> Response<Bytes> {
    let now = shared.clock.unix_seconds();
    let state = shared.state();
    let authorized = state
        .credentials
        .authorize(&request.headers, "read:api_keys", now);
    if authorized.is_err() {
        return respond::kinde_error(&KindeError::new(StatusCode::FORBIDDEN, "ACCESS_DENIED"));
    }
    let id = request.uri.path().rsplit('/').next().unwrap_or_default();
    let key = decode(id).and_then(|id| state.credentials.keys.get(&id));
    let Some(key) = key else {
        return respond::kinde_error(&KindeError::new(StatusCode::NOT_FOUND, "API_KEY_NOT_FOUND"));
    };
    respond::json(
        StatusCode::OK,
        &json!({ "code": "OK", "message": "Success", "api_key": key.details }),
    )
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}
