//! `GET /api/v1/organization?code=…`, in the form that Kinde documents.

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::json;

use super::credentials::KindeError;
use super::form::UrlEncodedForm;
use super::respond;
use super::state::IssuerState;

/// Responds to a request for an organization. Every code is that of an organization.
pub(super) fn read(shared: &IssuerState, request: &Parts) -> Response<Bytes> {
    let now = shared.clock.unix_seconds();
    let state = shared.state();
    let authorized = state
        .credentials
        .authorize(&request.headers, "read:organizations", now);
    if authorized.is_err() {
        return respond::kinde_error(&KindeError::new(StatusCode::FORBIDDEN, "ACCESS_DENIED"));
    }
    let query = UrlEncodedForm::parse(request.uri.query().unwrap_or_default().as_bytes());
    let Some(code) = query.as_ref().and_then(|query| query.value("code")) else {
        return respond::kinde_error(&KindeError::new(
            StatusCode::BAD_REQUEST,
            "ORGANIZATION_CODE_MISSING",
        ));
    };
    let is_suspended = state.suspended.contains(code);
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
