//! The limits on calls of the application's resolver, per second and at once, with a share for each
//! kind of name.
//!
//! Any client can name an issuer. A flood of invented names must not reach the application's
//! database, and must not block the resolution of issuers that the application trusts.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// Two equal shares of the rate and of the places: one for names that were trusted before, and one
/// for all other names. If a share of the rate is not used up, the other one may use it. A place is
/// taken until its call ends, so places stay in their share.
///
/// A quarter of the second share is reserved for names that were rejected before for lack of rate
/// or of a place. A name that a client sends again therefore has priority over names that were
/// never seen. Among the names that are sent again, chance decides.
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
    /// The calls that are added per second, and the most that are kept.
    capacity: f64,
    /// The most calls in flight.
    places: usize,
}

/// The number of rejected names that are kept. In a flood they are kept for some seconds.
const MAX_TURNED_DOWN: usize = 8192;

impl QuestionRate {
    pub(super) fn new(
        per_second: u32,
        max_in_flight: usize,
        max_trusted: usize,
        now: Instant,
    ) -> Self {
        let share = || {
            let capacity = (f64::from(per_second) / 2.0).max(1.0);
            Share {
                questions: capacity,
                capacity,
                places: max_in_flight / 2,
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

    /// Returns which share the calls for this name belong to.
    pub(super) fn is_trusted(&self, iss: &str) -> bool {
        self.trusted.contains(iss)
    }

    /// Takes one call for this name, if one is available. Requests never wait for one. `in_flight`
    /// is the number of calls in flight that belong to the same share.
    pub(super) fn take(&mut self, iss: &str, in_flight: usize, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.updated);
        self.updated = now;
        self.trusted_share.refill(elapsed);
        self.other_share.refill(elapsed);
        if self.is_trusted(iss) {
            return in_flight < self.trusted_share.places
                && (self.trusted_share.take(0.0) || self.other_share.take_unused());
        }
        let Share {
            capacity, places, ..
        } = self.other_share;
        let (kept, kept_places) = if self.turned_down.contains(iss) {
            (0.0, 0)
        } else {
            // New names can always use at least one call.
            ((capacity / 4.0).min(capacity - 1.0), places / 4)
        };
        let taken = in_flight + kept_places < places
            && (self.other_share.take(kept) || self.trusted_share.take_unused());
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

    /// Takes one for the other share, if this share was not used for a while.
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
