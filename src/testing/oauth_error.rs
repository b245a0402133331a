//! The error responses of the OAuth endpoints.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::json;

use super::documents::BASIC_CHALLENGE;
use super::respond;

/// The error responses of RFC 6749 §5.2.
#[derive(Clone, Copy)]
pub(super) enum OAuthError {
    InvalidRequest(&'static str),
    InvalidClient(AuthMethod),
    UnauthorizedClient,
    InvalidScope,
    UnsupportedGrantType,
}

/// The method that the client used to authenticate.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum AuthMethod {
    Basic,
    Body,
}

impl OAuthError {
    /// Returns the response with this error.
    pub(super) fn response(self) -> Response<Bytes> {
        let (status, error, description) = match self {
            Self::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why),
            Self::InvalidClient(_) => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "client authentication failed",
            ),
            Self::UnauthorizedClient => (
                StatusCode::BAD_REQUEST,
                "unauthorized_client",
                "the app is not authorized for this audience",
            ),
            Self::InvalidScope => (
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                "a requested scope is not enabled",
            ),
            Self::UnsupportedGrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "only client_credentials is supported",
            ),
        };
        let mut response = respond::json(
            status,
            &json!({ "error": error, "error_description": description }),
        );
        if let Self::InvalidClient(AuthMethod::Basic) = self {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, BASIC_CHALLENGE);
        }
        response
    }
}
