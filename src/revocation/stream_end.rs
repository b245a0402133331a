//! The reasons why a stream ends although its request was admitted.

use std::fmt;

use crate::rejection::Rejection;
use crate::token::TokenError;

/// The reason why verified claims are no longer valid.
///
/// [`Verifier::invalidated`](crate::Verifier::invalidated) returns it, and the [`StreamEnded`] of a
/// response body contains it.
///
/// ```
/// use tower_m2m::InvalidationReason;
///
/// /// The status code of a WebSocket close frame (RFC 6455 §7.4).
/// fn close_code(reason: InvalidationReason) -> u16 {
///     match reason {
///         // The client can connect again: it is not the fault of its token.
///         InvalidationReason::Unavailable => 1013,
///         _ => 1008,
///     }
/// }
/// assert_eq!(close_code(InvalidationReason::Expired), 1008);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidationReason {
    /// The token has expired: its `exp` or its [maximum age](crate::Issuer::max_age), with leeway.
    Expired,
    /// The [`Denylist`](crate::Denylist) denies the token.
    Revoked,
    /// The [`Denylist`](crate::Denylist) denies the client, the subject or the organization.
    Suspended,
    /// The client or the organization is no longer on the issuer's list of allowed ones, or the
    /// application's caller check does not allow it any more.
    NotAllowed,
    /// The issuer removed the key that signed the token.
    KeyRemoved,
    /// The application no longer trusts the issuer.
    IssuerWithdrawn,
    /// The issuer says that the API key or the opaque access token is no longer active.
    Inactive,
    /// It is unknown whether the token is still valid: the keys of its issuer, or other data that
    /// requests need too, have been unavailable for more than 5 s. New requests get a 503.
    Unavailable,
    /// The runtime has no timers, so the expiry of the token could not be noticed in time.
    NoTimers,
    /// Another verifier verified the claims, so this one cannot know whether they are still valid.
    OtherVerifier,
}

impl InvalidationReason {
    /// Returns a stable name for logs and metrics, such as `expired`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::NotAllowed => "not_allowed",
            Self::KeyRemoved => "key_removed",
            Self::IssuerWithdrawn => "issuer_withdrawn",
            Self::Inactive => "inactive",
            Self::Unavailable => "unavailable",
            Self::NoTimers => "no_timers",
            Self::OtherVerifier => "other_verifier",
        }
    }

    /// Returns the reason for which a request would be rejected now, or `None` if that could not be
    /// decided.
    pub(crate) fn from_rejection(rejection: &Rejection) -> Option<Self> {
        match rejection {
            Rejection::InvalidClaims(TokenError::Revoked) => Some(Self::Revoked),
            Rejection::Suspended => Some(Self::Suspended),
            Rejection::ClientNotAllowed | Rejection::OrganizationNotAllowed => {
                Some(Self::NotAllowed)
            }
            _ => None,
        }
    }

    /// Returns the message for clients and logs, in ASCII without `%`.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Expired => "the token has expired",
            Self::Revoked => "the token was revoked",
            Self::Suspended => "the client or the organization is suspended",
            Self::NotAllowed => "the client or the organization is not allowed",
            Self::KeyRemoved => "the key of the token was removed",
            Self::IssuerWithdrawn => "the issuer of the token is no longer trusted",
            Self::Inactive => "the credential is no longer active",
            Self::Unavailable => "it is unknown whether the token is still valid",
            Self::NoTimers => "the runtime has no timers",
            Self::OtherVerifier => "another verifier verified the token",
        }
    }
}

impl fmt::Display for InvalidationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// The error of a response body that ended because its token is no longer valid.
///
/// A layer with [`end_streams`](crate::AuthorizeLayer::end_streams) returns it. The error of the
/// body is a [`BoxError`](crate::BoxError), so layers outside find this one with `downcast_ref`, if
/// no layer between wraps it.
///
/// ```
/// use tower_m2m::{BoxError, InvalidationReason, StreamEnded};
///
/// fn reason(error: &BoxError) -> Option<InvalidationReason> {
///     error.downcast_ref::<StreamEnded>().map(|ended| ended.reason())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamEnded {
    reason: InvalidationReason,
}

impl StreamEnded {
    pub(crate) fn new(reason: InvalidationReason) -> Self {
        Self { reason }
    }

    /// Returns the reason why the stream ended.
    #[must_use]
    pub fn reason(&self) -> InvalidationReason {
        self.reason
    }
}

impl fmt::Display for StreamEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the response ended: {}", self.reason)
    }
}

impl std::error::Error for StreamEnded {}
