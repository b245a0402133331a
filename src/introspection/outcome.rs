//! What an issuer says about a credential.

use std::sync::Arc;
use std::time::Duration;

use super::digest::CredentialDigest;
use crate::token::{Claims, TokenError};

/// How the introspection of a credential ended.
#[derive(Clone, Debug)]
pub(crate) enum IntrospectionOutcome {
    Active(Claims),
    Rejected(RejectedCredential),
    /// The issuer did not say it.
    Failed {
        retry_after: Duration,
    },
}

/// Why a credential is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RejectedCredential {
    /// The issuer does not know it, or it is not active any more.
    Inactive,
    /// It is active, and its claims are not acceptable.
    Claims(RejectedClaims),
}

/// Claims of an active response that are not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectedClaims {
    pub(crate) error: TokenError,
    /// The types of the members that the check read, and never a value.
    pub(crate) found: Option<Arc<str>>,
}

/// What an issuer says about a credential.
#[derive(Debug)]
pub(super) enum CredentialStatus {
    Active(ActiveResponse),
    Inactive,
    /// It is active, and not acceptable.
    Rejected(TokenError),
}

/// What an issuer sent about an active credential.
#[derive(Debug)]
pub(crate) struct ActiveResponse {
    /// One JSON object.
    pub(crate) body: Vec<u8>,
    pub(crate) credential: OpaqueCredential,
}

/// What kind of credential an active response is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpaqueCredential {
    AccessToken,
    ApiKey { owner: KeyOwner, api: KeyApi },
}

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyOwner {
    Organization,
    User,
    Environment,
}

/// Whether the key is known to belong to this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyApi {
    Checked,
    Unchecked,
}

/// The credential of a response, and the seconds of the wall clock within which the response is
/// used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UseWindow {
    pub(crate) digest: CredentialDigest,
    pub(crate) now: i64,
    pub(crate) fresh_until: i64,
    pub(crate) stale_until: i64,
}

/// Claims that the rules accept.
pub(crate) struct AcceptedCredential {
    pub(crate) claims: Claims,
    /// The second from which the response may not be used any more (RFC 7662 §4).
    pub(crate) expires_at: Option<i64>,
}

/// The rules of the verifier for active responses.
pub(crate) type Accept =
    dyn Fn(&ActiveResponse, UseWindow) -> Result<AcceptedCredential, RejectedClaims> + Send + Sync;

impl From<TokenError> for RejectedClaims {
    fn from(error: TokenError) -> Self {
        Self { error, found: None }
    }
}
