//! How many introspection requests credentials that were never seen before may cause.

use std::time::Duration;

use tokio::time::Instant;

/// At once.
const CAPACITY: u32 = 50;
/// One request is earned in this time: 20 per second.
const INTERVAL: Duration = Duration::from_millis(50);

/// A token bucket.
#[derive(Debug)]
pub(super) struct UnknownBudget {
    left: u32,
    /// Up to when requests were earned.
    earned_until: Instant,
}

impl UnknownBudget {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            left: CAPACITY,
            earned_until: now,
        }
    }

    /// Takes one request. Returns `false` if none is left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.earn(now);
        let is_left = self.left > 0;
        self.left -= u32::from(is_left);
        is_left
    }

    /// Returns a request whose credential was active: only invented credentials use the budget up.
    pub(super) fn give_back(&mut self) {
        self.left = (self.left + 1).min(CAPACITY);
    }

    /// Returns how many requests are left.
    pub(super) fn left(&mut self, now: Instant) -> u32 {
        self.earn(now);
        self.left
    }

    fn earn(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.earned_until);
        let earned = since.as_millis() / INTERVAL.as_millis();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        if self.left.saturating_add(earned) >= CAPACITY {
            (self.left, self.earned_until) = (CAPACITY, now);
        } else {
            self.left += earned;
            self.earned_until += INTERVAL * earned;
        }
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
