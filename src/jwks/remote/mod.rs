//! An issuer's keys, kept fresh: refreshed ahead of their end, kept through outages up to a ceiling, fetched out of turn
//! for an unknown `kid` within a budget, one fetch at a time.
//!
//! Requests look at what is held and, at most, wait for the [driver](refresh) to finish a flight.

mod budget;
mod clients;
mod config;
mod current;
mod fetch;
mod freshness;
mod history;
mod http;
mod in_flight;
mod refresh;
mod saved;
mod state;
mod unknown_kids;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(crate) use self::clients::HttpClients;
pub(crate) use self::config::{JwksLocation, KeyLookup, RefreshConfig};
use self::current::{CachedKeySet, FetchedKeys};
pub use self::http::FetchFuture;
pub(crate) use self::http::{Fetcher, HttpSettings, Proxy};
pub(crate) use self::in_flight::FetchTicket;
use self::in_flight::{FetchOutcome, Joined};
use self::refresh::{TaskGuard, run};
pub use self::saved::SavedKeys;
use self::state::{RemoteState, lock};
use super::{IssuerStatus, JwksError, VersionedKeySet};
use crate::clock::Clock;
use crate::token::Algorithm;

/// The keys of one issuer. Dropping it ends the driver.
pub(crate) struct RemoteKeySet {
    state: Arc<RemoteState>,
    refresh_task: Mutex<Option<JoinHandle<()>>>,
}

impl RemoteKeySet {
    pub(crate) fn new(
        issuer: Arc<str>,
        endpoint: JwksLocation,
        allowed: Vec<Algorithm>,
        fetcher: Fetcher,
        timing: RefreshConfig,
        clock: Clock,
    ) -> Self {
        let shared = RemoteState::new(issuer, endpoint, allowed, fetcher, timing, clock);
        Self {
            state: Arc::new(shared),
            refresh_task: Mutex::new(None),
        }
    }

    /// Sees to it that the driver runs. It starts again in this runtime when the one that it ran in is gone, or is not run
    /// any more.
    pub(crate) fn start(&self) -> Result<(), JwksError> {
        let shared = &self.state;
        let mut task = lock(&self.refresh_task);
        if task.as_ref().is_some_and(|task| !task.is_finished())
            && !shared.in_flight.is_stuck(Instant::now())
        {
            return Ok(());
        }
        let runtime = Handle::try_current().map_err(|_| JwksError::NoRuntime)?;
        let task_id = shared.active_task.fetch_add(1, Ordering::AcqRel) + 1;
        if let Some(previous) = task.take() {
            previous.abort();
            shared.in_flight.abort_all();
        }
        *task = Some(runtime.spawn(run(TaskGuard {
            state: Arc::clone(shared),
            task_id,
        })));
        Ok(())
    }

    /// Whether a token that was verified under `generation` may still pass at this second of the wall clock.
    pub(crate) fn is_current(&self, generation: u64, now: i64) -> bool {
        let holding = &self.state.current;
        generation == holding.generation()
            && (holding.is_before_recheck(now)
                || self
                    .current()
                    .is_some_and(|keys| keys.generation == generation))
    }

    /// The set in use, never past its ceiling. Sees to it that the driver runs.
    pub(crate) fn current(&self) -> Option<Arc<VersionedKeySet>> {
        if let Err(error) = self.start() {
            self.state.history().last_error.get_or_insert(error);
        }
        Some(Arc::clone(
            &self.state.current.current(Instant::now())?.keys,
        ))
    }

    /// Notes that a token of this client was verified.
    pub(crate) fn record_client(&self, client_id: &str) {
        self.state.known_clients.record(client_id);
    }

    /// Whether the set in use has no key of this name, and a fetch a moment ago brought none.
    pub(crate) fn is_known_missing(&self, kid: &str) -> bool {
        let shared = &self.state;
        !shared.unknown_kids.is_empty()
            && shared
                .unknown_kids
                .contains(kid, shared.current.generation(), Instant::now())
            && self.current().is_some()
    }

    /// Whether waiting could bring the key that a token asks for, which is not in `current_set`: cheap, so that a
    /// flood of invented names stays cheap. What is given is to be waited for with [`wait_for_fetch`](Self::wait_for_fetch).
    pub(crate) fn request_key(
        &self,
        lookup: KeyLookup<'_>,
        current_set: Option<&VersionedKeySet>,
    ) -> Option<FetchTicket> {
        let (shared, now) = (&self.state, Instant::now());
        match (current_set, lookup.kid) {
            (None, _) => shared
                .in_flight
                .join_initial(now, shared.config.initial_keys_timeout),
            (Some(_), None) => None,
            (Some(set), Some(kid)) if shared.unknown_kids.contains(kid, set.generation, now) => {
                None
            }
            (Some(_), Some(_)) => {
                shared.join_or_request_fetch(shared.known_clients.classify(lookup.client_id), now)
            }
        }
    }

    /// Waits until a flight has ended, or its deadline; boards a second one where the first began before it was asked for
    /// and so may have missed the key.
    pub(crate) async fn wait_for_fetch(&self, ticket: FetchTicket, kid: Option<&str>) {
        let shared = &self.state;
        let mut outcome = shared.in_flight.wait(ticket).await;
        let missing = |kid: &&str| {
            shared
                .current
                .current(Instant::now())
                .is_some_and(|cached| !cached.keys.set.contains_kid(Some(kid)))
        };
        let Some(kid) = kid.filter(missing) else {
            return;
        };
        if ticket.joined == Joined::InProgress && outcome != FetchOutcome::NotAwaited {
            let Some(next) = shared.join_or_request_fetch(ticket.requester, Instant::now()) else {
                return;
            };
            outcome = shared.in_flight.wait(next).await;
        }
        // Only an answer that came says that the issuer has no such key.
        if outcome == FetchOutcome::Succeeded
            && let Some(cached) = shared.current.current(Instant::now())
            && !cached.keys.set.contains_kid(Some(kid))
        {
            shared
                .unknown_kids
                .insert(kid, cached.keys.generation, Instant::now());
        }
    }

    /// Waits until a set is held or a try has failed.
    pub(crate) async fn wait_for_initial_fetch(&self) -> Result<(), JwksError> {
        self.start()?;
        if self.state.current.current(Instant::now()).is_none() {
            self.state.in_flight.wait_for_any().await;
        }
        match self.state.current.current(Instant::now()) {
            Some(_) => Ok(()),
            None => Err(self
                .state
                .history()
                .last_error
                .unwrap_or(JwksError::TimedOut)),
        }
    }

    /// How long until keys may be there, for a 503's `Retry-After`.
    pub(crate) fn retry_after(&self) -> Duration {
        let next = self.state.in_flight.next();
        next.map_or(Duration::ZERO, |next| {
            next.saturating_duration_since(Instant::now())
        })
        .max(Duration::from_secs(1))
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        let shared = &self.state;
        let now = Instant::now();
        let cached = shared.current.current(now);
        let history = shared.history();
        let after = |span: fn(&CachedKeySet) -> Duration| {
            cached
                .as_deref()
                .and_then(|lease| lease.document.fetched_at.checked_add(span(lease)))
        };
        let max_stale = shared.config.max_stale;
        IssuerStatus {
            issuer: shared.issuer.to_string(),
            keys: cached
                .iter()
                .flat_map(|lease| lease.keys.set.keys())
                .collect(),
            unusable_keys: cached
                .as_deref()
                .map(|lease| lease.keys.set.unusable_keys().to_vec())
                .unwrap_or_default(),
            fetched_at: after(|_| Duration::ZERO),
            fresh_until: after(|lease| lease.document.lifetime),
            usable_until: after(|lease| lease.document.lifetime)
                .and_then(|end| end.checked_add(max_stale)),
            is_stale: cached
                .as_deref()
                .is_some_and(|lease| now >= lease.fresh_until),
            last_error: history.last_error,
            fetches: history.fetches.clone(),
        }
    }

    /// The set in use, to be given back at the next start.
    pub(crate) fn export(&self) -> Option<SavedKeys> {
        let cached = self.state.current.current(Instant::now())?;
        saved::save(&self.state.issuer, &cached.document)
    }

    pub(crate) fn max_stale(&self) -> Duration {
        self.state.config.max_stale
    }

    /// Takes a saved set into use if it is not past its ceiling: its age counts from when it was fetched.
    pub(crate) fn restore(&self, saved: &SavedKeys) {
        let (shared, now) = (&self.state, Instant::now());
        let Some((set, origin, age)) = saved::read(
            saved,
            shared.key_set_scope(),
            &shared.config,
            shared.wall_now(),
        ) else {
            return;
        };
        // Of several the youngest.
        if shared
            .current
            .current(now)
            .is_none_or(|cached| cached.document.fetched_at < origin.fetched_at)
        {
            shared.store_keys(FetchedKeys::Modified(set), origin, age, now);
        }
    }

    /// Takes over the set that another holds for the same issuer, from the same place, for the same algorithms, and its
    /// time-table: settings that change drop no good set.
    pub(crate) fn inherit_from(&self, other: &Self) {
        let (shared, other) = (&self.state, &other.state);
        if shared.issuer == other.issuer
            && shared.location == other.location
            && shared.allowed_algorithms == other.allowed_algorithms
        {
            shared.current.inherit_from(&other.current);
            if shared.config.cooldown == other.config.cooldown {
                let budget = lock(&other.budget).clone();
                *lock(&shared.budget) = budget;
            }
            if let Some(next) = other.in_flight.next() {
                shared.in_flight.schedule(next);
            }
        }
    }
}

impl Drop for RemoteKeySet {
    fn drop(&mut self) {
        if let Some(driver) = lock(&self.refresh_task).take() {
            driver.abort();
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
