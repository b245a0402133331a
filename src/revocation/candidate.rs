//! The entries of the store that were received since a load began.

use std::collections::{HashMap, HashSet};

use super::record::{DenylistRecord, RecordKey};

#[derive(Default)]
pub(super) struct Candidate {
    pub(super) records: HashMap<RecordKey, DenylistRecord>,
    pub(super) is_incomplete: bool,
    /// The entries of the list when the load began, without those that the store removed since.
    pub(super) earlier: HashSet<RecordKey>,
    /// The stamps of the removals in the store, of entries that this replica has.
    removed: HashMap<RecordKey, i64>,
    /// Whether the store says that its list is complete.
    pub(super) is_complete_list: bool,
    authentic: u64,
    unauthenticated: u64,
}

/// Whether a record has a valid HMAC, or needs none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authenticity {
    Authentic,
    Unauthenticated,
}

impl Candidate {
    pub(super) fn new(earlier: HashSet<RecordKey>) -> Self {
        Self {
            earlier,
            ..Self::default()
        }
    }

    pub(super) fn insert(
        &mut self,
        key: RecordKey,
        record: DenylistRecord,
        capacity: usize,
        now: i64,
    ) {
        self.removed.remove(&key);
        if self.records.len() >= capacity && !self.records.contains_key(&key) {
            // Expired entries need no space.
            self.records
                .retain(|_, record| now < record.applies_until());
            if self.records.len() >= capacity {
                self.is_incomplete |= now < record.applies_until();
                return;
            }
        }
        let record = match self.records.get(&key) {
            Some(earlier) => record.merged_with(earlier),
            None => record,
        };
        self.records.insert(key, record);
    }

    /// Records that the store has no such entry.
    pub(super) fn remove(&mut self, key: &RecordKey) {
        self.records.remove(key);
        self.earlier.remove(key);
    }

    /// Records a removal that the store has.
    pub(super) fn insert_removal(&mut self, key: RecordKey, stamp: Option<i64>) {
        self.records.remove(&key);
        if self.earlier.contains(&key) {
            self.removed.insert(key, stamp.unwrap_or(i64::MAX));
        }
    }

    /// Returns the stamp of the removal of this entry, if the store has it.
    pub(super) fn removal(&self, key: &RecordKey) -> Option<i64> {
        self.removed.get(key).copied()
    }

    /// Records that the store has a record of this kind.
    pub(super) fn count(&mut self, authenticity: Authenticity) {
        match authenticity {
            Authenticity::Authentic => self.authentic += 1,
            Authenticity::Unauthenticated => self.unauthenticated += 1,
        }
    }

    /// Returns `true` if the key of this replica is not the one of the records.
    pub(super) fn has_other_record_key(&self) -> bool {
        self.unauthenticated > 0 && self.authentic == 0
    }
}
