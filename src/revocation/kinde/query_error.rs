//! The reasons why Kinde did not say whether an organization is suspended.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::http_client::{AccessTokenError, HttpError};

/// The reason why an organization's status is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryError {
    /// No complete response arrived in time.
    NoResponse,
    /// Kinde rejected the credentials of this service, or they lack the scope.
    CredentialsRejected,
    /// Kinde denied access to the organization: it is unknown, or the client may not read any.
    Forbidden,
    RateLimited,
    UnexpectedStatus(StatusCode),
    InvalidResponse,
    /// Too many queries are in progress.
    Busy,
    /// No query is made, because the last one failed recently.
    Paused,
}

/// A failed query, and how long Kinde wants no other one.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueryFailure {
    pub(super) error: QueryError,
    pub(super) retry_after: Option<Duration>,
    pub(super) reach: FailureReach,
}

/// The queries that a failure pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureReach {
    /// Those about the same organization.
    Organization,
    All,
}

impl QueryError {
    /// Returns a stable machine-readable name.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NoResponse => "no_response",
            Self::CredentialsRejected => "credentials_rejected",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::UnexpectedStatus(_) => "unexpected_status",
            Self::InvalidResponse => "invalid_response",
            Self::Busy => "busy",
            Self::Paused => "paused",
        }
    }
}

impl From<QueryError> for QueryFailure {
    fn from(error: QueryError) -> Self {
        Self {
            error,
            retry_after: None,
            reach: FailureReach::Organization,
        }
    }
}

impl From<HttpError> for QueryFailure {
    fn from(_: HttpError) -> Self {
        QueryError::NoResponse.into()
    }
}

/// Without an access token there is no query about any organization.
impl From<AccessTokenError> for QueryFailure {
    fn from(error: AccessTokenError) -> Self {
        let failure = match error {
            AccessTokenError::Http(error) => error.into(),
            AccessTokenError::Rejected => QueryError::CredentialsRejected.into(),
            AccessTokenError::Status(status, headers) => Self::from_status(status, &headers),
            AccessTokenError::Malformed => QueryError::InvalidResponse.into(),
        };
        Self {
            reach: FailureReach::All,
            ..failure
        }
    }
}

impl QueryFailure {
    pub(super) fn from_status(status: StatusCode, headers: &http::HeaderMap) -> Self {
        let error = match status {
            StatusCode::UNAUTHORIZED => QueryError::CredentialsRejected,
            StatusCode::FORBIDDEN => QueryError::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => QueryError::RateLimited,
            status => QueryError::UnexpectedStatus(status),
        };
        let retry_after = crate::jwks::retry_after(headers, std::time::SystemTime::now());
        let is_for_all = match status {
            StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => true,
            // Kinde is overloaded, and says until when.
            status => status.is_server_error() && retry_after.is_some(),
        };
        let reach = if is_for_all {
            FailureReach::All
        } else {
            FailureReach::Organization
        };
        Self {
            error,
            retry_after,
            reach,
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the status of the organization is not known: ")?;
        match self {
            Self::NoResponse => f.write_str("Kinde did not respond"),
            Self::CredentialsRejected => f.write_str(
                "Kinde rejected the client (check its secret and its scope read:organizations)",
            ),
            Self::Forbidden => f.write_str(
                "Kinde denied access to it (if this is so for every organization, check the scope read:organizations)",
            ),
            Self::RateLimited => f.write_str("Kinde limits the rate of requests"),
            Self::UnexpectedStatus(status) => {
                write!(f, "Kinde responded with status {}", status.as_u16())
            }
            Self::InvalidResponse => f.write_str("Kinde's response is malformed"),
            Self::Busy => f.write_str("too many queries are in progress"),
            Self::Paused => f.write_str("the last query failed recently"),
        }
    }
}

impl std::error::Error for QueryError {}
