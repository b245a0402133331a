//! Reasons why an issuer did not decide about a credential.

use std::fmt;

use crate::http_client::{HttpError, HttpFailure, RequestFailure};

/// The reason why an issuer did not decide about a credential, and the pause that it requires.
pub(crate) type IntrospectionFailure = RequestFailure<IntrospectionError>;

/// A reason why an issuer did not decide whether a credential is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// The issuer's metadata cannot be read or names no endpoint.
    NoEndpoint,
    /// There was no response within the timeout.
    TimedOut,
    /// There was no connection, or it was closed before the response was complete.
    Unreachable,
    /// The endpoint has no public address, and it needs one.
    PrivateAddress,
    /// The response is larger than 64 KiB.
    TooLarge,
    /// The issuer rejected the credentials of this service, or they lack a scope.
    CredentialsRejected,
    /// The issuer wants fewer requests (429).
    RateLimited,
    /// Any other status.
    UnexpectedStatus(u16),
    /// The response is not in the expected form.
    InvalidResponse,
}

impl IntrospectionError {
    /// Returns a stable machine-readable name for logs, metrics and tests.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoEndpoint => "no_endpoint",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::PrivateAddress => "private_address",
            Self::TooLarge => "too_large",
            Self::CredentialsRejected => "credentials_rejected",
            Self::RateLimited => "rate_limited",
            Self::UnexpectedStatus(_) => "unexpected_status",
            Self::InvalidResponse => "invalid_response",
        }
    }
}

impl fmt::Display for IntrospectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEndpoint => "the issuer's metadata names no introspection endpoint",
            Self::TimedOut => "the issuer did not respond in time",
            Self::Unreachable => "the issuer is unreachable",
            Self::PrivateAddress => {
                "the endpoint has no public address (see dangerous_allow_private_addresses)"
            }
            Self::TooLarge => "the response is too large",
            Self::CredentialsRejected => {
                "the issuer rejected the credentials of this service: check client_credentials and their scope"
            }
            Self::RateLimited => "the issuer limits the rate of requests",
            Self::UnexpectedStatus(status) => {
                return write!(f, "the issuer responded with status {status}");
            }
            Self::InvalidResponse => "the response is not in the expected form",
        })
    }
}

impl std::error::Error for IntrospectionError {}

impl From<HttpError> for IntrospectionFailure {
    fn from(error: HttpError) -> Self {
        match error.failure {
            HttpFailure::TimedOut => IntrospectionError::TimedOut,
            HttpFailure::PrivateAddress => IntrospectionError::PrivateAddress,
            HttpFailure::TooLarge => IntrospectionError::TooLarge,
            _ => IntrospectionError::Unreachable,
        }
        .into()
    }
}
