//! How many questions about issuers the application gets per second, and who may cause them.
//!
//! Any caller can name an issuer. So a flood of invented names must not reach the application's database, and must not keep
//! it from answering about issuers that it trusts.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// Two equal shares of the rate: names that were trusted before, and all other names. A share that is not used can be used
/// by the other one.
///
/// A quarter of the share of other names is for names that were turned down before, for lack of it. A name that a client sends
/// again therefore goes before names that were never seen.
#[derive(Debug)]
pub(super) struct QuestionRate {
    trusted_share: Share,
    other_share: Share,
    updated: Instant,
    trusted: RecentNames,
    turned_down: RecentNames,
}

#[derive(Debug)]
struct Share {
    questions: f64,
    /// What one second brings, and the most that is kept.
    capacity: f64,
}

/// Names that were turned down and are kept. In a flood they are kept for some seconds.
const MAX_TURNED_DOWN: usize = 8192;

impl QuestionRate {
    pub(super) fn new(per_second: u32, max_trusted: usize, now: Instant) -> Self {
        let share = || {
            let capacity = (f64::from(per_second) / 2.0).max(1.0);
            Share {
                questions: capacity,
                capacity,
            }
        };
        Self {
            trusted_share: share(),
            other_share: share(),
            updated: now,
            trusted: RecentNames::new(max_trusted),
            turned_down: RecentNames::new(MAX_TURNED_DOWN),
        }
    }

    /// Records that the application trusts this issuer.
    pub(super) fn record_trusted(&mut self, iss: &str) {
        self.trusted.insert(iss);
    }

    /// Takes one question about this name, if there is one. No request waits for one.
    pub(super) fn take(&mut self, iss: &str, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.updated);
        self.updated = now;
        self.trusted_share.refill(elapsed);
        self.other_share.refill(elapsed);
        if self.trusted.contains(iss) {
            return self.trusted_share.take(0.0) || self.other_share.take_unused();
        }
        let kept = if self.turned_down.contains(iss) {
            0.0
        } else {
            // At least one question is always within reach of new names.
            (self.other_share.capacity / 4.0).min(self.other_share.capacity - 1.0)
        };
        let taken = self.other_share.take(kept) || self.trusted_share.take_unused();
        if !taken {
            self.turned_down.insert(iss);
        }
        taken
    }
}

impl Share {
    fn refill(&mut self, elapsed: Duration) {
        let earned = elapsed.as_secs_f64() * self.capacity;
        self.questions = (self.questions + earned).min(self.capacity);
    }

    fn take(&mut self, kept: f64) -> bool {
        let is_available = self.questions >= kept + 1.0;
        if is_available {
            self.questions -= 1.0;
        }
        is_available
    }

    /// Takes one for the other share, if nobody used this one for a while.
    fn take_unused(&mut self) -> bool {
        self.take(self.capacity - 1.0)
    }
}

/// The last names that were inserted, as keyed hashes because callers choose them.
#[derive(Debug)]
struct RecentNames {
    hasher: RandomState,
    names: HashSet<u64>,
    /// The oldest first.
    order: VecDeque<u64>,
    capacity: usize,
}

impl RecentNames {
    fn new(capacity: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            names: HashSet::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    fn insert(&mut self, name: &str) {
        let hash = self.hasher.hash_one(name);
        if self.names.insert(hash) {
            self.order.push_back(hash);
        }
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.names.contains(&self.hasher.hash_one(name))
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
