//! The entries that were written recently. If the store loses them, each replica that knows them
//! writes them again, unless they were removed since.

use tokio::time::Instant;

use super::record::{DenylistRecord, RecordKey};
use super::write_queue::{REWRITTEN_FOR, RecentWrite};
use super::writes::Writes;
use crate::util::lock;

/// What to do with an entry of this list that the store does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Remove,
    /// The write is in progress, or was confirmed after the load began.
    Keep,
    /// The store confirmed the write and lost it.
    WriteAgain,
}

impl Writes {
    /// Records that the store sent this record. Returns `true` if it is a recent one.
    pub(super) fn received(&self, key: &RecordKey, record: &DenylistRecord) -> bool {
        let mut inner = lock(&self.inner);
        let is_own = |own: &DenylistRecord| own.is_same_write(record);
        let mut is_known = false;
        if let Some(pending) = inner.pending.get_mut(key).filter(|it| is_own(&it.record)) {
            pending.received = Some(record.clone());
            is_known = true;
        }
        let mut at = Instant::now();
        if let Some(recent) = inner.recent.get_mut(key) {
            if is_own(&recent.record) {
                at = recent.at;
                is_known = true;
            } else if !recent.is_received {
                // The own write is not in the store's changes yet, or it is lost.
                return is_known;
            }
        }
        if !is_known && let Some(removing) = inner.removing.get_mut(key) {
            removing.is_denied_again = true;
        }
        if !record.is_newer_than(REWRITTEN_FOR.as_secs()) {
            inner.recent.remove(key);
            return is_known;
        }
        let write = RecentWrite {
            record: record.clone(),
            at,
            is_received: true,
            is_stored: true,
        };
        inner.recent.remove(key);
        inner.insert_recent(key.clone(), write, self.capacity);
        true
    }

    /// Records that these writes were received after the last position of the store. A connection
    /// that begins there may belong to an older copy, which does not have them.
    pub(super) fn forget_received(&self, keys: impl IntoIterator<Item = RecordKey>) {
        let mut inner = lock(&self.inner);
        for key in keys {
            if let Some(recent) = inner.recent.get_mut(&key) {
                recent.is_received = false;
            }
            if let Some(pending) = inner.pending.get_mut(&key) {
                pending.received = None;
            }
        }
    }

    /// Returns `true` if a removal that the store sent is newer than the writes that this replica
    /// knows. If it is not known which one came first, the result is `false`, and the list has to
    /// be loaded.
    pub(super) fn is_removal_newer(&self, key: &RecordKey, stamp: Option<i64>) -> bool {
        let mut inner = lock(&self.inner);
        let recent = inner.recent.remove(key);
        let pending = inner.pending.get(key);
        if pending.is_some_and(|pending| pending.is_removed_by(stamp)) {
            inner.cancel(key);
        }
        let is_known = |write: RecentWrite| write.is_received || write.is_removed_by(stamp);
        !inner.pending.contains_key(key) && recent.is_none_or(is_known)
    }

    /// Decides about an entry that a complete load does not contain. `removal` is the stamp of its
    /// removal, if the store has that.
    pub(super) fn missing(
        &self,
        key: &RecordKey,
        load_began: Instant,
        removal: Option<i64>,
    ) -> Missing {
        let mut inner = lock(&self.inner);
        if let Some(pending) = inner.pending.get(key) {
            if !pending.is_removed_by(removal) {
                return Missing::Keep;
            }
            inner.cancel(key);
        }
        let Some(recent) = inner.recent.remove(key) else {
            return Missing::Remove;
        };
        if recent.is_removed_by(removal) {
            return Missing::Remove;
        }
        if recent.at >= load_began {
            inner.recent.insert(key.clone(), recent);
            return Missing::Keep;
        }
        if recent.is_old() {
            return Missing::Remove;
        }
        inner.push_again(key.clone(), recent);
        drop(inner);
        self.wake.notify_one();
        Missing::WriteAgain
    }

    /// Writes an entry again that the store lost, if it is a recent one. Returns `false` if it is
    /// not, or if it is written already.
    pub(super) fn write_again(&self, key: &RecordKey) -> bool {
        let mut inner = lock(&self.inner);
        if inner.pending.contains_key(key) {
            return false;
        }
        let Some(recent) = inner.recent.remove(key).filter(|recent| !recent.is_old()) else {
            return false;
        };
        inner.push_again(key.clone(), recent);
        drop(inner);
        self.wake.notify_one();
        true
    }

    /// Writes the records again that a store did not send although it sent all changes since this
    /// connection began. A failover to an older copy can lose them without a gap. If the store has
    /// them, the write changes nothing.
    pub(super) fn write_unreceived_again(&self, connected_at: Instant) {
        let mut inner = lock(&self.inner);
        let is_lost = |write: &RecentWrite| !write.is_received && write.at < connected_at;
        let lost = inner.recent.extract_if(|_, write| is_lost(write));
        let lost: Vec<(RecordKey, RecentWrite)> = lost.collect();
        for (key, write) in lost {
            inner.push_again(key, write);
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// Forgets recent writes, so that an empty store stays empty.
    pub(super) fn forget_recent(&self) {
        let mut inner = lock(&self.inner);
        inner.recent.clear();
        let again = inner
            .pending
            .iter()
            .filter(|(_, pending)| pending.record.is_again);
        let again: Vec<RecordKey> = again.map(|(key, _)| key.clone()).collect();
        for key in again {
            inner.cancel(&key);
        }
    }
}
