//! What happened to an issuer's fetches so far.

use tokio::time::Instant;

use crate::jwks::discovery::Whereabouts;
use crate::jwks::{Cause, JwksError};

#[derive(Debug, Default)]
pub(super) struct Log {
    /// The last fetch's failure, nothing once a fetch succeeded.
    pub(super) last_error: Option<JwksError>,
    /// How many fetches failed in a row.
    pub(super) failures: u32,
    /// Whether it was told that the held set is past its life.
    pub(super) told_stale: bool,
    pub(super) fetches: Vec<(Cause, u64)>,
    pub(super) whereabouts: Option<Whereabouts>,
    /// Until when the issuer asks to be left alone.
    pub(super) not_before: Option<Instant>,
}

impl Log {
    /// Gives how many fetches failed in a row before.
    pub(super) fn succeeded(&mut self, cause: Cause) -> u32 {
        self.count(cause);
        (self.last_error, self.not_before, self.told_stale) = (None, None, false);
        std::mem::take(&mut self.failures)
    }

    pub(super) fn failed(&mut self, cause: Cause, error: JwksError) {
        self.count(cause);
        self.last_error = Some(error);
        self.failures = self.failures.saturating_add(1);
        if let Some(whereabouts) = &mut self.whereabouts {
            whereabouts.doubt();
        }
    }

    pub(super) fn leaves_alone(&self, now: Instant) -> bool {
        self.not_before.is_some_and(|not_before| now < not_before)
    }

    fn count(&mut self, cause: Cause) {
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
