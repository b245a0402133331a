//! The `iss` values that are not resolved again for a while, a bounded number of them.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

const NOT_TRUSTED_TTL: Duration = Duration::from_secs(30);
const FAILED_TTL: Duration = Duration::from_secs(1);
const MAX_ENTRIES: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NegativeReason {
    NotTrusted,
    Failed,
}

/// The names are stored as keyed hashes, because attackers can choose them: 10,000 of them take
/// about 400 KiB regardless of their length.
#[derive(Debug, Default)]
pub(super) struct NegativeCache {
    hasher: RandomState,
    entries: HashMap<u64, (NegativeReason, Instant)>,
    /// The oldest first. It is the first to be evicted.
    order: VecDeque<u64>,
}

impl NegativeCache {
    pub(super) fn get(&self, iss: &str, now: Instant) -> Option<(NegativeReason, Instant)> {
        let entry = self.entries.get(&self.hasher.hash_one(iss)).copied();
        entry.filter(|(_, until)| now < *until)
    }

    /// Adds an entry and returns when it expires.
    pub(super) fn insert(&mut self, iss: &str, reason: NegativeReason, now: Instant) -> Instant {
        let until = now
            + match reason {
                NegativeReason::NotTrusted => NOT_TRUSTED_TTL,
                NegativeReason::Failed => FAILED_TTL,
            };
        let iss = self.hasher.hash_one(iss);
        if self.entries.insert(iss, (reason, until)).is_none() {
            self.order.push_back(iss);
        }
        if self.order.len() > MAX_ENTRIES
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        until
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
