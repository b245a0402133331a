//! The state of a verification, and the reason for a wait.

use tokio::time::Instant;

use super::issuers::trusted::{ActiveIssuer, Resolution};
#[cfg(feature = "introspection")]
use crate::introspection::{IntrospectionOutcome, IntrospectionWait};
use crate::jwks::{FetchTicket, KeyWait};
use crate::rejection::Rejection;
use crate::revocation::CallerCheckFuture;
use crate::token::{Claims, RejectedToken, TokenError};

/// The result of a verification without waiting.
pub(crate) enum Verification {
    Done(Result<ValidToken, VerificationFailure>),
    /// The verification must wait and then run again.
    Pending(WaitFor),
}

/// The claims of a valid token. If the token is bound, it is not known yet whether the sender has
/// what it is bound to.
pub(crate) struct ValidToken(Claims);

impl ValidToken {
    pub(super) fn new(claims: Claims) -> Self {
        Self(claims)
    }

    /// Returns the claims if no proof is needed. A bound token must not be used as a bearer token
    /// (RFC 9449 §7.2).
    pub(crate) fn into_bearer(self) -> Result<Claims, Rejection> {
        if self.0.is_bound() {
            return Err(Rejection::InvalidClaims(TokenError::SenderConstrained));
        }
        Ok(self.0)
    }

    /// Returns the claims for the check of a proof. Only that check may call it.
    #[cfg(any(feature = "dpop", feature = "mtls"))]
    pub(crate) fn into_unproven(self) -> Claims {
        self.0
    }
}

/// The result of the caller check without waiting.
pub(crate) enum CallerVerdict {
    Known(Result<(), Rejection>),
    Pending(CallerCheckFuture),
}

/// The reason why a token is rejected, with its description for an event.
#[derive(Debug)]
pub(crate) struct VerificationFailure {
    pub(crate) rejection: Rejection,
    /// `None` if the signature was not verified, or if no subscriber is interested.
    pub(crate) token: Option<Box<RejectedToken>>,
}

impl From<Rejection> for VerificationFailure {
    fn from(rejection: Rejection) -> Self {
        Self {
            rejection,
            token: None,
        }
    }
}

/// The reason for a wait.
pub(crate) enum WaitFor {
    /// The application has to resolve this issuer.
    IssuerResolution(String),
    KeyFetch(PendingKey),
    /// What the issuer says about an opaque credential.
    #[cfg(feature = "introspection")]
    Introspection(PendingIntrospection),
}

/// A request to the issuer about an opaque credential.
#[cfg(feature = "introspection")]
pub(crate) struct PendingIntrospection {
    pub(super) wait: IntrospectionWait,
}

/// Which credentials a caller of the verifier accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptedCredentials {
    Any,
    Jwt,
    /// The credential comes from a header for API keys.
    #[cfg(feature = "introspection")]
    Opaque,
}

pub(crate) struct PendingKey {
    pub(super) issuer: ActiveIssuer,
    pub(super) ticket: FetchTicket,
    pub(super) kid: Option<String>,
}

/// The results of a request's waits, for the next verification of its token.
#[derive(Default)]
pub(super) struct PriorWaits {
    /// When the request first waited. All its waits share one deadline.
    pub(super) first: Option<Instant>,
    /// The issuer. It stays the same until the response, also if the application changes its
    /// settings.
    pub(super) resolution: Option<Resolution>,
    pub(super) keys: Option<KeyWait>,
    #[cfg(feature = "introspection")]
    pub(super) introspection: Option<IntrospectionOutcome>,
}

impl PriorWaits {
    /// No wait yet. A constant, because each request with a cached token reads it.
    pub(super) const NONE: &Self = &Self {
        first: None,
        resolution: None,
        keys: None,
        #[cfg(feature = "introspection")]
        introspection: None,
    };
}

/// The reason why a token was not verified: a rejection, or a wait.
pub(super) enum VerifyError {
    Rejected(VerificationFailure),
    Pending(Box<WaitFor>),
}

impl VerifyError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Rejected(failure) => failure.rejection.code(),
            Self::Pending(_) => "pending",
        }
    }
}

impl From<Rejection> for VerifyError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection.into())
    }
}

impl From<TokenError> for VerifyError {
    fn from(error: TokenError) -> Self {
        Rejection::from(error).into()
    }
}
