//! The writes of this replica: those that the store has not confirmed, and the recent ones that it
//! has confirmed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::missing::Missing;
use super::record::{DenylistRecord, RecordKey};
use super::write_queue::{
    ConfirmedWrite, NO_RESPONSE, OPERATION_TIMEOUT, PendingWrite, REWRITTEN_FOR, WriteQueue,
    WriteResult,
};
use crate::util::lock;

pub(super) struct Writes {
    inner: Mutex<WriteQueue>,
    /// Wakes the task that writes.
    pub(super) wake: Notify,
    capacity: usize,
}

impl Writes {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::default(),
            wake: Notify::new(),
            capacity,
        }
    }

    /// Adds a write. The receiver gets the result of its first attempt.
    pub(super) fn push(&self, record: DenylistRecord) -> oneshot::Receiver<WriteResult> {
        let (waiter, result) = oneshot::channel();
        lock(&self.inner).push(record, Some(waiter));
        self.wake.notify_one();
        result
    }

    /// Waits for the result of a first attempt while the store confirms writes. A write may wait
    /// for earlier ones, so the time of one operation does not bound it.
    pub(super) async fn wait(
        &self,
        mut result: oneshot::Receiver<WriteResult>,
    ) -> Result<WriteResult, oneshot::error::RecvError> {
        let mut since = Instant::now();
        loop {
            if let Ok(result) = timeout_at(since + OPERATION_TIMEOUT, &mut result).await {
                return result;
            }
            match lock(&self.inner).confirmed_at {
                Some(confirmed_at) if confirmed_at > since => since = confirmed_at,
                _ => return Ok(Err(NO_RESPONSE.into())),
            }
        }
    }

    /// Cancels the write of a record that is removed, and returns a write that was not confirmed.
    pub(super) fn cancel(&self, key: &RecordKey) -> Option<DenylistRecord> {
        let mut inner = lock(&self.inner);
        inner.confirmed.remove(key);
        let pending = inner.pending.remove(key)?;
        if let Some(slot) = pending.queued {
            inner.queue.remove(&slot);
        }
        Some(pending.record)
    }

    /// Returns the next write that is due.
    pub(super) fn take_due(&self, now: Instant) -> Option<(RecordKey, DenylistRecord)> {
        let mut inner = lock(&self.inner);
        let (&slot, _) = inner.queue.first_key_value()?;
        if slot.due > now {
            return None;
        }
        let key = inner.queue.remove(&slot)?;
        let pending = inner.pending.get_mut(&key)?;
        pending.queued = None;
        pending.is_changed = false;
        let record = pending.record.clone();
        Some((key, record))
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        let inner = lock(&self.inner);
        inner.queue.first_key_value().map(|(slot, _)| slot.due)
    }

    /// Records that the store confirmed a write.
    pub(super) fn succeeded(&self, key: RecordKey, record: DenylistRecord) {
        let (now, mut inner) = (Instant::now(), lock(&self.inner));
        inner.confirmed_at = Some(now);
        let Some(mut pending) = inner.pending.remove(&key) else {
            // It was removed meanwhile.
            return;
        };
        for waiter in pending.waiters.drain(..) {
            // The caller may have stopped waiting.
            let _ = waiter.send(Ok(()));
        }
        if pending.is_changed {
            inner.enqueue(key, pending, now);
            drop(inner);
            self.wake.notify_one();
            return;
        }
        if inner.confirmed.len() >= self.capacity {
            inner.forget_old(now);
        }
        if inner.confirmed.len() < self.capacity {
            let confirmed = ConfirmedWrite {
                record,
                at: now,
                is_received: pending.is_received,
            };
            inner.confirmed.insert(key, confirmed);
        }
    }

    /// Records that an attempt failed. `delay` gets the number of failures, and returns `None` if
    /// the entry has expired.
    pub(super) fn failed(
        &self,
        key: &RecordKey,
        message: &Arc<str>,
        delay: impl FnOnce(u32) -> Option<Duration>,
    ) {
        let mut inner = lock(&self.inner);
        let Some(mut pending) = inner.pending.remove(key) else {
            return;
        };
        for waiter in pending.waiters.drain(..) {
            let _ = waiter.send(Err(Arc::clone(message)));
        }
        pending.failures = pending.failures.saturating_add(1);
        if let Some(delay) = delay(pending.failures) {
            inner.enqueue(key.clone(), pending, Instant::now() + delay);
        }
    }

    /// Queues the writes again whose task ended during an attempt.
    pub(super) fn resume(&self) {
        let (now, mut inner) = (Instant::now(), lock(&self.inner));
        let is_lost = |pending: &PendingWrite| pending.queued.is_none();
        let lost = inner.pending.extract_if(|_, pending| is_lost(pending));
        let lost: Vec<(RecordKey, PendingWrite)> = lost.collect();
        for (key, pending) in lost {
            inner.enqueue(key, pending, now);
        }
    }

    /// Records that the store sent this record. Returns `true` if it is a write of this replica.
    pub(super) fn received(&self, key: &RecordKey, record: &DenylistRecord) -> bool {
        let mut inner = lock(&self.inner);
        let mut is_own = false;
        if let Some(pending) = inner.pending.get_mut(key) {
            is_own |= pending.record.is_same_write(record);
            pending.is_received |= is_own;
        }
        if let Some(confirmed) = inner.confirmed.get_mut(key) {
            is_own |= confirmed.record.is_same_write(record);
            confirmed.is_received |= is_own;
        }
        is_own
    }

    /// Records that these writes were received after the last position of the store. A connection
    /// that begins there may belong to an older copy, which does not have them.
    pub(super) fn forget_received(&self, keys: impl IntoIterator<Item = RecordKey>) {
        let mut inner = lock(&self.inner);
        for key in keys {
            if let Some(confirmed) = inner.confirmed.get_mut(&key) {
                confirmed.is_received = false;
            }
            if let Some(pending) = inner.pending.get_mut(&key) {
                pending.is_received = false;
            }
        }
    }

    /// Returns `true` if a removal that the store sent is newer than the write of this replica. If
    /// it is not known which one came first, the result is `false`, and the list has to be loaded.
    pub(super) fn is_removal_newer(&self, key: &RecordKey) -> bool {
        let mut inner = lock(&self.inner);
        let confirmed = inner.confirmed.remove(key);
        !inner.pending.contains_key(key) && confirmed.is_none_or(|confirmed| confirmed.is_received)
    }

    /// Returns `true` if the store has not confirmed the write of this record.
    pub(super) fn is_pending(&self, key: &RecordKey) -> bool {
        lock(&self.inner).pending.contains_key(key)
    }

    /// Decides about an entry that a complete load does not contain.
    pub(super) fn missing(&self, key: &RecordKey, load_began: Instant) -> Missing {
        let mut inner = lock(&self.inner);
        if inner.pending.contains_key(key) {
            return Missing::Keep;
        }
        let Some(confirmed) = inner.confirmed.remove(key) else {
            return Missing::Remove;
        };
        if confirmed.at >= load_began {
            inner.confirmed.insert(key.clone(), confirmed);
            return Missing::Keep;
        }
        if confirmed.at.elapsed() > REWRITTEN_FOR {
            return Missing::Remove;
        }
        inner.push(confirmed.record, None);
        drop(inner);
        self.wake.notify_one();
        Missing::WriteAgain
    }

    /// Writes the confirmed records again that a store did not send although it sent all changes
    /// since this connection began. A failover to an older copy can lose them without a gap. If the
    /// store has them, the write changes nothing.
    pub(super) fn write_unreceived_again(&self, connected_at: Instant) {
        let mut inner = lock(&self.inner);
        let is_lost = |write: &ConfirmedWrite| !write.is_received && write.at < connected_at;
        let lost = inner.confirmed.extract_if(|_, write| is_lost(write));
        let lost: Vec<ConfirmedWrite> = lost.map(|(_, write)| write).collect();
        for write in lost {
            inner.push(write.record, None);
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// Forgets confirmed writes, so that an empty store stays empty.
    pub(super) fn forget_confirmed(&self) {
        lock(&self.inner).confirmed.clear();
    }

    pub(super) fn pending(&self) -> usize {
        lock(&self.inner).pending.len()
    }
}
