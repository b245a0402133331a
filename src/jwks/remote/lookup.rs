//! The key that a token needs, and the result of the request for it.

use std::time::Duration;

use tokio::time::Instant;

use super::in_flight::{FetchOutcome, FetchTicket};

/// The key that a token needs, and how long its request has waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyLookup<'a> {
    pub(crate) kid: Option<&'a str>,
    /// The client that the token names. It is not verified, and it affects only the response to its
    /// sender.
    pub(crate) client_id: &'a str,
    /// If a successful fetch began after this second of the wall clock and the issuer published the
    /// token's key, the fetch contains the key. `None` if the token has no `iat`.
    pub(crate) published_by: Option<i64>,
    /// When the request first waited for another operation.
    pub(crate) first_wait: Option<Instant>,
    /// The request's last wait for keys.
    pub(crate) waited: Option<KeyWait>,
    pub(crate) if_undecided: IfUndecided,
}

/// What a sender that is not known gets if only the limits of this crate prevent a fetch that could
/// decide whether the key exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfUndecided {
    /// The key counts as missing, so that no caller causes 503.
    Missing,
    /// 503, because a rejected sender would not send the document again.
    #[cfg(feature = "security-events")]
    TryAgain,
}

/// The result of a request for a key that is not in the current key set.
#[derive(Debug)]
pub(crate) enum KeyRequest {
    /// A fetch may contain the key.
    Wait(FetchTicket),
    /// The issuer has no such key: 401.
    Missing,
    /// No fetch could decide whether the issuer has such a key: 503.
    Undecided { retry_after: Duration },
    /// No keys of the issuer are available: 503.
    NoKeys { retry_after: Duration },
}

/// A finished wait of a request for keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyWait {
    pub(super) ticket: FetchTicket,
    pub(super) outcome: FetchOutcome,
}

impl KeyWait {
    /// Returns `true` if the request's deadline passed during the fetch. Its client tries again.
    pub(crate) fn is_given_up(&self) -> bool {
        self.outcome == FetchOutcome::TimedOut
    }
}
