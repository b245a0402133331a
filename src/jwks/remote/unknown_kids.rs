//! The `kid`s that a fetch did not contain, so that a request for the same one soon causes no fetch.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::lock::lock;
use super::requester::RequesterKind;
use crate::jwks::keyed_hash;

const MAX_ENTRIES: usize = 1024;

/// Unknown `kid`s by their keyed hash, each for one kind of requester and for the set that does not
/// contain it.
///
/// An entry that unknown clients caused never rejects a token of a known client: any caller could
/// otherwise name the next key of an issuer shortly before it is published.
#[derive(Debug)]
pub(super) struct UnknownKids {
    /// The lifetime of an entry: at first, and at most.
    first_lifetime: Duration,
    max_lifetime: Duration,
    entries: Mutex<HashMap<u64, UnknownKid>>,
}

#[derive(Clone, Copy, Debug)]
struct UnknownKid {
    generation: u64,
    /// The number of the last fetch that did not contain it.
    fetch: u64,
    lifetime: Duration,
    until: Instant,
}

/// A fetch that did not contain a `kid`.
#[derive(Clone, Copy, Debug)]
pub(super) struct FetchWithoutKid {
    pub(super) number: u64,
    pub(super) generation: u64,
    /// The kind of requester that caused the fetch, or `None` if it was scheduled.
    pub(super) caused_by: Option<RequesterKind>,
}

impl UnknownKids {
    pub(super) fn new(first_lifetime: Duration, max_lifetime: Duration) -> Self {
        Self {
            first_lifetime,
            max_lifetime: max_lifetime.max(first_lifetime),
            entries: Mutex::default(),
        }
    }

    pub(super) fn contains(
        &self,
        kid: &str,
        requester: RequesterKind,
        generation: u64,
        now: Instant,
    ) -> bool {
        let kid = keyed_hash((kid, requester));
        lock(&self.entries)
            .get(&kid)
            .is_some_and(|unknown| unknown.generation == generation && now < unknown.until)
    }

    pub(super) fn inherit_from(&self, other: &Self) {
        let entries = lock(&other.entries).clone();
        *lock(&self.entries) = entries;
    }

    /// Adds an entry, or extends the one that is there.
    ///
    /// The lifetime doubles only if this kind of requester caused the further fetch, and once for each
    /// fetch. If all places are taken by current entries, nothing is added, and the budget bounds the
    /// cost.
    pub(super) fn insert(
        &self,
        kid: &str,
        requester: RequesterKind,
        fetch: FetchWithoutKid,
        now: Instant,
    ) {
        let kid = keyed_hash((kid, requester));
        let mut entries = lock(&self.entries);
        let previous = entries
            .get(&kid)
            .filter(|unknown| unknown.generation == fetch.generation);
        let lifetime = match previous {
            Some(previous) if previous.fetch >= fetch.number => return,
            Some(previous) if fetch.caused_by == Some(requester) => {
                previous.lifetime.saturating_mul(2).min(self.max_lifetime)
            }
            Some(previous) => previous.lifetime,
            None => self.first_lifetime,
        };
        if entries.len() >= MAX_ENTRIES {
            entries
                .retain(|_, unknown| unknown.generation == fetch.generation && now < unknown.until);
        }
        if entries.len() < MAX_ENTRIES || entries.contains_key(&kid) {
            entries.insert(
                kid,
                UnknownKid {
                    generation: fetch.generation,
                    fetch: fetch.number,
                    lifetime,
                    until: now + lifetime,
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RequesterKind::{Known, Unknown};

    const COOLDOWN: Duration = Duration::from_secs(10);

    fn kids() -> UnknownKids {
        UnknownKids::new(COOLDOWN, Duration::from_secs(30))
    }

    fn fetch(number: u64, caused_by: Option<RequesterKind>) -> FetchWithoutKid {
        FetchWithoutKid {
            number,
            generation: 1,
            caused_by,
        }
    }

    #[test]
    fn missing_kid_is_cached_for_a_cooldown_and_one_generation() {
        let (kids, now) = (kids(), Instant::now());
        kids.insert("k", Known, fetch(1, Some(Known)), now);
        let later = |millis| now + Duration::from_millis(millis);
        assert!(kids.contains("k", Known, 1, later(9_999)));
        assert!(!kids.contains("k", Known, 1, later(10_000)));
        assert!(
            !kids.contains("k", Known, 2, now),
            "another set may have it"
        );
        assert!(!kids.contains("other", Known, 1, now));
    }

    #[test]
    fn missing_kid_binds_only_the_kind_that_asked() {
        let now = Instant::now();
        for (kind, other) in [(Known, Unknown), (Unknown, Known)] {
            let kids = kids();
            kids.insert("k", kind, fetch(1, Some(kind)), now);
            assert!(kids.contains("k", kind, 1, now) && !kids.contains("k", other, 1, now));
        }
    }

    #[test]
    fn lifetime_doubles_only_through_fetches_of_the_same_kind() {
        let (kids, mut now) = (kids(), Instant::now());
        for (number, caused_by, seconds) in [
            (1, Some(Unknown), 10),
            (2, Some(Unknown), 20),
            (3, Some(Known), 20),
            (4, None, 20),
            (5, Some(Unknown), 30),
            (6, Some(Unknown), 30),
        ] {
            kids.insert("k", Unknown, fetch(number, caused_by), now);
            let end = now + Duration::from_secs(seconds);
            let last = end - Duration::from_millis(1);
            assert!(kids.contains("k", Unknown, 1, last), "fetch {number}");
            assert!(!kids.contains("k", Unknown, 1, end), "fetch {number}");
            // Shared by many requests, a fetch counts once.
            kids.insert("k", Unknown, fetch(number, caused_by), last);
            assert!(!kids.contains("k", Unknown, 1, end), "fetch {number}");
            now = end;
        }
    }

    #[test]
    fn missing_kids_are_bounded_at_1024() {
        let (kids, now) = (kids(), Instant::now());
        for kid in 0..5_000 {
            kids.insert(&kid.to_string(), Unknown, fetch(kid, None), now);
        }
        assert_eq!(lock(&kids.entries).len(), 1024);
        let later = now + COOLDOWN;
        kids.insert("after the flood", Unknown, fetch(6_000, None), later);
        assert!(kids.contains("after the flood", Unknown, 1, later));
        assert_eq!(lock(&kids.entries).len(), 1);
    }
}
