//! `GET /api/v1/organization?code=…`, in the form that Kinde documents.

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::json;

use super::credentials::KindeError;
use super::form::decode;
use super::respond;
use super::state::IssuerState;

/// Responds to a request for an organization. Every code is that of an organization.
pub(super) fn read(shared: &IssuerState, request: &Parts) -> Response<Bytes> {
    let now = shared.clock.unix_seconds();
    let state = shared.state();
    if !state
        .credentials
        .is_authorized(&request.headers, "read:organizations", now)
    {
        return error(StatusCode::FORBIDDEN, "ACCESS_DENIED");
    }
    let query = request.uri.query().unwrap_or_default();
    let mut fields = query.split('&').filter_map(|field| field.split_once('='));
    let code = fields.find(|(name, _)| *name == "code");
    let Some(code) = code.and_then(|(_, code)| decode(code)) else {
        return error(StatusCode::BAD_REQUEST, "ORGANIZATION_CODE_MISSING");
    };
    let is_suspended = state.suspended.contains(&code);
    respond::json(
        StatusCode::OK,
        &json!({
            "code": code,
            "name": "Acme",
            "handle": null,
            "is_default": false,
            "external_id": null,
            "is_suspended": is_suspended,
        }),
    )
}

fn error(status: StatusCode, code: &str) -> Response<Bytes> {
    let error = KindeError::new(status, code);
    respond::json(error.status, &error.body())
}
