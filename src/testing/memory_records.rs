//! The records and changes of a denylist store in memory.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::revocation::{DenylistRecord, RecordKey, StoreCursor};

/// The changes that are kept for replicas that reconnect.
const KEPT_CHANGES: usize = 20_000;

#[derive(Debug)]
pub(super) struct StoreState {
    pub(super) records: BTreeMap<RecordKey, DenylistRecord>,
    /// The latest changes, each with its number.
    pub(super) changes: BTreeMap<u64, DenylistRecord>,
    pub(super) last_number: u64,
    /// Changes if the records are lost, so that an older cursor is unknown.
    pub(super) incarnation: u64,
    pub(super) mode: StoreMode,
    pub(super) wake: watch::Sender<()>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum StoreMode {
    #[default]
    Up,
    Down,
    Silent,
    /// Each write is applied, and its confirmation is lost.
    WithoutConfirmations,
}

impl Default for StoreState {
    fn default() -> Self {
        let complete = DenylistRecord::complete_list();
        Self {
            records: BTreeMap::from([(complete.key(), complete)]),
            changes: BTreeMap::new(),
            last_number: 0,
            incarnation: 0,
            mode: StoreMode::Up,
            wake: watch::Sender::new(()),
        }
    }
}

impl StoreState {
    pub(super) fn position(&self) -> Position {
        Position {
            incarnation: self.incarnation,
            number: self.last_number,
        }
    }

    pub(super) fn push(&mut self, change: DenylistRecord) {
        self.last_number += 1;
        self.changes.insert(self.last_number, change);
        if self.changes.len() > KEPT_CHANGES {
            self.changes.pop_first();
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Position {
    pub(super) incarnation: u64,
    pub(super) number: u64,
}

impl Position {
    pub(super) fn parse(cursor: &str) -> Option<Self> {
        let (incarnation, number) = cursor.split_once('/')?;
        Some(Self {
            incarnation: incarnation.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    pub(super) fn cursor(self) -> StoreCursor {
        StoreCursor::new(format!("{}/{}", self.incarnation, self.number))
    }
}
