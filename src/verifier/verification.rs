//! How far the verification of a token got, and what it waits for.

use super::issuers::trusted::{Answer, InUse};
use crate::jwks::Flight;
use crate::rejection::Rejection;
use crate::revocation::Asking;
use crate::token::{Claims, TokenError};

/// How far a token was judged without waiting.
pub(crate) enum Step {
    Done(Result<Claims, Rejection>),
    /// Waiting may bring what is missing.
    Wait(Wait),
}

/// Whether a caller whose token verifies is in good standing, as far as that is known without waiting.
pub(crate) enum Stands {
    Known(Result<(), Rejection>),
    Asking(Asking),
}

/// What is waited for.
pub(crate) enum Wait {
    /// Whether the application trusts this issuer.
    Issuer(String),
    Key(WaitForKey),
}

pub(crate) struct WaitForKey {
    pub(super) issuer: InUse,
    pub(super) flight: Flight,
    pub(super) kid: Option<String>,
    pub(super) waited: Waited,
}

/// What a token's waiting has brought before it is judged again.
#[derive(Default)]
pub(super) struct Before {
    pub(super) answer: Option<Answer>,
    pub(super) waited: Waited,
}

/// What a token waited for last: a first set, and after that a key that is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waited {
    #[default]
    Not,
    ForFirstSet,
    ForKid,
}

/// Why a token was not verified: for good, or unless a key arrives.
pub(super) enum Refused {
    Now(Rejection),
    Unless(Box<Wait>),
}

impl Refused {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Now(rejection) => rejection.code(),
            Self::Unless(_) => "waits",
        }
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Now(rejection)
    }
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        Self::Now(error.into())
    }
}
