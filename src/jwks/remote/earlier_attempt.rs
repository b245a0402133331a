//! Attempts before their schedule.

use tokio::time::Instant;

use super::in_flight::{GRACE, InFlightFetches};

impl InFlightFetches {
    /// Requests the next attempt now, if none is in flight or begins before the deadline. It
    /// replaces the scheduled one.
    pub(super) fn hurry(&self, deadline: Instant, affordable: impl FnOnce() -> bool) {
        self.counts.send_if_modified(|counts| {
            let is_idle = counts.requested == counts.started && counts.started == counts.finished;
            let is_late = counts.next_at.is_some_and(|next| next >= deadline);
            if !is_idle || !is_late || !affordable() {
                return false;
            }
            (counts.requested, counts.requested_for) = (counts.started + 1, None);
            counts.begin_by(Instant::now() + self.begin_within);
            true
        });
    }

    /// Schedules the next attempt earlier, unless one is in flight, requested or due before.
    pub(super) fn hasten(&self, at: Instant) {
        self.counts.send_if_modified(|counts| {
            let is_idle = counts.requested == counts.started && counts.started == counts.finished;
            let is_late = counts.next_at.is_some_and(|next| next > at);
            if !is_idle || !is_late {
                return false;
            }
            counts.next_at = Some(at);
            counts.begin_by(at + GRACE);
            true
        });
    }
}
