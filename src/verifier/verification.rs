//! How far the verification of a token got, and what it waits for.

use tokio::time::Instant;

use super::issuers::trusted::{ActiveIssuer, Resolution};
use crate::jwks::{FetchTicket, KeyWait};
use crate::rejection::Rejection;
use crate::revocation::CallerCheckFuture;
use crate::token::{Claims, RejectedToken, TokenError};

/// How far a token was judged without waiting.
pub(crate) enum Verification {
    Done(Result<Claims, VerificationFailure>),
    /// Waiting may bring what is missing.
    Pending(WaitFor),
}

/// Whether a caller whose token verifies is in good standing, as far as that is known without waiting.
pub(crate) enum CallerVerdict {
    Known(Result<(), Rejection>),
    Pending(CallerCheckFuture),
}

/// Why a token is rejected, and what an event says about it.
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

/// What is waited for.
pub(crate) enum WaitFor {
    /// Whether the application trusts this issuer.
    IssuerResolution(String),
    KeyFetch(PendingKey),
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
    /// The issuer. It stays the same until the response, also if the application changes its settings.
    pub(super) resolution: Option<Resolution>,
    pub(super) keys: Option<KeyWait>,
}

/// Why a token was not verified: for good, or unless a key arrives.
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
