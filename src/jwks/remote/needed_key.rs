//! Attempts while fetches fail, keys are available, and a known client needs another key.

use std::time::Duration;

use tokio::time::Instant;

use super::requester::{Requester, RequesterKind};
use super::state::RemoteState;

/// The longest pause after a failed fetch.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The time from the begin of a failed fetch to the next one, at most, if a known client needs a
/// key. After a long outage too, a rotated key is then found within 5 s after the issuer responds
/// again.
const NEEDED_WITHIN: Duration = Duration::from_secs(4);
const SHORTEST_LIMIT: Duration = Duration::from_secs(1);

/// The time for which a request of a known client counts.
const NEEDED_FOR: Duration = Duration::from_secs(60);

impl RemoteState {
    /// Records that a request needs a key, and schedules the next attempt earlier. Only known
    /// clients can do so. Otherwise any caller could shorten the pauses of every issuer that fails.
    pub(super) fn record_needed_key(&self, requester: Requester, now: Instant) {
        if requester.kind == RequesterKind::Unknown {
            return;
        }
        let not_before = {
            let mut history = self.history();
            history.needed_at = Some(now);
            history.retry_not_before
        };
        let at = now + NEEDED_WITHIN;
        self.in_flight
            .hasten(not_before.map_or(at, |not_before| at.max(not_before)));
    }

    /// Returns the longest pause after a fetch that fails now, while keys are available.
    pub(super) fn longest_pause(&self, now: Instant) -> Duration {
        let is_needed = self
            .history()
            .needed_at
            .is_some_and(|at| now.saturating_duration_since(at) < NEEDED_FOR);
        if !is_needed {
            return LONGEST_PAUSE;
        }
        let began_at = self.in_flight.counts().began_at;
        let took = began_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        NEEDED_WITHIN.saturating_sub(took).max(SHORTEST_LIMIT)
    }
}
