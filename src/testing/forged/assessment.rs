//! What a response to a forgery shows.

use std::fmt;

use super::forgery::Forgery;
use crate::testing::assertions::{Challenge, TestResponse};

/// What a response to a [`Forgery`] shows. [`Forgery::assess`] returns it.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use tower_m2m::testing::assertions::TestResponse;
/// use tower_m2m::testing::{LocalIssuer, forged};
///
/// let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
/// let forgery = forged::expired(&issuer.org("org_a"));
/// let admitted = forgery.assess(&TestResponse::from((200, None, "3 invoices")));
/// assert!(admitted.is_failure());
/// let without_challenge = forgery.assess(&TestResponse::from((401, None, "")));
/// assert!(without_challenge.is_deviation());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Assessment {
    /// The request was rejected as RFC 6750 §3 says.
    Rejected,
    /// The request was admitted: the status is 2xx.
    Admitted,
    /// The response repeats a part of the token.
    Echoed,
    /// The status is 5xx, but not 503.
    ServerError,
    /// The status is neither a success nor an error, for example a redirect.
    Redirected,
    /// The request was rejected with another status than the expected one.
    WrongStatus,
    /// The response has the expected status, but no valid challenge.
    NoChallenge,
    /// The challenge has no `error`, or another one than expected.
    WrongError,
}

impl Assessment {
    /// Returns `true` if the server is vulnerable or failed: it admitted the request, repeated the
    /// token, or responded with 5xx other than 503.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Admitted | Self::Echoed | Self::ServerError)
    }

    /// Returns `true` if the server did not admit the request, but did not respond as RFC 6750 §3
    /// says.
    #[must_use]
    pub fn is_deviation(self) -> bool {
        !self.is_failure() && self != Self::Rejected
    }
}

impl Forgery {
    /// Assesses a response to this forgery.
    #[must_use]
    pub fn assess(&self, response: &TestResponse) -> Assessment {
        let (expected, status) = (self.expected(), response.status());
        match status {
            200..=299 => return Assessment::Admitted,
            _ if response.contains(self.token()) => return Assessment::Echoed,
            0..=399 => return Assessment::Redirected,
            500.. if status != 503 => return Assessment::ServerError,
            _ if !expected.allows(status) => return Assessment::WrongStatus,
            // The other status has no challenge: the server's own limit, or unavailable keys.
            _ if status != expected.status() => return Assessment::Rejected,
            _ => {}
        }
        match response.challenge().as_ref().map(Challenge::error) {
            Err(_) => Assessment::NoChallenge,
            Ok(error) if error == Some(expected.error()) => Assessment::Rejected,
            Ok(_) => Assessment::WrongError,
        }
    }
}

impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected => "ok",
            Self::Admitted => "ACCEPTED",
            Self::Echoed => "ECHOES THE TOKEN",
            Self::ServerError => "SERVER ERROR",
            Self::Redirected => "NOT REJECTED",
            Self::WrongStatus => "WRONG STATUS",
            Self::NoChallenge => "NO VALID CHALLENGE",
            Self::WrongError => "WRONG ERROR",
        })
    }
}
