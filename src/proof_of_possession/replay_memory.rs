//! The used proofs that this process knows: bounded in total and per key, and no proof is removed
//! before it expires.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::replay_store::UsedProof;
use crate::util::{UniformHashBuilder, lock};

/// The number of shards, each with its own lock. A key's proofs are all in one shard.
///
/// The capacity of a table is 7/8 of a power of two. With this number, a million proofs fill each
/// table to about 73 %. With 64 shards they would fill it to half of that.
const SHARDS: usize = 48;

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

/// The store. A proof has 16 bytes and its key has 8. With the free space of its table, a proof
/// takes at most 39 bytes and a key at most 21. A million proofs take at most 39 MiB, whether they
/// are of few keys or each of its own.
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
    proofs: HashMap<u64, ProofEntry, UniformHashBuilder>,
    /// The number of stored proofs of each key.
    keys: HashMap<KeyTag, u32, UniformHashBuilder>,
    swept_at: i64,
    /// The latest time at which a removed proof expired.
    removed_until: i64,
}

#[derive(Clone, Copy)]
struct ProofEntry {
    /// The first second in which the proof is not valid any more, since the Unix epoch.
    expires_at: u32,
    key: KeyTag,
}

/// The part of a keyed hash of a thumbprint that does not select the shard. Of a million keys,
/// about two pairs have the same tag in the same shard, and their proofs are counted together.
/// Clients cannot find such a pair.
type KeyTag = u32;

/// Where a proof is stored.
#[derive(Clone, Copy)]
struct ProofSlot {
    shard: usize,
    proof: u64,
    key: KeyTag,
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

    pub(super) fn limits(&self) -> ReplayLimits {
        self.limits
    }

    /// Returns `true` if the proof was stored and has not expired.
    pub(super) fn contains(&self, proof: &UsedProof, now: i64) -> bool {
        let slot = self.slot(proof);
        self.shards
            .get(slot.shard)
            .is_some_and(|shard| lock(shard).is_used(slot.proof, now))
    }

    /// Stores a proof unless it is stored already.
    pub(super) fn insert(&self, proof: &UsedProof, now: i64) -> Insertion {
        let ProofSlot {
            shard,
            proof: hash,
            key,
        } = self.slot(proof);
        let Some(shard) = self.shards.get(shard) else {
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
        // After the year 2106, an entry could not say when it expires.
        let Ok(expires_at) = u32::try_from(proof.expires_at) else {
            return Insertion::Full;
        };
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
        if shard.insert(hash, key, expires_at) == Replacement::Replaced {
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

    #[allow(clippy::cast_possible_truncation, reason = "the two halves of a hash")]
    fn slot(&self, proof: &UsedProof) -> ProofSlot {
        let key = self.hasher.hash_one(proof.thumbprint);
        ProofSlot {
            shard: (key >> 32) as usize % SHARDS,
            proof: self.hasher.hash_one(proof.digest),
            key: key as KeyTag,
        }
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
    fn count(&self, key: KeyTag) -> usize {
        self.keys.get(&key).map_or(0, |count| *count as usize)
    }

    fn insert(&mut self, proof: u64, key: KeyTag, expires_at: u32) -> Replacement {
        let entry = ProofEntry { expires_at, key };
        match self.proofs.entry(proof) {
            Entry::Occupied(mut found) => {
                // The same proof has the same key.
                found.insert(entry);
                Replacement::Replaced
            }
            Entry::Vacant(vacant) => {
                vacant.insert(entry);
                let count = self.keys.entry(key).or_default();
                *count = count.saturating_add(1);
                Replacement::Added
            }
        }
    }

    /// Removes expired proofs, and returns their number.
    fn sweep(&mut self, now: i64) -> usize {
        self.swept_at = now;
        let stored = self.proofs.len();
        let Self {
            proofs,
            keys,
            removed_until,
            ..
        } = self;
        proofs.retain(|_, entry| {
            let is_valid = now < i64::from(entry.expires_at);
            if !is_valid {
                *removed_until = (*removed_until).max(i64::from(entry.expires_at));
                if let Entry::Occupied(mut count) = keys.entry(entry.key) {
                    *count.get_mut() -= 1;
                    if *count.get() == 0 {
                        count.remove();
                    }
                }
            }
            is_valid
        });
        let removed = stored - proofs.len();
        return_memory(proofs);
        return_memory(keys);
        removed
    }
}

/// Returns most of the memory of a table that is nearly empty. A table that grows back soon is not
/// worth an allocation.
fn return_memory<K: Eq + Hash, V>(table: &mut HashMap<K, V, UniformHashBuilder>) {
    if table.len() < table.capacity().div_ceil(4) {
        table.shrink_to(table.len() * 2);
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
