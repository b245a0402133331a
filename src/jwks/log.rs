//! What happened to an issuer's fetches so far.

use tokio::time::Instant;

use super::fetch_set::Whereabouts;
use super::{Cause, JwksError};

#[derive(Debug, Default)]
pub(super) struct Log {
    /// The last fetch's failure, nothing once a fetch succeeded.
    pub(super) last_error: Option<JwksError>,
    /// How many fetches failed in a row.
    pub(super) failures: u32,
    pub(super) fetches: Vec<(Cause, u64)>,
    pub(super) whereabouts: Option<Whereabouts>,
    /// Until when the issuer asks to be left alone.
    pub(super) not_before: Option<Instant>,
}

impl Log {
    pub(super) fn succeeded(&mut self, cause: Cause) {
        self.count(cause);
        (self.last_error, self.failures, self.not_before) = (None, 0, None);
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
        match self.fetches.iter_mut().find(|(counted, _)| *counted == cause) {
            Some((_, count)) => *count += 1,
            None => self.fetches.push((cause, 1)),
        }
    }
}
