//! The tasks of a replication. They end with the last verifier that uses the list (rule 199).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::replication::{LoadState, Replication};
use super::{follower, writer};
use crate::telemetry::metrics;
use crate::util::{has_timers, lock};

/// A task without a sign of life for this long is in a runtime that does not run.
const STUCK_AFTER: Duration = Duration::from_secs(15);

/// The tasks of a replicated denylist. Each verifier that uses the list has a handle.
pub(crate) struct ReplicationTasks {
    replication: Arc<Replication>,
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl ReplicationTasks {
    pub(super) fn new(replication: Arc<Replication>) -> Self {
        Self {
            replication,
            running: Mutex::default(),
        }
    }

    /// Starts the tasks if they do not run. If their runtime is gone, or does not run any more,
    /// they start again in this runtime. Without a runtime it does nothing.
    pub(crate) fn start(&self) {
        if self.are_running(&lock(&self.running)) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if !has_timers() {
            return;
        }
        // Without the lock, because a recorder may use the list.
        metrics::denylist_started();
        metrics::denylist_pending_writes(self.replication.writes.pending());
        self.replication.report_state();
        let mut running = lock(&self.running);
        // Another thread may have started them meanwhile.
        if self.are_running(&running) {
            return;
        }
        for earlier in running.drain(..) {
            earlier.abort();
        }
        self.replication.show_sign_of_life();
        // A failure of earlier tasks says nothing about the next attempt.
        self.replication.load_state.send_if_modified(|state| {
            let has_failed = matches!(state, LoadState::Failed(_));
            if has_failed {
                *state = LoadState::NotLoaded;
            }
            has_failed
        });
        let replication = || Arc::clone(&self.replication);
        running.push(runtime.spawn(follower::run(replication())));
        running.push(runtime.spawn(writer::run(replication())));
    }

    fn are_running(&self, tasks: &[JoinHandle<()>]) -> bool {
        let is_running = !tasks.is_empty() && tasks.iter().all(|task| !task.is_finished());
        let is_stuck = || {
            let since = self.replication.last_sign_of_life();
            since.is_none_or(|since| since.elapsed() > STUCK_AFTER)
        };
        is_running && !is_stuck()
    }

    /// Waits until the list was loaded.
    ///
    /// # Errors
    ///
    /// Returns the message of the store if an attempt failed before.
    pub(crate) async fn wait_for_load(&self) -> Result<(), String> {
        self.start();
        if lock(&self.running).is_empty() {
            return Err("there is no Tokio runtime with timers".to_owned());
        }
        let mut state = self.replication.load_state.subscribe();
        let ended = state
            .wait_for(|state| !matches!(state, LoadState::NotLoaded))
            .await;
        match ended.as_deref() {
            Ok(LoadState::Failed(message)) => Err(message.to_string()),
            Ok(LoadState::Loaded | LoadState::NotLoaded) | Err(_) => Ok(()),
        }
    }
}

impl Drop for ReplicationTasks {
    fn drop(&mut self) {
        for task in lock(&self.running).drain(..) {
            task.abort();
        }
    }
}

impl std::fmt::Debug for ReplicationTasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplicationTasks").finish_non_exhaustive()
    }
}
