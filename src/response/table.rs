//! The only table that maps a rejection to a status and a challenge (RFC 6750 §3).

use std::borrow::Cow;

use http::StatusCode;

use crate::bearer::BearerError;
use crate::rejection::Rejection;

/// The row of a rejection.
pub(super) struct ResponseSpec {
    pub(super) status: StatusCode,
    /// The problem's stable name, which is also the anchor of its description in the guide.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) challenge: Challenge,
}

/// The content of `WWW-Authenticate`.
pub(super) enum Challenge {
    /// No header, because the token is not the cause, or because the route is hidden.
    Omitted,
    /// A bearer token is required, without an error code (RFC 6750 §3.1).
    Plain,
    Error {
        code: &'static str,
        description: Option<Cow<'static, str>>,
    },
}

/// The table.
///
/// If the server is misconfigured, the client learns only that: the event and the `Rejection` name
/// the fix.
#[allow(
    clippy::too_many_lines,
    reason = "one table with a row for each rejection"
)]
pub(super) fn spec(rejection: &Rejection) -> ResponseSpec {
    use Challenge::{Error, Plain};
    use Rejection as R;
    let because = |text: &'static str| Some(Cow::Borrowed(text));
    let row = |status, name, title, challenge| ResponseSpec {
        status,
        name,
        title,
        challenge,
    };
    match rejection {
        R::MissingToken | R::UnsupportedScheme => row(
            StatusCode::UNAUTHORIZED,
            "missing_token",
            "An access token is required",
            Plain,
        ),
        R::InvalidRequest(BearerError::TooLong { max_bytes }) => row(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The access token is too long",
            Error {
                code: "invalid_request",
                description: Some(
                    format!("the access token is longer than {max_bytes} bytes").into(),
                ),
            },
        ),
        R::InvalidRequest(BearerError::BareToken) => row(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The Authorization header has no scheme",
            Error {
                code: "invalid_request",
                description: because(
                    "the Authorization header must be Bearer, a space and one token",
                ),
            },
        ),
        R::InvalidRequest(_) => row(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The Authorization header is malformed",
            Error {
                code: "invalid_request",
                description: because(
                    "the Authorization header must be Bearer, a space and one token",
                ),
            },
        ),
        R::InvalidToken(_) => row(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "The access token is invalid",
            Error {
                code: "invalid_token",
                description: None,
            },
        ),
        R::InvalidClaims(error) => row(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "The access token is invalid",
            Error {
                code: "invalid_token",
                description: because(error.description()),
            },
        ),
        R::OrganizationRequired => row(
            StatusCode::FORBIDDEN,
            "organization_required",
            "The access token is not scoped to an organization",
            Plain,
        ),
        R::GlobalRequired => row(
            StatusCode::FORBIDDEN,
            "global_required",
            "The access token is scoped to an organization",
            Plain,
        ),
        R::WrongOrganization => row(
            StatusCode::FORBIDDEN,
            "wrong_organization",
            "The access token belongs to another organization",
            Plain,
        ),
        R::HiddenOrganization => row(
            StatusCode::NOT_FOUND,
            "not_found",
            "Not Found",
            Challenge::Omitted,
        ),
        R::OrganizationNotAllowed | R::ClientNotAllowed => row(
            StatusCode::FORBIDDEN,
            "not_allowed",
            "The client or its organization is not on the allow-list",
            Plain,
        ),
        R::Suspended => row(
            StatusCode::FORBIDDEN,
            "suspended",
            "The client or its organization is suspended",
            Plain,
        ),
        R::InsufficientScope(_) => row(
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            "The access token lacks a scope",
            Error {
                code: "insufficient_scope",
                description: because("the access token lacks a required scope"),
            },
        ),
        R::KeyUnavailable { .. } => row(
            StatusCode::SERVICE_UNAVAILABLE,
            "key_unavailable",
            "The key of the access token is unavailable at the moment",
            Challenge::Omitted,
        ),
        R::InvalidProof(error) => row(
            StatusCode::UNAUTHORIZED,
            "invalid_dpop_proof",
            "The DPoP proof is invalid",
            Error {
                code: "invalid_dpop_proof",
                description: because(error.description()),
            },
        ),
        R::InvalidCertificateHeader(error) => row(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The Client-Cert header is malformed",
            Error {
                code: "invalid_request",
                description: because(error.description()),
            },
        ),
        R::DpopNonceRequired { .. } => row(
            StatusCode::UNAUTHORIZED,
            "use_dpop_nonce",
            "The DPoP proof needs the nonce of this response",
            Error {
                code: "use_dpop_nonce",
                description: because("the DPoP proof needs the nonce of this response"),
            },
        ),
        R::ProofOfPossessionRequired => row(
            StatusCode::UNAUTHORIZED,
            "proof_of_possession_required",
            "The route requires an access token that is bound to a key or a certificate",
            Error {
                code: "invalid_token",
                description: because(
                    "the route requires an access token that is bound to a key or a certificate",
                ),
            },
        ),
        R::ReplayStoreUnavailable { .. } => row(
            StatusCode::SERVICE_UNAVAILABLE,
            "replay_store_unavailable",
            "DPoP proofs cannot be checked at the moment",
            Challenge::Omitted,
        ),
        R::TooManyProofs { .. } => row(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_proofs",
            "The key of the client has used too many DPoP proofs",
            Challenge::Omitted,
        ),
        R::JwtRequired => row(
            StatusCode::FORBIDDEN,
            "jwt_required",
            "The route accepts only signed access tokens",
            Plain,
        ),
        R::UserNotAllowed => row(
            StatusCode::FORBIDDEN,
            "user_not_allowed",
            "The route does not accept the credentials of users",
            Plain,
        ),
        R::IntrospectionUnavailable { .. } => row(
            StatusCode::SERVICE_UNAVAILABLE,
            "introspection_unavailable",
            "The credential cannot be verified at the moment",
            Challenge::Omitted,
        ),
        R::KeysUnavailable { .. } | R::CallerStatusUnavailable | R::DenylistUnavailable => row(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Access tokens cannot be verified at the moment",
            Challenge::Omitted,
        ),
        R::LayerMissing(_) | R::Misconfigured(_) => row(
            StatusCode::INTERNAL_SERVER_ERROR,
            "misconfigured",
            "The server is misconfigured",
            Challenge::Omitted,
        ),
    }
}
