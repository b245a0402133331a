//! Loading all entries. The old list stays active until the new one is complete (rule 189).

use tokio::time::Instant;

use super::candidate::Candidate;
use super::denylist_error::DenylistError;
use super::mode::Mode;
use super::recent_writes::Missing;
use super::record::RecordKey;
use super::replication::{LoadState, Replication};
use crate::telemetry::events;
use crate::util::lock;

/// The error if no record of the store is authentic.
const WRONG_KEY: &str = "no record of the store is authentic: the record keys may differ";

/// Begins a load. If the last one was not finished, or lost most entries, the same earlier entries
/// count, so that a second failure does not hide the first one.
pub(super) fn start_load(replication: &Replication, mode: &mut Mode) -> Candidate {
    if let Some(candidate) = mode.candidate() {
        return Candidate::new(std::mem::take(&mut candidate.earlier));
    }
    let entries = replication.list.replicated().into_iter();
    let keys = entries.map(|(entry, slot, _)| RecordKey::from_entry(&entry, slot));
    Candidate::new(keys.collect())
}

/// Reports the result of a load to those who wait for the first one.
pub(super) fn report(replication: &Replication, mode: &Mode) {
    match mode {
        Mode::Loading(_) => replication.record_failure(WRONG_KEY.into()),
        Mode::Following(_) if mode.is_loaded() => replication.set_load_state(LoadState::Loaded),
        Mode::Following(_) => {}
    }
}

/// Returns `true` if the store lacks more of the earlier entries than it has. Entries that were
/// added since, those that the store removed, and writes that it never confirmed do not count.
pub(super) fn lost_most(replication: &Replication, candidate: &Candidate) -> bool {
    let (mut kept, mut lost) = (0_usize, 0_usize);
    let now = replication.list.unix_seconds();
    for (entry, slot, until) in replication.list.replicated() {
        let key = RecordKey::from_entry(&entry, slot);
        let is_earlier = candidate.earlier.contains(&key) && now < until;
        if !is_earlier || replication.writes.is_pending(&key) {
            continue;
        }
        if candidate.records.contains_key(&key) {
            kept += 1;
        } else if candidate.removal(&key).is_none() {
            lost += 1;
        }
    }
    !candidate.is_incomplete && lost > kept
}

/// Replaces the replicated entries of the list by those of the store. Removals come first, so that
/// the new entries fit. If the store has more entries than the list may have, the candidate lacks
/// some of them, so no entry is removed (rule 195) unless the store has its removal.
pub(super) fn replace_list(replication: &Replication, candidate: &Candidate, began: Instant) {
    let (list, writes) = (&replication.list, &replication.writes);
    let (mut written_again, mut dropped) = (0, 0);
    let now = list.unix_seconds();
    for (entry, slot, until) in list.replicated() {
        let key = RecordKey::from_entry(&entry, slot);
        let removal = candidate.removal(&key);
        let may_remove = !candidate.is_incomplete || removal.is_some();
        if candidate.records.contains_key(&key) || !may_remove {
            continue;
        }
        match writes.missing(&key, began, removal) {
            Missing::Remove => {
                dropped += usize::from(removal.is_none() && now < until);
                list.remove(&entry, |other| other == slot);
            }
            Missing::WriteAgain => written_again += 1,
            Missing::Keep => {}
        }
    }
    if written_again > 0 {
        events::denylist_written_again(written_again);
    }
    if dropped > 0 {
        events::denylist_entries_dropped(dropped);
    }
    {
        let mut history = lock(&replication.history);
        history.is_emptying = false;
        history.is_incomplete &= candidate.is_incomplete;
    }
    for (key, record) in &candidate.records {
        let Some((entry, slot)) = record.entry() else {
            continue;
        };
        let until = record.applies_until();
        // An own write that the store has not confirmed may deny for longer.
        let added = if writes.is_pending(key) {
            list.add(slot, entry, until)
        } else {
            list.set(slot, entry, until)
        };
        if added == Err(DenylistError::Full) {
            replication.report_full();
        }
    }
    if candidate.is_incomplete {
        replication.report_full();
    }
}
