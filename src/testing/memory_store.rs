//! A denylist store in memory, with faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::memory_records::{Position, StoreMode, StoreState};
use crate::revocation::{DenylistChanges, DenylistRecord, DenylistStore, RecordKey, StoreCursor};
use crate::util::{BoxError, lock};

const HEARTBEAT: Duration = Duration::from_secs(5);

/// A [`DenylistStore`] in the memory of one process, for tests. Clones share the records, so each
/// clone is the store of one replica.
///
/// It can fail like a real one: it is [down](Self::set_down), it does not respond, it loses
/// confirmations, changes or records. It begins with an empty list that is complete, so a replica
/// does not wait for others. After [`flush`](Self::flush) it is like a new Redis.
///
/// ```
/// use tower_m2m::Denylist;
/// use tower_m2m::testing::MemoryStore;
///
/// let store = MemoryStore::new();
/// let (one, two) = (Denylist::replicated(store.clone()), Denylist::replicated(store));
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<StoreState>>);

/// The records of a [`MemoryStore`] at one time.
#[derive(Clone, Debug)]
pub struct MemoryStoreCopy {
    records: BTreeMap<RecordKey, DenylistRecord>,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of entries. Records of removals do not count.
    #[must_use]
    pub fn len(&self) -> usize {
        let denies =
            |record: &&DenylistRecord| !record.is_removal() && !record.is_about_completeness();
        self.read(|state| state.records.values().filter(denies).count())
    }

    /// Returns `true` if the store has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the store work.
    pub fn set_up(&self) {
        self.set_mode(StoreMode::Up);
    }

    /// Makes the store unreachable: connections break, and operations fail.
    pub fn set_down(&self) {
        self.set_mode(StoreMode::Down);
    }

    /// Makes the store silent: connections stay, and no operation returns.
    pub fn set_silent(&self) {
        self.set_mode(StoreMode::Silent);
    }

    /// Makes the store apply writes and report them as failed.
    pub fn lose_confirmations(&self) {
        self.set_mode(StoreMode::WithoutConfirmations);
    }

    /// Drops all changes, so that a replica that has not received them has a gap.
    pub fn trim(&self) {
        self.with(|state| state.changes.clear());
    }

    /// Removes all records without a change.
    pub fn flush(&self) {
        self.restore(&MemoryStoreCopy {
            records: BTreeMap::new(),
        });
    }

    /// Returns a copy of the records.
    #[must_use]
    pub fn copy(&self) -> MemoryStoreCopy {
        self.read(|state| MemoryStoreCopy {
            records: state.records.clone(),
        })
    }

    /// Replaces all records by those of a copy, without a change: a failover to an older copy.
    pub fn restore(&self, copy: &MemoryStoreCopy) {
        self.with(|state| {
            state.records.clone_from(&copy.records);
            state.changes.clear();
            state.incarnation += 1;
        });
    }

    fn set_mode(&self, mode: StoreMode) {
        self.with(|state| state.mode = mode);
    }

    /// Changes the state, and wakes all who follow it.
    fn with<T>(&self, change: impl FnOnce(&mut StoreState) -> T) -> T {
        let mut state = lock(&self.0);
        let result = change(&mut state);
        state.wake.send_replace(());
        result
    }

    fn read<T>(&self, read: impl FnOnce(&StoreState) -> T) -> T {
        read(&lock(&self.0))
    }

    /// Waits while the store is silent, and fails if it is down.
    async fn reach(&self) -> Result<(), BoxError> {
        let mut wake = self.read(|state| state.wake.subscribe());
        while self.read(|state| state.mode) == StoreMode::Silent {
            wake.changed().await?;
        }
        match self.read(|state| state.mode) {
            StoreMode::Down => Err("the store is down".into()),
            _ => Ok(()),
        }
    }

    fn confirmation(&self) -> Result<(), BoxError> {
        match self.read(|state| state.mode) {
            StoreMode::WithoutConfirmations => Err("the connection broke".into()),
            _ => Ok(()),
        }
    }

    /// Returns the changes after a position, or `None` if the store does not have all of them.
    fn changes_after(&self, position: Position) -> Option<Vec<(u64, DenylistRecord)>> {
        self.read(|state| {
            let kept_from = state.changes.keys().next().copied();
            let first_kept = kept_from.unwrap_or(state.last_number + 1);
            let is_known = position.incarnation == state.incarnation
                && position.number <= state.last_number
                && position.number + 1 >= first_kept;
            let after = state.changes.range(position.number + 1..);
            is_known.then(|| {
                after
                    .map(|(number, change)| (*number, change.clone()))
                    .collect()
            })
        })
    }

    /// Sends all records, and the position after them.
    async fn send_all(&self, changes: &DenylistChanges) -> Result<Position, BoxError> {
        let (position, records) = self.read(|state| {
            let records: Vec<_> = state.records.values().cloned().collect();
            (state.position(), records)
        });
        for record in records {
            changes.added(record).await?;
        }
        changes.caught_up(position.cursor()).await?;
        Ok(position)
    }
}

impl DenylistStore for MemoryStore {
    async fn follow(
        &self,
        from: Option<StoreCursor>,
        changes: DenylistChanges,
    ) -> Result<(), BoxError> {
        let mut wake = self.read(|state| state.wake.subscribe());
        self.reach().await?;
        let mut position = match from.map(|cursor| Position::parse(cursor.as_str())) {
            None => self.send_all(&changes).await?,
            Some(Some(position)) => position,
            Some(None) => {
                changes.gap().await?;
                self.send_all(&changes).await?
            }
        };
        if self
            .changes_after(position)
            .is_some_and(|after| after.is_empty())
        {
            changes.heartbeat().await?;
        }
        loop {
            self.reach().await?;
            let Some(after) = self.changes_after(position) else {
                changes.gap().await?;
                position = self.send_all(&changes).await?;
                continue;
            };
            if let Some((last, _)) = after.last() {
                position.number = *last;
                for (_, change) in after {
                    changes.added(change).await?;
                }
                changes.caught_up(position.cursor()).await?;
            }
            tokio::select! {
                woken = wake.changed() => woken?,
                () = sleep(HEARTBEAT) => {
                    self.reach().await?;
                    if self.changes_after(position).is_some_and(|after| after.is_empty()) {
                        changes.heartbeat().await?;
                    }
                }
            }
        }
    }

    async fn put(&self, record: DenylistRecord) -> Result<(), BoxError> {
        self.reach().await?;
        self.with(|state| {
            let key = record.key();
            let merged = match state.records.get(&key) {
                Some(stored) => record.merged_with(stored),
                None => record,
            };
            if state.records.get(&key) != Some(&merged) {
                state.records.insert(key, merged.clone());
                state.push(merged);
            }
        });
        self.confirmation()
    }

    async fn remove(&self, key: RecordKey) -> Result<(), BoxError> {
        self.put(DenylistRecord::removal(&key)).await
    }
}
