//! The events that were received: each takes effect once.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Arc, Mutex};

use crate::util::lock;

/// The largest number of events in the store.
pub(super) const MAX_SEEN: usize = 100_000;

/// A keyed hash of an event's issuer and ID, or of a principal.
pub(super) type KeyHash = u128;

/// Two keyed hashes of the standard library. An attacker does not know their keys.
#[derive(Default)]
pub(super) struct KeyHasher(RandomState, RandomState);

impl KeyHasher {
    pub(super) fn hash(&self, value: &impl Hash) -> KeyHash {
        let half = |state: &RandomState| u128::from(state.hash_one(value));
        half(&self.0) << 64 | half(&self.1)
    }
}

/// The store of seen events. Its reservations share it.
pub(super) struct SeenEvents(Arc<Mutex<SeenState>>);

struct SeenState {
    capacity: usize,
    /// How long an event is accepted after it was issued, in seconds.
    window: i64,
    events: HashMap<KeyHash, Stage>,
    /// The events by the second in which they were issued.
    by_age: BTreeSet<(i64, KeyHash)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    InProgress,
    Done,
}

/// What the store knows about an event.
pub(super) enum Sighting {
    /// The event is new. It is in the store until the reservation is dropped.
    New(Reservation),
    /// The event was received before and its effect is stored.
    Seen,
    InProgress,
    Full,
}

/// The place of an event that is in progress. If it is dropped without
/// [`confirm`](Self::confirm), the event can be received again.
pub(super) struct Reservation {
    state: Arc<Mutex<SeenState>>,
    key: KeyHash,
    issued_at: i64,
    stage: Stage,
}

impl SeenEvents {
    pub(super) fn new(capacity: usize, window: i64) -> Self {
        Self(Arc::new(Mutex::new(SeenState {
            capacity,
            window,
            events: HashMap::new(),
            by_age: BTreeSet::new(),
        })))
    }

    /// Looks an authentic event up and reserves a place for a new one.
    pub(super) fn reserve(&self, key: KeyHash, issued_at: i64, now: i64) -> Sighting {
        let mut state = lock(&self.0);
        match state.events.get(&key) {
            Some(Stage::Done) => return Sighting::Seen,
            Some(Stage::InProgress) => return Sighting::InProgress,
            None => {}
        }
        if state.events.len() >= state.capacity && !state.evict_one(now) {
            return Sighting::Full;
        }
        state.events.insert(key, Stage::InProgress);
        Sighting::New(Reservation {
            state: Arc::clone(&self.0),
            key,
            issued_at,
            stage: Stage::InProgress,
        })
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.0).events.len()
    }
}

impl SeenState {
    /// Removes an event that is too old to be accepted again. Returns `false` if there is none.
    fn evict_one(&mut self, now: i64) -> bool {
        let Some(oldest) = self.by_age.first().copied() else {
            return false;
        };
        if oldest.0.saturating_add(self.window) >= now {
            return false;
        }
        self.by_age.remove(&oldest);
        self.events.remove(&oldest.1);
        true
    }
}

impl Reservation {
    /// Keeps the event in the store, because its effect is stored.
    pub(super) fn confirm(mut self) {
        self.stage = Stage::Done;
        let mut state = lock(&self.state);
        state.events.insert(self.key, Stage::Done);
        state.by_age.insert((self.issued_at, self.key));
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.stage == Stage::InProgress {
            lock(&self.state).events.remove(&self.key);
        }
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
