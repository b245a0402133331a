//! The replica of the contract tests: it records what a store sends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::revocation::{
    DenylistChanges, DenylistRecord, DenylistStore, RecordKey, StoreChange, StoreCursor,
};
use crate::util::BoxError;

/// The longest wait for one thing that the contract requires.
const WAIT: Duration = Duration::from_secs(15);

/// A requirement that a store violates.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContractViolation {
    /// The requirement.
    pub requirement: &'static str,
    /// What happened instead.
    pub found: String,
}

/// A replica: the records that it received.
pub(super) struct ContractFollower {
    receiver: mpsc::Receiver<StoreChange>,
    task: JoinHandle<Result<(), BoxError>>,
    pub(super) records: BTreeMap<RecordKey, DenylistRecord>,
    pub(super) log: Vec<String>,
    cursor: Option<StoreCursor>,
    pub(super) gaps: u32,
    pub(super) heartbeats: u32,
}

impl ContractFollower {
    pub(super) fn start<S: DenylistStore>(store: &Arc<S>, from: Option<StoreCursor>) -> Self {
        let (changes, receiver) = DenylistChanges::channel();
        let store = Arc::clone(store);
        Self {
            receiver,
            task: tokio::spawn(async move { store.follow(from, changes).await }),
            records: BTreeMap::new(),
            log: Vec::new(),
            cursor: None,
            gaps: 0,
            heartbeats: 0,
        }
    }

    pub(super) async fn caught_up(
        &mut self,
        rule: &'static str,
    ) -> Result<StoreCursor, ContractViolation> {
        self.until(rule, |follower| follower.cursor.is_some())
            .await?;
        self.log.clear();
        let cursor = self.cursor.take();
        cursor.ok_or_else(|| violation(rule, &"no cursor"))
    }

    pub(super) async fn until(
        &mut self,
        rule: &'static str,
        is_met: impl Fn(&Self) -> bool,
    ) -> Result<(), ContractViolation> {
        while !is_met(self) {
            match timeout(WAIT, self.receiver.recv()).await {
                Ok(Some(change)) => self.apply(change),
                Ok(None) => {
                    let ended = (&mut self.task).await;
                    return Err(violation(rule, &format!("`follow` ended: {ended:?}")));
                }
                Err(_) => {
                    let found = format!("no change within 15 s after {:?}", self.log.last());
                    return Err(violation(rule, &found));
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, change: StoreChange) {
        let name = |key: &RecordKey| {
            let name = key.as_str().rsplit('"').nth(1);
            name.unwrap_or_default().to_owned()
        };
        match change {
            // The contract is about entries.
            StoreChange::Added(record) if record.is_about_completeness() => {}
            StoreChange::Added(record) if record.is_removal() => {
                self.log.push(format!("-{}", name(&record.key())));
                self.records.remove(&record.key());
            }
            StoreChange::Added(record) => {
                self.log.push(format!("+{}", name(&record.key())));
                self.records.insert(record.key(), record);
            }
            StoreChange::Removed(key) => {
                self.log.push(format!("-{}", name(&key)));
                self.records.remove(&key);
            }
            StoreChange::CaughtUp(cursor) => self.cursor = Some(cursor),
            StoreChange::Heartbeat => self.heartbeats += 1,
            StoreChange::Gap => {
                self.gaps += 1;
                self.records.clear();
            }
            StoreChange::Malformed => self.log.push("malformed".to_owned()),
            StoreChange::Unauthenticated => self.log.push("unauthenticated".to_owned()),
        }
    }
}

impl Drop for ContractFollower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn violation(
    requirement: &'static str,
    found: &dyn std::fmt::Display,
) -> ContractViolation {
    ContractViolation {
        requirement,
        found: found.to_string(),
    }
}

impl std::fmt::Display for ContractViolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the store violates its contract ({}): {}",
            self.requirement, self.found
        )
    }
}

impl std::fmt::Debug for ContractViolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ContractViolation {}
