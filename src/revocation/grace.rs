//! The end of a load. A store without a complete list is new, or it lost its data: then its state
//! has no effect for a while, in which the replicas write the recent entries again.

use std::time::Duration;

use tokio::time::Instant;

use super::candidate::Candidate;
use super::load;
use super::mode::{Grace, GraceKind, Mode};
use super::recent_writes::Missing;
use super::record::RecordKey;
use super::replication::Replication;
use crate::telemetry::{events, metrics};
use crate::util::lock;

/// How long the state of such a store has no effect.
const GRACE: Duration = Duration::from_secs(60);

/// Makes the loaded entries effective, and returns the new mode. If all records of the first load
/// are unauthenticated, the key of this replica is wrong, and its list would be empty. Then it is
/// not loaded. If the store has no complete list, a grace period begins, unless the application
/// confirmed that the store is new.
pub(super) fn complete(
    replication: &Replication,
    candidate: Candidate,
    began: Instant,
    is_confirmed: bool,
) -> Mode {
    let is_first = lock(&replication.history).loads == 0;
    if is_first && candidate.has_other_record_key() {
        return Mode::Loading(candidate);
    }
    if is_first && !candidate.is_complete_list {
        if !is_confirmed {
            return start(replication, candidate, GraceKind::FirstLoad);
        }
        replication.writes.set_complete(true);
    }
    lock(&replication.history).loads += 1;
    metrics::denylist_change("loaded");
    let is_lost = !candidate.is_complete_list || load::lost_most(replication, &candidate);
    let mode = if !is_first && is_lost {
        start(replication, candidate, GraceKind::LostEntries)
    } else {
        load::replace_list(replication, &candidate, began);
        Mode::Following(None)
    };
    events::denylist_loaded(replication.list.len());
    replication.report_state();
    mode
}

/// Begins the grace period. If the store lost entries, the recent ones are written again at once,
/// so that every replica has them before the first one ends its period.
fn start(replication: &Replication, candidate: Candidate, kind: GraceKind) -> Mode {
    lock(&replication.history).is_emptying = true;
    replication.report_state();
    match kind {
        GraceKind::FirstLoad => events::denylist_not_initialized(GRACE),
        GraceKind::LostEntries => {
            events::denylist_emptied(replication.list.len(), GRACE);
            if candidate.is_complete_list {
                // Replicas that start now must wait too.
                replication.writes.set_complete(false);
            }
        }
    }
    // A replica that waits for its first load can have received entries too.
    write_again(replication, &candidate);
    Mode::Following(Some(Grace {
        candidate,
        until: Instant::now() + GRACE,
        kind,
    }))
}

/// Writes the recent entries again that the store lost, and removes those that it removed.
fn write_again(replication: &Replication, candidate: &Candidate) {
    let (list, writes) = (&replication.list, &replication.writes);
    let mut written_again = 0;
    for (entry, slot, _) in list.replicated() {
        let key = RecordKey::from_entry(&entry, slot);
        if candidate.records.contains_key(&key) {
            continue;
        }
        let removal = candidate.removal(&key);
        if removal.is_some() {
            match writes.missing(&key, Instant::now(), removal) {
                Missing::Remove => list.remove(&entry, |other| other == slot),
                Missing::WriteAgain => written_again += 1,
                Missing::Keep => {}
            }
        } else if writes.write_again(&key) {
            written_again += 1;
        }
    }
    if written_again > 0 {
        events::denylist_written_again(written_again);
    }
}

/// Makes the store effective if its grace period is over.
pub(super) fn finish_if_due(replication: &Replication, mode: &mut Mode) {
    let is_due = mode
        .grace()
        .is_some_and(|grace| Instant::now() >= grace.until);
    if is_due {
        finish(replication, mode);
        replication.writes.set_complete(true);
    }
}

/// Makes the store effective because another replica has declared its list complete.
pub(super) fn finish_with_others(replication: &Replication, mode: &mut Mode) {
    finish(replication, mode);
}

/// Makes the store effective because the application confirmed it. Returns `false` if no grace
/// period runs.
pub(super) fn confirm(replication: &Replication, mode: &mut Mode) -> bool {
    if mode.grace().is_none() {
        return false;
    }
    replication.writes.forget_recent();
    finish(replication, mode);
    replication.writes.set_complete(true);
    true
}

fn finish(replication: &Replication, mode: &mut Mode) {
    if let Mode::Following(grace) = mode
        && let Some(Grace {
            candidate,
            until,
            kind,
        }) = grace.take()
    {
        load::replace_list(replication, &candidate, until);
        if kind == GraceKind::FirstLoad {
            lock(&replication.history).loads += 1;
            metrics::denylist_change("loaded");
            events::denylist_loaded(replication.list.len());
        }
        replication.report_state();
    }
}

/// Begins the period again, because the replica could not reach the store. A replica that was never
/// loaded loads everything again.
pub(super) fn restart(mode: &mut Mode) {
    if let Mode::Following(Some(grace)) = mode {
        match grace.kind {
            GraceKind::LostEntries => grace.until = Instant::now() + GRACE,
            GraceKind::FirstLoad => *mode = Mode::Loading(Candidate::default()),
        }
    }
}
