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
    pub(super) confirmed: HashMap<RecordKey, ConfirmedWrite>,
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
    /// Its place in the queue, or `None` while an attempt is in flight.
    pub(super) queued: Option<QueuePosition>,
    /// Whether the record changed while an attempt was in flight.
    pub(super) is_changed: bool,
    pub(super) failures: u32,
    /// Whether this replica received this write from the store.
    pub(super) is_received: bool,
    pub(super) waiters: Vec<oneshot::Sender<WriteResult>>,
}

pub(super) struct ConfirmedWrite {
    pub(super) record: DenylistRecord,
    pub(super) at: Instant,
    /// Whether this replica received its own write from the store.
    pub(super) is_received: bool,
}

impl WriteQueue {
    pub(super) fn push(
        &mut self,
        record: DenylistRecord,
        waiter: Option<oneshot::Sender<WriteResult>>,
    ) {
        let (key, now) = (record.key(), Instant::now());
        let Some(mut pending) = self.pending.remove(&key) else {
            let pending = PendingWrite {
                record,
                queued: None,
                is_changed: false,
                failures: 0,
                is_received: false,
                waiters: waiter.into_iter().collect(),
            };
            self.enqueue(key, pending, now);
            return;
        };
        pending.record = record.merged_with(&pending.record);
        pending.waiters.extend(waiter);
        pending.is_changed = true;
        pending.is_received = false;
        match pending.queued {
            Some(slot) => {
                self.queue.remove(&slot);
                self.enqueue(key, pending, now);
            }
            None => {
                self.pending.insert(key, pending);
            }
        }
    }

    pub(super) fn enqueue(&mut self, key: RecordKey, mut pending: PendingWrite, due: Instant) {
        self.next_number += 1;
        let slot = QueuePosition {
            is_retry: pending.failures > 0 && pending.waiters.is_empty(),
            due,
            number: self.next_number,
        };
        pending.queued = Some(slot);
        self.queue.insert(slot, key.clone());
        self.pending.insert(key, pending);
    }

    pub(super) fn forget_old(&mut self, now: Instant) {
        self.confirmed
            .retain(|_, confirmed| now.saturating_duration_since(confirmed.at) <= REWRITTEN_FOR);
    }
}
