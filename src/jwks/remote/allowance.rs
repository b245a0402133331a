//! The fetch budget of an evicted issuer, which is kept longer than its keys.
//!
//! The budget belongs to the name of an issuer. Otherwise each eviction would grant further
//! fetches.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::budget::Budget;
use super::requester::{ClientHash, Requester, RequesterKind};
use super::state::RemoteState;
use crate::util::lock;

/// The fetch budget of an issuer.
#[derive(Clone, Debug)]
pub(crate) struct FetchAllowance {
    budget: Budget,
    /// Until when the issuer's `Retry-After` lasts.
    not_before: Option<Instant>,
    /// How many fetches failed in a row, and when the next attempt is due, so that pauses go on
    /// growing.
    failures: u32,
    next_attempt: Option<Instant>,
}

/// A first fetch does not use the reserve, which is for clients that are known by then.
const FIRST_FETCH: Requester = Requester {
    name: ClientHash(0),
    kind: RequesterKind::Unknown,
};

impl RemoteState {
    /// Returns the allowance, or `None` if no fetch was made.
    pub(super) fn allowance(&self) -> Option<FetchAllowance> {
        let is_used = self.in_flight.counts().started > 0 || self.was_resumed();
        is_used.then(|| {
            let budget = lock(&self.budget).without_clients();
            let history = self.history();
            let next_attempt = self.in_flight.next().filter(|_| history.failures > 0);
            // Pauses are shorter while no keys are available, as they are after the eviction.
            let longest = Instant::now() + self.config.max_retry_delay;
            FetchAllowance {
                budget,
                not_before: history.retry_not_before.map(|at| at.min(longest)),
                failures: history.failures,
                next_attempt: next_attempt.map(|at| at.min(longest)),
            }
        })
    }

    /// Continues with the allowance of an earlier configuration of the same issuer.
    pub(super) fn resume(&self, allowance: FetchAllowance) {
        if allowance.budget.has_cooldown(self.config.cooldown) {
            *lock(&self.budget) = allowance.budget;
        }
        let mut history = self.history();
        history.retry_not_before = allowance.not_before;
        history.failures = allowance.failures;
        drop(history);
        if let Some(next) = allowance.next_attempt {
            self.in_flight.schedule(next);
        }
        self.resumed.store(true, Ordering::Relaxed);
    }

    /// Schedules the first fetch after [`resume`](Self::resume): it counts against the budget.
    pub(super) fn schedule_resumed(&self, now: Instant) {
        if self.resumed.swap(false, Ordering::Relaxed) {
            let allowed = lock(&self.budget).reserve(FIRST_FETCH, now);
            let not_before = self.history().retry_not_before;
            let due = [not_before, self.in_flight.next()].into_iter().flatten();
            self.in_flight.schedule(due.fold(allowed, Instant::max));
        }
    }

    fn was_resumed(&self) -> bool {
        self.resumed.load(Ordering::Relaxed) || self.in_flight.next().is_some()
    }
}
