//! The reasons why a poll has no events.

use std::fmt;

use http::{HeaderMap, StatusCode};

use crate::http_client::RequestFailure;

/// The reason why a transmitter's events could not be fetched. Events stay at the transmitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PollError {
    /// No complete response arrived in time, or it is too large.
    NoResponse,
    /// The transmitter rejected the credentials of this receiver.
    CredentialsRejected,
    /// The transmitter limits the rate of requests.
    RateLimited,
    /// The transmitter responded with this status.
    UnexpectedStatus(u16),
    /// The response is not that of RFC 8936 §2.3.
    InvalidResponse,
}

/// A failed poll, and how long the transmitter wants no other one.
pub(super) type PollFailure = RequestFailure<PollError>;

impl PollError {
    /// Returns a stable machine-readable name: for logs and tests.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoResponse => "no_response",
            Self::CredentialsRejected => "credentials_rejected",
            Self::RateLimited => "rate_limited",
            Self::UnexpectedStatus(_) => "unexpected_status",
            Self::InvalidResponse => "invalid_response",
        }
    }
}

impl PollFailure {
    pub(super) fn from_status(status: StatusCode, headers: &HeaderMap) -> Self {
        let error = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => PollError::CredentialsRejected,
            StatusCode::TOO_MANY_REQUESTS => PollError::RateLimited,
            status => PollError::UnexpectedStatus(status.as_u16()),
        };
        Self {
            error,
            retry_after: crate::jwks::retry_after(headers, std::time::SystemTime::now()),
        }
    }
}

impl fmt::Display for PollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed to poll for events: ")?;
        match self {
            Self::NoResponse => f.write_str("the transmitter did not respond"),
            Self::CredentialsRejected => {
                f.write_str("the transmitter rejected the credentials of this receiver")
            }
            Self::RateLimited => f.write_str("the transmitter limits the rate of requests"),
            Self::UnexpectedStatus(status) => {
                write!(f, "the transmitter responded with status {status}")
            }
            Self::InvalidResponse => f.write_str("the response is malformed"),
        }
    }
}

impl std::error::Error for PollError {}
