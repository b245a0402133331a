//! The reasons why a request is rejected.

mod misconfiguration;

use std::fmt;
use std::time::Duration;

pub use misconfiguration::{Misconfiguration, MissingLayer};

use crate::bearer::BearerError;
use crate::token::{CertificateHeaderError, NotAllowed, ProofError, ScopeRequirement, TokenError};

/// The reason why a request was rejected.
///
/// It is in the extensions of the response, where logging, metrics and custom bodies read it:
///
/// ```
/// use tower_m2m::Rejection;
///
/// fn reason<B>(response: &http::Response<B>) -> Option<&'static str> {
///     response.extensions().get::<Rejection>().map(Rejection::code)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// No bearer token was sent: 401 without an error code (RFC 6750 §3.1).
    MissingToken,
    /// The credentials use another scheme: the same response as for no token.
    UnsupportedScheme,
    /// The credentials are malformed: 400 `invalid_request`.
    InvalidRequest(BearerError),
    /// The token was rejected before signature verification succeeded, so the response does not
    /// describe the error: 401 `invalid_token`.
    InvalidToken(TokenError),
    /// The signature is valid, but the token is invalid: 401 `invalid_token` with a description.
    InvalidClaims(TokenError),
    /// The token is not scoped to an organization, and the route belongs to one: 403.
    OrganizationRequired,
    /// The token is scoped to an organization, and the route is for global clients: 403.
    GlobalRequired,
    /// The route's organization is not the token's: 403.
    WrongOrganization,
    /// Like `WrongOrganization`, if the application hides whether the organization exists: 404.
    HiddenOrganization,
    /// The organization is not on the allow-list: 403.
    OrganizationNotAllowed,
    /// The client is not on the allow-list: 403.
    ClientNotAllowed,
    /// The application suspended the client or its organization: 403.
    Suspended,
    /// The token lacks a scope: 403 `insufficient_scope` with what is needed.
    InsufficientScope(ScopeRequirement),
    /// No keys are available to verify the token: 503.
    KeysUnavailable {
        /// When a client should try again.
        retry_after: Duration,
    },
    /// The token's key is not in the current key set, and no fetch could decide whether the issuer
    /// has it: 503.
    KeyUnavailable {
        /// When a client should try again.
        retry_after: Duration,
    },
    /// The issuer did not say whether the opaque credential is valid: 503.
    IntrospectionUnavailable {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The DPoP proof of the request is invalid: 401 `invalid_dpop_proof` (RFC 9449 §7.1).
    InvalidProof(ProofError),
    /// The DPoP proof has no nonce of this server, or an old one: 401 `use_dpop_nonce` with a new
    /// nonce (RFC 9449 §9).
    DpopNonceRequired {
        /// The nonce for the next proof: the value of the response's header `DPoP-Nonce`.
        nonce: Box<str>,
    },
    /// The `Client-Cert` header of a configured peer is invalid: 400 `invalid_request` (RFC 9440
    /// §2.2).
    InvalidCertificateHeader(CertificateHeaderError),
    /// The token is not bound to a key or a certificate, and the route requires it: 401
    /// `invalid_token`.
    ProofOfPossessionRequired,
    /// The replay store is full, or it did not say whether the proof was used before: 503.
    ReplayStoreUnavailable {
        /// When a client should try again.
        retry_after: Duration,
    },
    /// The client's key has used its share of the replay store: 503.
    TooManyProofs {
        /// When a client should try again.
        retry_after: Duration,
    },
    /// The credential is opaque, and the route accepts only signed tokens: 403.
    JwtRequired,
    /// The credential belongs to a user, and the route does not allow users: 403.
    UserNotAllowed,
    /// The application's caller check failed or timed out: 503.
    CallerStatusUnavailable,
    /// The [replicated](crate::Denylist::replicated) denylist was not loaded yet, or is too old:
    /// 503.
    DenylistUnavailable,
    /// A handler extracts from a verified token, but no layer protects it: 500.
    LayerMissing(MissingLayer),
    /// The route or its layer is misconfigured, so the organization cannot be checked: 500.
    Misconfigured(Misconfiguration),
}

impl Rejection {
    /// Returns a stable machine-readable name of the exact reason: for logs, metrics and tests. Do
    /// not send it to clients, because it is more precise than the response.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::UnsupportedScheme => "unsupported_scheme",
            Self::InvalidRequest(error) => error.code(),
            Self::InvalidToken(error) | Self::InvalidClaims(error) => error.code(),
            Self::OrganizationRequired => "organization_required",
            Self::GlobalRequired => "global_required",
            Self::WrongOrganization | Self::HiddenOrganization => "wrong_organization",
            Self::OrganizationNotAllowed => "organization_not_allowed",
            Self::ClientNotAllowed => "client_not_allowed",
            Self::Suspended => "suspended",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::KeyUnavailable { .. } => "key_unavailable",
            Self::IntrospectionUnavailable { .. } => "introspection_unavailable",
            Self::InvalidProof(error) => error.code(),
            Self::DpopNonceRequired { .. } => "dpop_nonce_required",
            Self::InvalidCertificateHeader(error) => error.code(),
            Self::ProofOfPossessionRequired => "proof_of_possession_required",
            Self::ReplayStoreUnavailable { .. } => "replay_store_unavailable",
            Self::TooManyProofs { .. } => "too_many_proofs",
            Self::JwtRequired => "jwt_required",
            Self::UserNotAllowed => "user_not_allowed",
            Self::CallerStatusUnavailable => "caller_status_unavailable",
            Self::DenylistUnavailable => "denylist_unavailable",
            Self::LayerMissing(_) => "layer_missing",
            Self::Misconfigured(_) => "misconfigured",
        }
    }
}

impl From<BearerError> for Rejection {
    fn from(error: BearerError) -> Self {
        match error {
            BearerError::Missing => Self::MissingToken,
            BearerError::UnsupportedScheme => Self::UnsupportedScheme,
            error => Self::InvalidRequest(error),
        }
    }
}

impl From<TokenError> for Rejection {
    /// Converts the error to `InvalidToken`, because no claim is trusted before signature
    /// verification succeeds.
    fn from(error: TokenError) -> Self {
        Self::InvalidToken(error)
    }
}

impl From<NotAllowed> for Rejection {
    fn from(error: NotAllowed) -> Self {
        match error {
            NotAllowed::Client => Self::ClientNotAllowed,
            NotAllowed::Organization => Self::OrganizationNotAllowed,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingToken => f.write_str("the request has no bearer token"),
            Self::UnsupportedScheme => fmt::Display::fmt(&BearerError::UnsupportedScheme, f),
            Self::InvalidRequest(error) => write!(f, "the credentials are malformed: {error}"),
            Self::InvalidToken(error) => write!(f, "the token is not authentic: {error}"),
            Self::InvalidClaims(error) => write!(f, "the token is invalid: {error}"),
            Self::OrganizationRequired => f.write_str(
                "the token is not scoped to an organization, which the route requires (allow_global allows global clients)",
            ),
            Self::GlobalRequired => {
                f.write_str("the token is scoped to an organization, and the route is for global clients only")
            }
            Self::WrongOrganization | Self::HiddenOrganization => f.write_str("the route's organization is not the token's"),
            Self::OrganizationNotAllowed => f.write_str("the organization is not on the allow-list"),
            Self::ClientNotAllowed => f.write_str("the client is not on the allow-list"),
            Self::Suspended => f.write_str("the application suspended the client or its organization"),
            Self::InsufficientScope(requirement) => {
                write!(
                    f,
                    "the token lacks a scope that the route requires: {requirement} (check that the issuer grants it to the client)"
                )
            }
            Self::KeysUnavailable { .. } => f.write_str("the token could not be verified because no keys of the issuer are available"),
            Self::KeyUnavailable { .. } => {
                f.write_str("the token's key is not in the current key set, and no fetch could decide whether the issuer has it")
            }
            Self::IntrospectionUnavailable { .. } => {
                f.write_str("the issuer did not say whether the opaque credential is valid")
            }
            Self::InvalidProof(error) => write!(f, "the DPoP proof is invalid: {error}"),
            Self::InvalidCertificateHeader(error) => {
                write!(f, "the client certificate is malformed: {error}")
            }
            Self::DpopNonceRequired { .. } => {
                f.write_str("the DPoP proof has no nonce of this server, or an old one (the client repeats the request)")
            }
            Self::ProofOfPossessionRequired => f.write_str(
                "the token is not bound to a key or a certificate, and the route requires it (require_proof_of_possession)",
            ),
            Self::ReplayStoreUnavailable { .. } => {
                f.write_str("the replay store is full or unavailable, so it is not known whether the proof was used before")
            }
            Self::TooManyProofs { .. } => {
                f.write_str("the client's key has used its share of the replay store (max_proofs sets the share)")
            }
            Self::JwtRequired => f.write_str(
                "the credential is opaque, and the route accepts only signed tokens (the layer has require_jwt, or it requires \
                 no scope and api_id is not set)",
            ),
            Self::UserNotAllowed => {
                f.write_str("the credential belongs to a user (allow_users admits the API keys of users)")
            }
            Self::CallerStatusUnavailable => f.write_str("the application's caller check failed or timed out"),
            Self::DenylistUnavailable => f.write_str(
                "the denylist was not loaded from its store yet, or the store was not reached for longer than denylist_max_stale",
            ),
            Self::LayerMissing(error) => fmt::Display::fmt(error, f),
            Self::Misconfigured(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InvalidRequest(error) => Some(error),
            Self::InvalidToken(error) | Self::InvalidClaims(error) => Some(error),
            Self::InvalidProof(error) => Some(error),
            Self::InvalidCertificateHeader(error) => Some(error),
            Self::LayerMissing(error) => Some(error),
            Self::Misconfigured(error) => Some(error),
            _ => None,
        }
    }
}
