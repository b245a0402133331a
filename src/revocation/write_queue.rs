//! The queue of the writes of this replica.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::record::{DenylistRecord, RecordKey};

/// A write that the store confirmed is written again for this long if the store loses it.
pub(super) const REWRITTEN_FOR: Duration = Duration::from_secs(15 * 60);

/// The longest time for one operation of the store.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// The message if it passed.
pub(super) const NO_RESPONSE: &str = "the store did not respond within 5 s";

/// The result of the first attempt: the store's message if it failed.
pub(super) type WriteResult = Result<(), Arc<str>>;

#[derive(Default)]
pub(super) struct WriteQueue {
    pub(super) pending: HashMap<RecordKey, PendingWrite>,
    /// The writes that wait: first attempts come before retries, because callers wait for them.
    /// Then by the time at which they are due.
    pub(super) queue: BTreeMap<QueuePosition, RecordKey>,
    /// The entries that any replica wrote recently, as far as this replica knows them.
    pub(super) recent: HashMap<RecordKey, RecentWrite>,
    /// The entries that this replica is removing. Their writes wait.
    pub(super) removing: HashMap<RecordKey, Removing>,
    /// When the store confirmed a write last.
    pub(super) confirmed_at: Option<Instant>,
    next_number: u64,
}

/// A place in the queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueuePosition {
    pub(super) is_retry: bool,
    pub(super) due: Instant,
    pub(super) number: u64,
}

pub(super) struct PendingWrite {
    pub(super) record: DenylistRecord,
    /// Its place in the queue, or `None` while an attempt is in flight or its entry is removed.
    pub(super) queued: Option<QueuePosition>,
    /// The attempt in flight.
    pub(super) in_flight: Option<u64>,
    /// Whether the record changed while an attempt was in flight.
    pub(super) is_changed: bool,
    pub(super) failures: u32,
    /// The record as the store has it, if this replica received this write from the store.
    pub(super) received: Option<DenylistRecord>,
    /// When the store confirmed it first, if it lost the record later.
    pub(super) first_confirmed_at: Option<Instant>,
    pub(super) waiters: Vec<oneshot::Sender<WriteResult>>,
}

/// An entry that was written recently, by this replica or by another one.
pub(super) struct RecentWrite {
    pub(super) record: DenylistRecord,
    /// When the store confirmed or sent it first.
    pub(super) at: Instant,
    /// Whether this replica received it from the store.
    pub(super) is_received: bool,
    /// Whether the record is the one of the store, with its stamp.
    pub(super) is_stored: bool,
}

/// The removals of one entry that are in progress on this replica.
#[derive(Default)]
pub(super) struct Removing {
    pub(super) removals: u32,
    /// Whether the entry was denied again meanwhile, here or on another replica.
    pub(super) is_denied_again: bool,
}

impl RecentWrite {
    pub(super) fn is_old(&self) -> bool {
        self.at.elapsed() > REWRITTEN_FOR
    }

    /// Returns `true` if a removal with this stamp is newer.
    pub(super) fn is_removed_by(&self, removal: Option<i64>) -> bool {
        removal.is_some_and(|removal| self.record.is_removed_by(removal, self.is_stored))
    }
}

impl PendingWrite {
    pub(super) fn new(record: DenylistRecord) -> Self {
        Self {
            record,
            queued: None,
            in_flight: None,
            is_changed: false,
            failures: 0,
            received: None,
            first_confirmed_at: None,
            waiters: Vec::new(),
        }
    }

    /// Returns `true` if a removal with this stamp is newer than the lost record that is written
    /// again. A new denial is never older.
    pub(super) fn is_removed_by(&self, removal: Option<i64>) -> bool {
        self.record.is_again && removal.is_some_and(|stamp| self.record.is_removed_by(stamp, true))
    }
}

impl WriteQueue {
    pub(super) fn push(
        &mut self,
        record: DenylistRecord,
        waiter: Option<oneshot::Sender<WriteResult>>,
    ) {
        let (key, now) = (record.key(), Instant::now());
        if let Some(removing) = self.removing.get_mut(&key) {
            removing.is_denied_again = true;
        }
        let mut pending = match self.pending.remove(&key) {
            None => PendingWrite::new(record),
            Some(mut pending) => {
                pending.record = record.merged_with(&pending.record);
                // A new denial wins over a removal, also if it changes nothing else.
                pending.record.is_again = false;
                pending.is_changed = true;
                pending.received = None;
                pending.first_confirmed_at = None;
                pending
            }
        };
        pending.waiters.extend(waiter);
        self.enqueue(key, pending, now);
    }

    /// Queues a record again that the store had and lost.
    pub(super) fn push_again(&mut self, key: RecordKey, lost: RecentWrite) {
        if self.pending.contains_key(&key) {
            return;
        }
        let record = if lost.is_stored {
            lost.record.again()
        } else {
            lost.record
        };
        let mut pending = PendingWrite::new(record);
        pending.first_confirmed_at = Some(lost.at);
        self.enqueue(key, pending, Instant::now());
    }

    /// Queues a write, unless an attempt is in flight or its entry is removed.
    pub(super) fn enqueue(&mut self, key: RecordKey, mut pending: PendingWrite, due: Instant) {
        if let Some(position) = pending.queued.take() {
            self.queue.remove(&position);
        }
        if pending.in_flight.is_none() && !self.removing.contains_key(&key) {
            let is_again = pending.failures > 0 || pending.first_confirmed_at.is_some();
            let position = QueuePosition {
                is_retry: is_again && pending.waiters.is_empty(),
                due,
                number: self.next_number(),
            };
            pending.queued = Some(position);
            self.queue.insert(position, key.clone());
        }
        self.pending.insert(key, pending);
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Removes a write whose attempt ended, or returns `None` if it was removed meanwhile.
    pub(super) fn take_ended(&mut self, key: &RecordKey, attempt: u64) -> Option<PendingWrite> {
        let pending = self.pending.get(key)?;
        if pending.in_flight != Some(attempt) {
            return None;
        }
        let mut pending = self.pending.remove(key)?;
        pending.in_flight = None;
        Some(pending)
    }

    /// Drops a write, also one in flight, and returns `true` if there was one.
    pub(super) fn cancel(&mut self, key: &RecordKey) -> bool {
        let Some(pending) = self.pending.remove(key) else {
            return false;
        };
        if let Some(position) = pending.queued {
            self.queue.remove(&position);
        }
        true
    }

    /// Remembers an entry, if there is space.
    pub(super) fn insert_recent(&mut self, key: RecordKey, write: RecentWrite, capacity: usize) {
        if self.recent.len() >= capacity {
            self.recent.retain(|_, write| !write.is_old());
        }
        if self.recent.len() < capacity {
            self.recent.insert(key, write);
        }
    }
}
