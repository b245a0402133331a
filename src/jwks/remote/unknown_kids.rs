//! The `kid`s that a fetch did not contain. A request for the same `kid` soon after causes no
//! fetch.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::requester::RequesterKind;
use crate::jwks::keyed_hash;
use crate::util::lock;

const MAX_ENTRIES: usize = 1024;

/// Unknown `kid`s by their keyed hash, each for one kind of requester and for the set that does not
/// contain it.
///
/// An entry that unknown clients caused never rejects a token of a known client. Otherwise any
/// caller could name the next key of an issuer shortly before it is published.
#[derive(Debug)]
pub(super) struct UnknownKids {
    /// The first lifetime of an entry, and the longest one.
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

    /// Adds an entry, or extends the existing one.
    ///
    /// The lifetime doubles only if this kind of requester caused the further fetch, and once for
    /// each fetch. If current entries fill all places, no entry is added, and the budget limits the
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
#[cfg(tower_m2m_unit_tests)]
mod tests;
