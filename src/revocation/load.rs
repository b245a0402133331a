//! Loading all entries. The old list stays active until the new one is complete (rule 189).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::denylist_error::DenylistError;
use super::missing::Missing;
use super::record::{DenylistRecord, RecordKey};
use super::replication::{LoadState, Replication};
use crate::telemetry::{events, metrics};
use crate::util::lock;

/// A store that suddenly lacks most entries has no effect for this long.
const EMPTY_GRACE: Duration = Duration::from_secs(60);

/// The error if no record of the store is authentic.
const WRONG_KEY: &str = "no record of the store is authentic: the record keys may differ";

/// The entries of the store that were received since a load began.
#[derive(Default)]
pub(super) struct Candidate {
    records: HashMap<RecordKey, DenylistRecord>,
    is_incomplete: bool,
    /// The entries of the list when the load began, without those that the store removed since.
    earlier: HashSet<RecordKey>,
    has_authentic: bool,
    has_unauthenticated: bool,
}

/// Whether a record has a valid HMAC, or needs none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authenticity {
    Authentic,
    Unauthenticated,
}

/// The relation of the list to the store.
pub(super) enum Mode {
    Loading(Candidate),
    /// The list is complete. If the store lost most of its entries, the earlier entries apply until
    /// this time.
    Following(Option<(Candidate, Instant)>),
}

impl Candidate {
    pub(super) fn insert(&mut self, key: RecordKey, record: DenylistRecord, capacity: usize) {
        if self.records.len() >= capacity && !self.records.contains_key(&key) {
            self.is_incomplete = true;
            return;
        }
        let record = match self.records.get(&key) {
            Some(earlier) => record.merged_with(earlier),
            None => record,
        };
        self.records.insert(key, record);
    }

    pub(super) fn remove(&mut self, key: &RecordKey) {
        self.records.remove(key);
        self.earlier.remove(key);
    }
}

impl Mode {
    pub(super) fn candidate(&mut self) -> Option<&mut Candidate> {
        match self {
            Self::Loading(candidate) | Self::Following(Some((candidate, _))) => Some(candidate),
            Self::Following(None) => None,
        }
    }

    /// Records that the store has a record of this kind.
    pub(super) fn count(&mut self, authenticity: Authenticity) {
        match (self.candidate(), authenticity) {
            (None, _) => {}
            (Some(candidate), Authenticity::Authentic) => candidate.has_authentic = true,
            (Some(candidate), Authenticity::Unauthenticated) => {
                candidate.has_unauthenticated = true;
            }
        }
    }

    /// Returns until when the entries apply that the store lost.
    pub(super) fn empty_until(&self) -> Option<Instant> {
        match self {
            Self::Following(Some((_, until))) => Some(*until),
            Self::Following(None) | Self::Loading(_) => None,
        }
    }
}

/// Begins a load. If the last one was not finished, or lost most entries, the same earlier entries
/// count, so that a second failure does not hide the first one.
pub(super) fn start_load(replication: &Replication, mode: &mut Mode) -> Candidate {
    let earlier = if let Some(candidate) = mode.candidate() {
        std::mem::take(&mut candidate.earlier)
    } else {
        let entries = replication.list.replicated().into_iter();
        entries
            .map(|(entry, slot)| RecordKey::from_entry(&entry, slot))
            .collect()
    };
    Candidate {
        earlier,
        ..Candidate::default()
    }
}

/// Reports the result of a load to those who wait for the first one.
pub(super) fn report(replication: &Replication, mode: &Mode) {
    match mode {
        Mode::Following(_) => replication.set_load_state(LoadState::Loaded),
        Mode::Loading(_) => replication.record_failure(WRONG_KEY.into()),
    }
}

/// Makes the loaded entries effective, and returns the new mode. If all records of the first load
/// are unauthenticated, the key of this replica is wrong, and its list would be empty. Then it is
/// not loaded.
pub(super) fn complete(replication: &Replication, candidate: Candidate, began: Instant) -> Mode {
    let is_wrong_key = candidate.has_unauthenticated && !candidate.has_authentic;
    if is_wrong_key && lock(&replication.history).loads == 0 {
        return Mode::Loading(candidate);
    }
    let is_first = {
        let mut history = lock(&replication.history);
        history.loads += 1;
        history.loads == 1
    };
    metrics::denylist_change("loaded");
    let list = &replication.list;
    let mode = if !is_first && lost_most(replication, &candidate) {
        events::denylist_emptied(list.len(), EMPTY_GRACE);
        lock(&replication.history).is_emptying = true;
        Mode::Following(Some((candidate, Instant::now() + EMPTY_GRACE)))
    } else {
        replace_list(replication, &candidate, began);
        Mode::Following(None)
    };
    events::denylist_loaded(list.len());
    replication.report_state();
    mode
}

/// Returns `true` if the store lacks more of the earlier entries than it has. Entries that were
/// added since, and writes that it never confirmed, do not count.
fn lost_most(replication: &Replication, candidate: &Candidate) -> bool {
    let (mut kept, mut lost) = (0_usize, 0_usize);
    for (entry, slot) in replication.list.replicated() {
        let key = RecordKey::from_entry(&entry, slot);
        if !candidate.earlier.contains(&key) || replication.writes.is_pending(&key) {
            continue;
        }
        if candidate.records.contains_key(&key) {
            kept += 1;
        } else {
            lost += 1;
        }
    }
    !candidate.is_incomplete && lost > kept
}

/// Replaces the replicated entries of the list by those of the store. Removals come first, so that
/// the new entries fit. If the store has more entries than the list may have, the candidate lacks
/// some of them, so no entry is removed (rule 195).
fn replace_list(replication: &Replication, candidate: &Candidate, began: Instant) {
    let (list, writes) = (&replication.list, &replication.writes);
    let mut written_again = 0;
    let may_remove = !candidate.is_incomplete;
    for (entry, slot) in list.replicated().into_iter().filter(|_| may_remove) {
        let key = RecordKey::from_entry(&entry, slot);
        if candidate.records.contains_key(&key) {
            continue;
        }
        match writes.missing(&key, began) {
            Missing::Remove => list.remove(&entry, |other| other == slot),
            Missing::WriteAgain => written_again += 1,
            Missing::Keep => {}
        }
    }
    if written_again > 0 {
        events::denylist_written_again(written_again);
    }
    {
        let mut history = lock(&replication.history);
        history.is_emptying = false;
        history.is_incomplete &= candidate.is_incomplete;
    }
    for record in candidate.records.values() {
        if let Some((entry, slot)) = record.entry()
            && list.add(slot, entry, record.applies_until()) == Err(DenylistError::Full)
        {
            replication.report_full();
        }
    }
    if candidate.is_incomplete {
        replication.report_full();
    }
}

/// Makes a store that lost entries effective, because the application confirmed it.
pub(super) fn confirm_empty(replication: &Replication, mode: &mut Mode) {
    if let Mode::Following(Some((_, until))) = mode {
        replication.writes.forget_confirmed();
        *until = Instant::now();
        finish_emptying(replication, mode);
    }
}

/// Makes a store that lost entries effective if its grace period has passed.
pub(super) fn finish_emptying(replication: &Replication, mode: &mut Mode) {
    let is_due = |until: Instant| Instant::now() >= until;
    if let Mode::Following(emptied) = mode
        && let Some((candidate, until)) = emptied.take_if(|(_, until)| is_due(*until))
    {
        replace_list(replication, &candidate, until);
        replication.report_state();
    }
}
