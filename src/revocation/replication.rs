//! The replication of a denylist: the data that its handles and its tasks share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::freshness::LastData;
use super::list::EntryList;
use super::store::StoreHandle;
use super::writes::Writes;
use crate::telemetry::metrics;
use crate::util::{Jitter, lock};

/// The pauses after failures.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The task that follows the store does something at least this often.
pub(super) const TICK: Duration = Duration::from_secs(5);

pub(super) struct Replication {
    pub(super) list: Arc<EntryList>,
    pub(super) store: StoreHandle,
    pub(super) last_data: LastData,
    pub(super) writes: Writes,
    pub(super) history: Mutex<History>,
    pub(super) load_state: watch::Sender<LoadState>,
    pub(super) requests: Requests,
    pub(super) jitter: Jitter,
    /// When the task that follows the store ran last.
    last_sign_of_life: Mutex<Option<Instant>>,
}

/// The progress of the first load.
#[derive(Clone, Debug)]
pub(super) enum LoadState {
    NotLoaded,
    /// An attempt failed, with this message.
    Failed(Arc<str>),
    Loaded,
}

/// The past of a replication, for its status.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) loads: u64,
    pub(super) gaps: u64,
    pub(super) malformed: u64,
    pub(super) unauthenticated: u64,
    pub(super) unknown: u64,
    pub(super) is_incomplete: bool,
    pub(super) is_emptying: bool,
    pub(super) last_error: Option<Arc<str>>,
}

/// What the task that follows the store is requested to do.
#[derive(Default)]
pub(super) struct Requests {
    requested: Mutex<Requested>,
    wake: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Requested {
    pub(super) reload: bool,
    pub(super) confirm_empty: bool,
}

impl Requests {
    pub(super) fn reload(&self) {
        lock(&self.requested).reload = true;
        self.wake.notify_one();
    }

    pub(super) fn confirm_empty(&self) {
        lock(&self.requested).confirm_empty = true;
        self.wake.notify_one();
    }

    /// Waits for a request.
    pub(super) async fn next(&self) -> Requested {
        loop {
            let requested = std::mem::take(&mut *lock(&self.requested));
            if requested.reload || requested.confirm_empty {
                return requested;
            }
            self.wake.notified().await;
        }
    }
}

impl Replication {
    pub(super) fn new(list: Arc<EntryList>, store: StoreHandle) -> Arc<Self> {
        let writes = Writes::new(list.limits.entries);
        Arc::new(Self {
            list,
            store,
            last_data: LastData::new(),
            writes,
            history: Mutex::default(),
            load_state: watch::Sender::new(LoadState::NotLoaded),
            requests: Requests::default(),
            jitter: Jitter::new(None),
            last_sign_of_life: Mutex::default(),
        })
    }

    /// Records that the task that follows the store runs.
    pub(super) fn show_sign_of_life(&self) {
        *lock(&self.last_sign_of_life) = Some(Instant::now());
    }

    pub(super) fn last_sign_of_life(&self) -> Option<Instant> {
        *lock(&self.last_sign_of_life)
    }

    /// Records a failure for the status, and for those who wait for the first load.
    pub(super) fn record_failure(&self, message: Arc<str>) {
        lock(&self.history).last_error = Some(Arc::clone(&message));
        self.set_load_state(LoadState::Failed(message));
    }

    /// Sets the progress of the first load. A list that was loaded once stays loaded.
    pub(super) fn set_load_state(&self, state: LoadState) {
        self.load_state.send_if_modified(|current| {
            let is_loaded = matches!(current, LoadState::Loaded);
            if !is_loaded {
                *current = state;
            }
            !is_loaded
        });
    }

    /// Sets the metrics that describe the list.
    pub(super) fn report_state(&self) {
        let is_usable = self.last_data.freshness().is_usable();
        let is_emptying = lock(&self.history).is_emptying;
        metrics::denylist_state(self.list.len(), is_usable, is_emptying);
    }

    /// Records that an entry of the store did not fit into the list.
    pub(super) fn report_full(&self) {
        let was_incomplete = std::mem::replace(&mut lock(&self.history).is_incomplete, true);
        if !was_incomplete {
            crate::telemetry::events::denylist_full(self.list.limits.entries);
        }
        metrics::denylist_record_ignored("full");
    }
}
