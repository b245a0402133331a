//! The `kid`s that a fetch did not bring: asking again soon would bring nothing either.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long an unknown `kid` is remembered, and how many of them.
const TTL: Duration = Duration::from_secs(30);
const MAX_ENTRIES: usize = 1024;

/// Unknown `kid`s by their keyed hash, each for the generation of the set that it is not in.
#[derive(Debug, Default)]
pub(super) struct UnknownKids {
    hasher: RandomState,
    /// How many there are, so that where there are none it costs one look.
    len: AtomicUsize,
    entries: Mutex<HashMap<u64, Unknown>>,
}

#[derive(Clone, Copy, Debug)]
struct Unknown {
    generation: u64,
    until: Instant,
}

impl UnknownKids {
    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    pub(super) fn contains(&self, kid: &str, generation: u64, now: Instant) -> bool {
        let kid = self.hasher.hash_one(kid);
        self.entries()
            .get(&kid)
            .is_some_and(|unknown| unknown.generation == generation && now < unknown.until)
    }

    /// Remembers one more. When the memory is full of younger ones it does not: the budget bounds what that costs.
    pub(super) fn insert(&self, kid: &str, generation: u64, now: Instant) {
        let kid = self.hasher.hash_one(kid);
        let mut entries = self.entries();
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, unknown| unknown.generation == generation && now < unknown.until);
        }
        if entries.len() < MAX_ENTRIES {
            entries.insert(
                kid,
                Unknown {
                    generation,
                    until: now + TTL,
                },
            );
        }
        self.len.store(entries.len(), Ordering::Relaxed);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<u64, Unknown>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_kid_is_cached_for_30_seconds_and_one_generation() {
        let (kids, now) = (UnknownKids::default(), Instant::now());
        kids.insert("k", 1, now);
        let later = |millis| now + Duration::from_millis(millis);
        assert!(kids.contains("k", 1, later(29_999)) && !kids.contains("k", 1, later(30_000)));
        assert!(
            !kids.contains("k", 2, now),
            "a set that changed may have it"
        );
        assert!(!kids.contains("other", 1, now));
        assert!(!kids.is_empty() && UnknownKids::default().is_empty());
    }

    #[test]
    fn missing_kids_are_bounded_at_1024() {
        let (kids, now) = (UnknownKids::default(), Instant::now());
        for kid in 0..5_000 {
            kids.insert(&kid.to_string(), 1, now);
        }
        assert_eq!(kids.entries().len(), 1024);
        let later = now + TTL;
        kids.insert("after the flood", 1, later);
        assert!(kids.contains("after the flood", 1, later) && kids.entries().len() == 1);
    }
}
