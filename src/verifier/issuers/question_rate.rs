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
mod tests {
    use super::*;

    fn rate(per_second: u32) -> (QuestionRate, Instant) {
        let start = Instant::now();
        (QuestionRate::new(per_second, 1000, start), start)
    }

    #[test]
    fn questions_are_bounded_per_second() {
        for per_second in [1, 2, 10, 200] {
            let (mut rate, start) = rate(per_second);
            let mut taken = 0;
            for millisecond in 0..10_000_u64 {
                let now = start + Duration::from_millis(millisecond);
                let name = format!("https://{millisecond}.example");
                taken += u32::from(rate.take(&name, now));
            }
            // Ten seconds, and what was kept before.
            let bound = per_second.max(2) * 11 + 1;
            assert!(taken <= bound, "{per_second}: {taken}");
            assert!(taken >= per_second * 9, "{per_second}: {taken}");
        }
    }

    #[test]
    fn flood_of_new_names_leaves_half_to_trusted_ones() {
        let (mut rate, start) = rate(200);
        let trusted: Vec<_> = (0..100).map(|n| format!("https://t{n}.example")).collect();
        for name in &trusted {
            rate.record_trusted(name);
        }
        for second in 0..5 {
            let now = start + Duration::from_secs(second);
            for name in 0..5000 {
                rate.take(&format!("https://{second}-{name}.example"), now);
            }
            let taken = trusted.iter().filter(|name| rate.take(name, now)).count();
            assert!(taken >= 99, "{taken} in second {second}");
        }
    }

    #[test]
    fn flood_of_trusted_names_leaves_half_to_new_ones() {
        let (mut rate, start) = rate(200);
        rate.record_trusted("https://t.example");
        for second in 0..5 {
            let now = start + Duration::from_secs(second);
            for _ in 0..5000 {
                rate.take("https://t.example", now);
            }
            assert!(rate.take(&format!("https://{second}.example"), now));
        }
    }

    /// A client that tries again goes before names that were never seen.
    #[test]
    fn name_that_was_turned_down_goes_first() {
        let (mut rate, start) = rate(200);
        let honest = "https://new-customer.example";
        let flood = |rate: &mut QuestionRate, now| {
            for number in 0..1500 {
                rate.take(&format!("https://{number}-{now:?}.example"), now);
            }
        };
        flood(&mut rate, start);
        assert!(!rate.take(honest, start));
        let later = start + Duration::from_secs(1);
        flood(&mut rate, later);
        assert!(rate.take(honest, later));
    }
}
