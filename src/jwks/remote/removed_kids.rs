//! The names of keys that an issuer removed from its set.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::jwks::keyed_hash;
use crate::util::lock;

/// The `kid`s that were in an earlier set, as keyed hashes, the newest last.
#[derive(Debug)]
pub(super) struct RemovedKids {
    capacity: usize,
    hashes: Mutex<VecDeque<u64>>,
}

impl RemovedKids {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            hashes: Mutex::default(),
        }
    }

    pub(super) fn contains(&self, kid: &str) -> bool {
        let hash = keyed_hash(kid);
        lock(&self.hashes).contains(&hash)
    }

    pub(super) fn inherit_from(&self, other: &Self) {
        let hashes = lock(&other.hashes).clone();
        *lock(&self.hashes) = hashes;
    }

    pub(super) fn insert(&self, kid: &str) {
        let hash = keyed_hash(kid);
        let mut hashes = lock(&self.hashes);
        hashes.retain(|other| *other != hash);
        if hashes.len() >= self.capacity {
            hashes.pop_front();
        }
        hashes.push_back(hash);
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
