//! The statuses of organizations: bounded, fresh for a time, and one query per organization.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::lookup::{CachedStatus, Outcome, StatusLookup};
use super::pauses::Pauses;
use super::query::{OrganizationApi, OrganizationStatus};
use super::query_error::{QueryError, QueryFailure};
use crate::telemetry::{event_delivery, metrics};
use crate::util::{has_timers, lock};

/// The largest number of organizations whose status is cached.
const MAX_ORGANIZATIONS: usize = 10_000;
/// The largest number of queries at a time.
const MAX_QUERIES: usize = 64;
/// How often failures are reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// How long a result is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusTiming {
    pub(super) time_to_live: Duration,
    pub(super) max_stale: Duration,
}

/// The cached statuses and the queries in progress.
pub(super) struct OrganizationStatuses {
    pub(super) api: OrganizationApi,
    timing: StatusTiming,
    state: Mutex<QueryState>,
}

#[derive(Default)]
struct QueryState {
    entries: HashMap<Box<str>, Entry>,
    queries: usize,
    pauses: Pauses,
    reported_at: Option<Instant>,
}

#[derive(Default)]
struct Entry {
    cached: Option<CachedStatus>,
    query: Option<RunningQuery>,
    paused_until: Option<Instant>,
}

struct RunningQuery {
    outcome: watch::Receiver<Option<Outcome>>,
    /// The organization changed since the query began, so its result is not used.
    is_outdated: bool,
}

impl OrganizationStatuses {
    pub(super) fn new(api: OrganizationApi, timing: StatusTiming) -> Self {
        Self {
            api,
            timing,
            state: Mutex::default(),
        }
    }

    /// Returns the status, or a query to wait for.
    pub(super) fn lookup(self: &Arc<Self>, organization: &str, now: Instant) -> StatusLookup {
        let mut locked = lock(&self.state);
        let cached = locked.entries.get(organization).and_then(|it| it.cached);
        let age = cached.map(|cached| now.saturating_duration_since(cached.at));
        let (fresh, usable) = (
            self.timing.time_to_live,
            self.timing.time_to_live + self.timing.max_stale,
        );
        let current = cached.map(|cached| cached.status);
        match (current, age) {
            (Some(status), Some(age)) if age < fresh => {
                if age >= fresh.mul_f64(0.8) {
                    let _ = self.begin_query(&mut locked, organization, now);
                }
                self.count("hit");
                StatusLookup::Known(status)
            }
            (current, age) => {
                let stale = current.filter(|_| age.is_some_and(|age| age < usable));
                match (self.begin_query(&mut locked, organization, now), stale) {
                    (Ok(outcome), stale) => {
                        self.count("miss");
                        StatusLookup::Wait { outcome, stale }
                    }
                    (Err(_), Some(stale)) => {
                        self.count("stale");
                        StatusLookup::Known(stale)
                    }
                    (Err(error), None) => {
                        self.count(error.code());
                        StatusLookup::Unknown(error)
                    }
                }
            }
        }
    }

    /// Drops the result about an organization and queries again. A known suspension is used until
    /// the query succeeds, as long as any result that is not fresh. A query in progress is
    /// repeated, because it can have read the status before the change. A pause stays.
    pub(super) fn invalidate(self: &Arc<Self>, organization: &str, now: Instant) {
        let mut state = lock(&self.state);
        let Some(entry) = state.entries.get_mut(organization) else {
            return;
        };
        let kept = |cached: CachedStatus| cached.after_change(self.timing.time_to_live, now);
        entry.cached = entry.cached.and_then(kept);
        if let Some(query) = &mut entry.query {
            query.is_outdated = true;
        } else {
            // If no query can begin now, the next caller begins it.
            let _ = self.begin_query(&mut state, organization, now);
        }
    }

    fn begin_query(
        self: &Arc<Self>,
        state: &mut QueryState,
        organization: &str,
        now: Instant,
    ) -> Result<watch::Receiver<Option<Outcome>>, QueryError> {
        if let Some(entry) = state.entries.get(organization) {
            if let Some(query) = &entry.query {
                return Ok(query.outcome.clone());
            }
            if entry.paused_until.is_some_and(|until| now < until) {
                return Err(QueryError::Paused);
            }
        }
        if state.pauses.are_all_paused(now) {
            return Err(QueryError::Paused);
        }
        if state.queries >= MAX_QUERIES {
            return Err(QueryError::Busy);
        }
        let runtime = Handle::try_current().map_err(|_| QueryError::NoResponse)?;
        if !has_timers() {
            return Err(QueryError::NoResponse);
        }
        if !state.entries.contains_key(organization) {
            self.make_space(state, now);
        }
        let (sender, outcome) = watch::channel(None);
        let entry = state.entries.entry(organization.into()).or_default();
        entry.query = Some(RunningQuery {
            outcome: outcome.clone(),
            is_outdated: false,
        });
        state.queries += 1;
        let guard = QueryGuard {
            statuses: Arc::clone(self),
            organization: organization.into(),
            stage: QueryStage::Running,
        };
        // A task of its own continues if the caller disconnects.
        runtime.spawn(guard.run(sender));
        Ok(outcome)
    }

    /// Evicts results that are too old, or else the oldest result.
    fn make_space(&self, state: &mut QueryState, now: Instant) {
        if state.entries.len() < MAX_ORGANIZATIONS {
            return;
        }
        let usable = self.timing.time_to_live + self.timing.max_stale;
        state.entries.retain(|_, entry| {
            let is_usable = |cached: CachedStatus| now < cached.at + usable;
            entry.query.is_some() || entry.cached.is_some_and(is_usable)
        });
        if state.entries.len() < MAX_ORGANIZATIONS {
            return;
        }
        let idle = state.entries.iter().filter(|(_, it)| it.query.is_none());
        let oldest = idle.min_by_key(|(_, entry)| entry.cached.map(|cached| cached.at));
        if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
            state.entries.remove(&oldest);
        }
    }

    /// Queries Kinde, unless all queries were paused while this one waited for its access token.
    async fn query(&self, organization: &str) -> Result<OrganizationStatus, QueryFailure> {
        let deadline = Instant::now() + self.api.timeout;
        let authorization = self.api.authorization(deadline).await?;
        if lock(&self.state).pauses.are_all_paused(Instant::now()) {
            return Err(QueryError::Paused.into());
        }
        self.api
            .status(organization, &authorization, deadline)
            .await
    }

    /// Stores the outcome of a query that began at this time. Returns `None` if the query must be
    /// repeated: if it succeeded and the organization changed meanwhile. If it failed, the pause
    /// comes first, and the next caller begins another query.
    fn finish(
        &self,
        organization: &str,
        began_at: Instant,
        result: Result<OrganizationStatus, QueryFailure>,
    ) -> Option<Outcome> {
        let now = Instant::now();
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let entry = state.entries.entry(organization.into()).or_default();
        let query = entry.query.as_mut();
        let is_outdated = query.is_some_and(|query| std::mem::take(&mut query.is_outdated));
        let result = match result {
            Ok(_) if is_outdated && !state.pauses.are_all_paused(now) => return None,
            Ok(_) if is_outdated => Err(QueryError::Paused.into()),
            result => result,
        };
        entry.query = None;
        state.queries = state.queries.saturating_sub(1);
        let failure = match result {
            Ok(status) => {
                state.pauses.succeeded();
                entry.cached = Some(CachedStatus {
                    status,
                    at: began_at,
                });
                return Some(Ok(status));
            }
            Err(failure) => failure,
        };
        let is_made = failure.error != QueryError::Paused;
        if is_made {
            let until = state.pauses.failed(organization, &failure, now);
            entry.paused_until = entry.paused_until.max(Some(until));
        }
        let is_due = |at: Instant| now.saturating_duration_since(at) >= REPORT_INTERVAL;
        let is_reported = is_made && state.reported_at.is_none_or(is_due);
        if is_reported {
            state.reported_at = Some(now);
        }
        drop(guard);
        if is_reported {
            event_delivery::organization_query_failed(&self.api.issuer, &failure.error);
        }
        Some(Err(failure.error))
    }

    fn count(&self, result: &'static str) {
        metrics::organization_lookup(&self.api.issuer, result);
    }
}

/// A query in progress. If its task is dropped, for example with its runtime, the next caller can
/// begin another one.
struct QueryGuard {
    statuses: Arc<OrganizationStatuses>,
    organization: Box<str>,
    stage: QueryStage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum QueryStage {
    Running,
    Finished,
}

impl QueryGuard {
    async fn run(mut self, sender: watch::Sender<Option<Outcome>>) {
        loop {
            let began_at = Instant::now();
            let result = self.statuses.query(&self.organization).await;
            if let Some(outcome) = self.statuses.finish(&self.organization, began_at, result) {
                self.stage = QueryStage::Finished;
                let _ = sender.send(Some(outcome));
                return;
            }
        }
    }
}

impl Drop for QueryGuard {
    fn drop(&mut self) {
        if self.stage == QueryStage::Finished {
            return;
        }
        let mut state = lock(&self.statuses.state);
        state.queries = state.queries.saturating_sub(1);
        if let Some(entry) = state.entries.get_mut(&self.organization) {
            entry.query = None;
        }
    }
}
