//! The writes of this replica: those that the store has not confirmed, and the recent ones of all
//! replicas.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::record::{DenylistRecord, RecordKey};
use super::write_queue::{
    NO_RESPONSE, OPERATION_TIMEOUT, PendingWrite, RecentWrite, WriteQueue, WriteResult,
};
use crate::util::lock;

pub(super) struct Writes {
    pub(super) inner: Mutex<WriteQueue>,
    /// Wakes the task that writes.
    pub(super) wake: Notify,
    /// Wakes the removals that wait for a write in flight.
    pub(super) finished: Notify,
    pub(super) capacity: usize,
}

/// An attempt that failed.
pub(super) struct FailedAttempt {
    /// How many attempts failed in a row.
    pub(super) failures: u32,
    /// `None` if the entry has expired, so it is not written any more.
    pub(super) next_attempt_in: Option<Duration>,
}

impl Writes {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::default(),
            wake: Notify::new(),
            finished: Notify::new(),
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

    /// Writes that the list in the store is complete, or that it is not.
    pub(super) fn set_complete(&self, is_complete: bool) {
        let key = RecordKey::complete_list();
        let record = if is_complete {
            DenylistRecord::complete_list()
        } else {
            DenylistRecord::removal(&key)
        };
        let mut inner = lock(&self.inner);
        inner.cancel(&key);
        inner.push(record, None);
        drop(inner);
        self.wake.notify_one();
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

    /// Returns the next write that is due, and the number of the attempt.
    pub(super) fn take_due(&self, now: Instant) -> Option<(RecordKey, DenylistRecord, u64)> {
        let mut inner = lock(&self.inner);
        let (&position, _) = inner.queue.first_key_value()?;
        if position.due > now {
            return None;
        }
        let key = inner.queue.remove(&position)?;
        let attempt = inner.next_number();
        let pending = inner.pending.get_mut(&key)?;
        pending.queued = None;
        pending.in_flight = Some(attempt);
        pending.is_changed = false;
        let record = pending.record.clone();
        Some((key, record, attempt))
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        let inner = lock(&self.inner);
        inner.queue.first_key_value().map(|(slot, _)| slot.due)
    }

    /// Records that the store confirmed a write. Returns how many attempts failed before.
    pub(super) fn succeeded(&self, key: RecordKey, record: DenylistRecord, attempt: u64) -> u32 {
        let (now, mut inner) = (Instant::now(), lock(&self.inner));
        inner.confirmed_at = Some(now);
        let Some(mut pending) = inner.take_ended(&key, attempt) else {
            return 0;
        };
        let failures = std::mem::take(&mut pending.failures);
        if pending.is_changed {
            // The callers of the later denial wait for its own attempt.
            inner.enqueue(key, pending, now);
            drop(inner);
            self.finished.notify_waiters();
            self.wake.notify_one();
            return failures;
        }
        for waiter in pending.waiters.drain(..) {
            // The caller may have stopped waiting.
            let _ = waiter.send(Ok(()));
        }
        if !record.is_about_completeness() {
            let is_stored = pending.received.is_some() || record.is_again;
            let write = RecentWrite {
                is_received: pending.received.is_some(),
                record: pending.received.unwrap_or(record),
                at: pending.first_confirmed_at.unwrap_or(now),
                is_stored,
            };
            inner.insert_recent(key, write, self.capacity);
        }
        drop(inner);
        self.finished.notify_waiters();
        self.wake.notify_one();
        failures
    }

    /// Records that an attempt failed. `delay` gets the record, which may apply longer than that of
    /// the attempt, and the number of failures. It returns `None` if the entry has expired. The
    /// result is `None` if the write was removed meanwhile.
    pub(super) fn failed(
        &self,
        key: &RecordKey,
        attempt: u64,
        message: &Arc<str>,
        delay: impl FnOnce(&DenylistRecord, u32) -> Option<Duration>,
    ) -> Option<FailedAttempt> {
        let mut inner = lock(&self.inner);
        let mut pending = inner.take_ended(key, attempt)?;
        for waiter in pending.waiters.drain(..) {
            let _ = waiter.send(Err(Arc::clone(message)));
        }
        pending.failures = pending.failures.saturating_add(1);
        let failed = FailedAttempt {
            failures: pending.failures,
            next_attempt_in: delay(&pending.record, pending.failures),
        };
        if let Some(delay) = failed.next_attempt_in {
            inner.enqueue(key.clone(), pending, Instant::now() + delay);
        }
        drop(inner);
        self.finished.notify_waiters();
        Some(failed)
    }

    /// Queues the writes again whose task ended during an attempt.
    pub(super) fn resume(&self) {
        let mut inner = lock(&self.inner);
        let is_lost = |pending: &PendingWrite| pending.in_flight.is_some();
        let lost = inner.pending.extract_if(|_, pending| is_lost(pending));
        let lost: Vec<(RecordKey, PendingWrite)> = lost.collect();
        for (key, mut pending) in lost {
            pending.in_flight = None;
            inner.enqueue(key, pending, Instant::now());
        }
        drop(inner);
        self.finished.notify_waiters();
    }

    /// Makes all retries due, because the store can be reached again.
    pub(super) fn retry_now(&self) {
        let (now, mut inner) = (Instant::now(), lock(&self.inner));
        let waits = |pending: &PendingWrite| pending.queued.is_some_and(|slot| slot.due > now);
        let waiting = inner.pending.extract_if(|_, pending| waits(pending));
        let waiting: Vec<(RecordKey, PendingWrite)> = waiting.collect();
        for (key, pending) in waiting {
            inner.enqueue(key, pending, now);
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// Returns `true` if the store has not confirmed the write of this record.
    pub(super) fn is_pending(&self, key: &RecordKey) -> bool {
        lock(&self.inner).pending.contains_key(key)
    }

    /// Returns the number of entries that the store has not confirmed.
    pub(super) fn pending(&self) -> usize {
        let inner = lock(&self.inner);
        let is_other = inner.pending.contains_key(&RecordKey::complete_list());
        inner.pending.len() - usize::from(is_other)
    }
}
