//! The history of an issuer's fetches.

use tokio::time::Instant;

use crate::jwks::discovery::CachedJwksUri;
use crate::jwks::{FetchCause, FetchError, UnusableKey};

#[derive(Clone, Debug, Default)]
pub(super) struct FetchHistory {
    /// The failure of the last fetch, or `None` if it succeeded.
    pub(super) last_error: Option<FetchError>,
    /// The keys of the last set without a usable key. Empty after a successful fetch.
    pub(super) rejected_keys: Vec<UnusableKey>,
    /// The number of consecutive failures.
    pub(super) failures: u32,
    /// `true` if an event reported that the current key set is stale.
    pub(super) stale_reported: bool,
    pub(super) fetches: Vec<(FetchCause, u64)>,
    pub(super) jwks_uri: Option<CachedJwksUri>,
    /// Until when the issuer accepts no requests (`Retry-After`).
    pub(super) retry_not_before: Option<Instant>,
    /// When a known client last needed a key that is not available, while fetches fail.
    pub(super) needed_at: Option<Instant>,
}

impl FetchHistory {
    /// Records a success and returns the number of consecutive failures before it.
    pub(super) fn succeeded(&mut self, cause: FetchCause) -> u32 {
        self.rejected_keys.clear();
        self.count(cause);
        (self.last_error, self.retry_not_before, self.stale_reported) = (None, None, false);
        self.needed_at = None;
        std::mem::take(&mut self.failures)
    }

    /// Stores the keys of a set without a usable key. Returns `true` if they differ from those of
    /// the last such set.
    pub(super) fn reject_keys(&mut self, keys: &[UnusableKey]) -> bool {
        let is_new = self.rejected_keys != keys;
        self.rejected_keys = keys.to_vec();
        is_new
    }

    pub(super) fn failed(&mut self, cause: FetchCause, error: FetchError) {
        self.count(cause);
        self.last_error = Some(error);
        self.failures = self.failures.saturating_add(1);
        if let Some(whereabouts) = &mut self.jwks_uri {
            whereabouts.invalidate();
        }
    }

    pub(super) fn is_backing_off(&self, now: Instant) -> bool {
        self.retry_not_before
            .is_some_and(|not_before| now < not_before)
    }

    fn count(&mut self, cause: FetchCause) {
        match self
            .fetches
            .iter_mut()
            .find(|(counted, _)| *counted == cause)
        {
            Some((_, count)) => *count += 1,
            None => self.fetches.push((cause, 1)),
        }
    }
}
