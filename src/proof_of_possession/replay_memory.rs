//! The used proofs that this process knows: bounded in total and per key, and no proof is removed
//! before it expires.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::replay_store::UsedProof;
use crate::util::lock;

/// The number of shards, each with its own lock. A key's proofs are all in one shard.
const SHARDS: usize = 64;

/// The seconds between two sweeps of a shard.
const SWEEP: i64 = 8;

/// The largest numbers of proofs that have not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplayLimits {
    pub(crate) total: usize,
    pub(crate) per_key: usize,
}

impl Default for ReplayLimits {
    fn default() -> Self {
        Self {
            total: 1_000_000,
            per_key: 100_000,
        }
    }
}

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insertion {
    Stored,
    /// The proof was used before.
    Repeated,
    /// The proofs of this key use its whole share.
    KeyFull,
    /// All proofs together use the whole store.
    Full,
    /// The proof has expired, or a proof that expired later was removed already. The clock can go
    /// back, so the proof may have been used and removed too.
    Expired,
}

/// The store. An entry has 16 bytes and takes at most 39 with the free space of its table, so a
/// million entries need 34 MiB. If each of them is of another key, their keys need 50 MiB more.
pub(super) struct ReplayMemory {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    limits: ReplayLimits,
    total: AtomicUsize,
    /// When the whole store was swept last because it was full.
    swept_at: AtomicI64,
}

#[derive(Default)]
struct Shard {
    /// Each proof by a keyed hash of its digest.
    proofs: HashMap<u64, ProofEntry, BuildHasherDefault<HashOfHash>>,
    /// The keys of these proofs, by a keyed hash of their thumbprints.
    keys: HashMap<u64, u32>,
    counts: Vec<KeyCount>,
    free: Vec<u32>,
    swept_at: i64,
    /// The latest time at which a removed proof expired.
    removed_until: i64,
}

#[derive(Clone, Copy)]
struct ProofEntry {
    /// The first second in which the proof is not valid any more, since the Unix epoch.
    expires_at: u32,
    /// The index of its key.
    key: u32,
}

#[derive(Clone, Copy, Default)]
struct KeyCount {
    hash: u64,
    proofs: usize,
}

impl ReplayMemory {
    pub(super) fn new(limits: ReplayLimits) -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            limits,
            total: AtomicUsize::new(0),
            swept_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Returns the number of stored proofs, with those that expired since the last sweep.
    pub(super) fn len(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Returns `true` if the proof was stored and has not expired.
    pub(super) fn contains(&self, proof: &UsedProof, now: i64) -> bool {
        let (hash, key) = self.hashes(proof);
        self.shard(key)
            .is_some_and(|shard| lock(shard).is_used(hash, now))
    }

    /// Stores a proof unless it is stored already.
    pub(super) fn insert(&self, proof: &UsedProof, now: i64) -> Insertion {
        let (hash, key) = self.hashes(proof);
        let Some(shard) = self.shard(key) else {
            return Insertion::Full;
        };
        if self.len() >= self.limits.total && self.swept_at.swap(now, Ordering::Relaxed) < now {
            self.sweep(now);
        }
        let mut shard = lock(shard);
        if shard.is_used(hash, now) {
            return Insertion::Repeated;
        }
        if proof.expires_at <= now.max(shard.removed_until) {
            return Insertion::Expired;
        }
        if shard.swept_at.saturating_add(SWEEP) <= now
            || (shard.count(key) >= self.limits.per_key && shard.swept_at < now)
        {
            self.subtract(shard.sweep(now));
        }
        if shard.count(key) >= self.limits.per_key {
            return Insertion::KeyFull;
        }
        // The place is taken before the proof is stored, so that no two threads take the last one.
        if self.total.fetch_add(1, Ordering::Relaxed) >= self.limits.total {
            self.subtract(1);
            return Insertion::Full;
        }
        if shard.insert(hash, key, proof.expires_at) == Replacement::Replaced {
            self.subtract(1);
        }
        Insertion::Stored
    }

    /// Removes expired proofs and returns their memory.
    pub(super) fn sweep(&self, now: i64) {
        for shard in &self.shards {
            let removed = lock(shard).sweep(now);
            self.subtract(removed);
        }
    }

    fn subtract(&self, removed: usize) {
        self.total.fetch_sub(removed, Ordering::Relaxed);
    }

    fn hashes(&self, proof: &UsedProof) -> (u64, u64) {
        (
            self.hasher.hash_one(proof.digest),
            self.hasher.hash_one(proof.thumbprint),
        )
    }

    fn shard(&self, key: u64) -> Option<&Mutex<Shard>> {
        let index = usize::try_from(key >> 32).unwrap_or(0) % SHARDS;
        self.shards.get(index)
    }
}

/// Whether an insertion took the place of an expired proof with the same ID.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replacement {
    Added,
    Replaced,
}

impl Shard {
    fn is_used(&self, proof: u64, now: i64) -> bool {
        let found = self.proofs.get(&proof);
        found.is_some_and(|entry| now < i64::from(entry.expires_at))
    }

    /// Returns the number of stored proofs of a key.
    fn count(&self, key: u64) -> usize {
        let index = self.keys.get(&key).map(|index| *index as usize);
        let count = index.and_then(|index| self.counts.get(index));
        count.map_or(0, |count| count.proofs)
    }

    fn insert(&mut self, proof: u64, key: u64, expires_at: i64) -> Replacement {
        let index = self.key_index(key);
        let entry = ProofEntry {
            expires_at: u32::try_from(expires_at).unwrap_or(u32::MAX),
            key: index,
        };
        match self.proofs.entry(proof) {
            Entry::Occupied(mut found) => {
                // The same proof has the same key.
                found.insert(entry);
                Replacement::Replaced
            }
            Entry::Vacant(vacant) => {
                vacant.insert(entry);
                if let Some(count) = self.counts.get_mut(index as usize) {
                    count.proofs += 1;
                }
                Replacement::Added
            }
        }
    }

    fn key_index(&mut self, key: u64) -> u32 {
        let Self {
            keys, counts, free, ..
        } = self;
        *keys.entry(key).or_insert_with(|| {
            let new = KeyCount {
                hash: key,
                proofs: 0,
            };
            if let Some(index) = free.pop()
                && let Some(slot) = counts.get_mut(index as usize)
            {
                *slot = new;
                return index;
            }
            counts.push(new);
            u32::try_from(counts.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Removes expired proofs, and returns their number.
    fn sweep(&mut self, now: i64) -> usize {
        self.swept_at = now;
        let stored = self.proofs.len();
        let Self {
            proofs,
            keys,
            counts,
            free,
            removed_until,
            ..
        } = self;
        proofs.retain(|_, entry| {
            let is_valid = now < i64::from(entry.expires_at);
            if !is_valid {
                *removed_until = (*removed_until).max(i64::from(entry.expires_at));
            }
            if !is_valid && let Some(count) = counts.get_mut(entry.key as usize) {
                count.proofs -= 1;
                if count.proofs == 0 {
                    keys.remove(&count.hash);
                    free.push(entry.key);
                }
            }
            is_valid
        });
        let removed = stored - proofs.len();
        // A table that grows back soon is not worth an allocation.
        if proofs.len() < proofs.capacity() / 4 {
            proofs.shrink_to(proofs.len() * 2);
        }
        if keys.is_empty() {
            (*keys, *counts, *free) = Default::default();
        } else if keys.len() < keys.capacity() / 4 {
            keys.shrink_to(keys.len() * 2);
        }
        removed
    }
}

/// The keys of the table are keyed hashes already.
#[derive(Default)]
struct HashOfHash(u64);

impl Hasher for HashOfHash {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
