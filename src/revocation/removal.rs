//! A removal of an entry on all replicas: the writes of the same entry wait until it is decided.

use tokio::time::{Instant, timeout_at};

use super::record::RecordKey;
use super::write_queue::OPERATION_TIMEOUT;
use super::writes::Writes;
use crate::util::lock;

/// A removal in progress. If it is dropped, it failed, and the writes of the entry continue.
pub(super) struct Removal<'w> {
    writes: &'w Writes,
    key: RecordKey,
}

impl Writes {
    /// Begins a removal. No write of the entry begins before its end, and the one in flight is
    /// finished, so that it cannot bring the entry back.
    pub(super) async fn begin_removal(&self, key: RecordKey) -> Removal<'_> {
        {
            let mut inner = lock(&self.inner);
            inner.removing.entry(key.clone()).or_default().removals += 1;
            if let Some(pending) = inner.pending.remove(&key) {
                inner.enqueue(key.clone(), pending, Instant::now());
            }
        }
        let removal = Removal { writes: self, key };
        // An operation takes no longer, unless its task ended.
        let end = Instant::now() + OPERATION_TIMEOUT;
        loop {
            let mut finished = std::pin::pin!(self.finished.notified());
            finished.as_mut().enable();
            if !removal.has_write_in_flight() || timeout_at(end, finished).await.is_err() {
                return removal;
            }
        }
    }
}

impl Removal<'_> {
    fn has_write_in_flight(&self) -> bool {
        let inner = lock(&self.writes.inner);
        let pending = inner.pending.get(&self.key);
        pending.is_some_and(|pending| pending.in_flight.is_some())
    }

    /// Records that the store confirmed the removal. Returns `false` if the entry was denied again
    /// meanwhile: then the changes of the store say which one came first.
    pub(super) fn succeeded(self) -> bool {
        let mut inner = lock(&self.writes.inner);
        let removing = inner.removing.get(&self.key);
        if removing.is_some_and(|removing| removing.is_denied_again) {
            return false;
        }
        inner.cancel(&self.key);
        inner.recent.remove(&self.key);
        true
    }
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.writes.inner);
        let Some(removing) = inner.removing.get_mut(&self.key) else {
            return;
        };
        removing.removals = removing.removals.saturating_sub(1);
        if removing.removals == 0 {
            inner.removing.remove(&self.key);
            if let Some(pending) = inner.pending.remove(&self.key) {
                inner.enqueue(self.key.clone(), pending, Instant::now());
            }
        }
        drop(inner);
        self.writes.wake.notify_one();
    }
}
