//! The keys of a remote issuer. They are refreshed, kept during outages, and fetched for an unknown
//! `kid` within a budget.
//!
//! Requests read the current key set. At most, they wait until the [refresh task](refresh) finishes
//! a fetch.

mod allowance;
mod answers;
mod budget;
mod config;
mod current;
mod earlier_attempt;
mod fetch;
mod fetch_counts;
mod fetchers;
mod freshness;
mod history;
mod in_flight;
mod known_clients;
mod lookup;
mod metadata;
mod needed_key;
mod refresh;
mod removed_kids;
mod request;
mod requester;
mod saved;
mod state;
mod unknown_kids;
mod waiting_places;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(crate) use self::allowance::FetchAllowance;
pub(crate) use self::config::{JwksLocation, RefreshConfig, Registration};
use self::current::FetchedKeys;
pub(crate) use self::fetchers::Fetchers;
#[cfg(any(feature = "introspection", feature = "security-events"))]
pub(crate) use self::freshness::retry_after;
pub(crate) use self::in_flight::FetchTicket;
pub(crate) use self::lookup::{IfUndecided, KeyLookup, KeyRequest, KeyWait};
use self::refresh::{TaskGuard, run};
pub use self::saved::SavedKeys;
use self::state::RemoteState;
use super::url::{PlainHttp, is_secure_url};
use super::{FetchError, IssuerStatus, JwksError, VersionedKeySet};
use crate::clock::Clock;
use crate::token::Algorithm;
use crate::util::{Changes, has_timers, lock};

/// The tasks of one issuer that are kept: the active one and the earlier one.
const MAX_TASKS: usize = 2;

/// The keys of one issuer. If it is dropped, its refresh task ends.
pub(crate) struct RemoteKeySet {
    state: Arc<RemoteState>,
    /// The active refresh task is the last. The earlier one may still be in a stopped runtime.
    refresh_tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl RemoteKeySet {
    #[cfg(feature = "security-events")]
    pub(crate) fn fetchers(&self) -> Fetchers {
        self.state.fetchers.clone()
    }

    pub(crate) fn new(
        issuer: Arc<str>,
        endpoint: JwksLocation,
        allowed: Vec<Algorithm>,
        fetchers: Fetchers,
        timing: RefreshConfig,
        clock: Clock,
        changes: Changes,
    ) -> Self {
        let shared = RemoteState::new(issuer, endpoint, allowed, fetchers, timing, clock, changes);
        Self {
            state: Arc::new(shared),
            refresh_tasks: Mutex::default(),
        }
    }

    /// Starts the refresh task if it does not run.
    ///
    /// If the runtime of the earlier task is gone or does not run any more, it starts again in this
    /// runtime. The watchdog limits this to one restart per deadline.
    pub(crate) fn start(&self) -> Result<(), JwksError> {
        let (shared, now) = (&self.state, Instant::now());
        let is_running = |tasks: &[JoinHandle<()>]| {
            let is_active = tasks.last().is_some_and(|task| !task.is_finished());
            is_active && !shared.in_flight.is_stuck(now)
        };
        if is_running(&lock(&self.refresh_tasks)) {
            return Ok(());
        }
        let runtime = Handle::try_current().map_err(|_| JwksError::NoRuntime)?;
        // Without the lock, because the panic hook of the application may run.
        if !has_timers() {
            return Err(JwksError::NoTimers);
        }
        let mut tasks = lock(&self.refresh_tasks);
        // Another thread may have started it meanwhile.
        if is_running(&tasks) {
            return Ok(());
        }
        tasks.retain(|task| !task.is_finished());
        if tasks.len() >= MAX_TASKS {
            tasks.remove(0).abort();
        }
        shared.schedule_resumed(now);
        let task_id = shared.in_flight.replace_task(now);
        tasks.push(runtime.spawn(run(TaskGuard {
            state: Arc::clone(shared),
            task_id,
        })));
        Ok(())
    }

    /// Returns `true` if a token that was verified under `generation` may still be accepted at this
    /// second of the wall clock.
    pub(crate) fn is_current(&self, generation: u64, now: i64) -> bool {
        let holding = &self.state.current;
        generation == holding.generation()
            && (holding.is_before_recheck(now)
                || self
                    .current()
                    .is_some_and(|keys| keys.generation == generation))
    }

    /// Returns the current key set, if its stale limit is not reached. Starts the refresh task if
    /// it does not run.
    pub(crate) fn current(&self) -> Option<Arc<VersionedKeySet>> {
        self.ensure_started();
        self.available()
    }

    /// Returns the current key set without starting the refresh task.
    pub(crate) fn available(&self) -> Option<Arc<VersionedKeySet>> {
        let current = self.state.current.current(Instant::now())?;
        Some(Arc::clone(&current.keys))
    }

    fn ensure_started(&self) {
        if let Err(error) = self.start() {
            self.state.history().last_error.get_or_insert(error.into());
        }
    }

    /// Returns the fetch budget, or `None` if no fetch was made.
    pub(crate) fn allowance(&self) -> Option<FetchAllowance> {
        self.state.allowance()
    }

    pub(crate) fn resume(&self, allowance: FetchAllowance) {
        self.state.resume(allowance);
    }

    /// Returns `true` if a fetch is in flight or was requested, unless its runtime does not run any
    /// more.
    pub(crate) fn is_fetching(&self) -> bool {
        let in_flight = &self.state.in_flight;
        let counts = in_flight.counts();
        let is_pending = counts.requested.max(counts.started) > counts.finished;
        is_pending && !in_flight.is_stuck(Instant::now())
    }

    /// Records that a token of this client was verified.
    pub(crate) fn record_client(&self, client_id: &str) {
        self.ensure_started();
        self.state.known_clients.record(client_id);
    }

    /// Returns the fetch that a request for a missing key waits for, or its response. This is
    /// cheap, so that a flood of invented names stays cheap.
    pub(crate) fn request_key(
        &self,
        lookup: &KeyLookup<'_>,
        current_set: Option<&VersionedKeySet>,
    ) -> KeyRequest {
        self.ensure_started();
        self.state.request_key(lookup, current_set)
    }

    /// Waits until a fetch has ended, or until the request's deadline.
    pub(crate) async fn wait_for_fetch(&self, ticket: FetchTicket, kid: Option<&str>) -> KeyWait {
        let restart = || {
            // The error is in the status, and the wait ends at its deadline.
            let _ = self.start();
        };
        let outcome = self.state.in_flight.wait(&ticket, restart).await;
        let wait = KeyWait { ticket, outcome };
        self.state.record_wait(kid, &wait);
        wait
    }

    /// Waits until keys are available or an attempt has failed.
    pub(crate) async fn wait_for_initial_fetch(&self) -> Result<(), FetchError> {
        self.start()?;
        if self.state.current.current(Instant::now()).is_none() {
            self.state.in_flight.wait_for_any().await;
        }
        if self.state.current.current(Instant::now()).is_some() {
            return Ok(());
        }
        let last_error = self.state.history().last_error.clone();
        Err(last_error.unwrap_or_else(|| JwksError::TimedOut.into()))
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        self.state.status(Instant::now())
    }

    /// Returns the current key set, for the next start.
    pub(crate) fn export(&self) -> Option<SavedKeys> {
        let cached = self.state.current.current(Instant::now())?;
        saved::save(&self.state.issuer, &cached.document)
    }

    pub(crate) fn is_insecure(&self) -> bool {
        self.state.config.plain_http == PlainHttp::Anywhere && !is_secure_url(&self.state.issuer)
    }

    pub(crate) fn max_stale(&self) -> Duration {
        self.state.config.max_stale
    }

    /// Stores a saved set if its stale limit is not reached. Its age counts from its fetch time.
    /// [`report`](Self::report) sets the metrics afterwards.
    pub(crate) fn restore(&self, saved: &SavedKeys) {
        let (shared, now) = (&self.state, Instant::now());
        let Some((set, origin, age)) = saved::read(
            saved,
            shared.key_set_scope(),
            &shared.config,
            shared.wall_now(),
            now,
        ) else {
            return;
        };
        // If there are several, use the newest.
        if shared
            .current
            .current(now)
            .is_none_or(|cached| cached.document.fetched_at < origin.fetched_at)
        {
            shared.store_keys(FetchedKeys::Modified(set), origin, age, now);
        }
    }

    /// Sets the metrics of the current key set, if there is one.
    pub(crate) fn report(&self) {
        self.state.report_keys(Instant::now());
    }

    /// Copies the state of another configuration of the same issuer.
    pub(crate) fn inherit_from(&self, other: &Self) {
        self.state.inherit_from(&other.state);
    }
}

impl Drop for RemoteKeySet {
    fn drop(&mut self) {
        for task in lock(&self.refresh_tasks).drain(..) {
            task.abort();
        }
    }
}

impl std::fmt::Debug for RemoteKeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteKeySet")
            .field("issuer", &self.state.issuer)
            .finish_non_exhaustive()
    }
}
