//! The statuses of organizations: bounded, fresh for a time, and one query per organization.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::lookup::{CachedStatus, Outcome, StatusLookup};
use super::query::{OrganizationApi, OrganizationStatus};
use super::query_error::{QueryError, QueryFailure};
use super::query_state::QueryState;
use crate::telemetry::{event_delivery, metrics};
use crate::util::{has_timers, lock};

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
        let fresh = self.timing.time_to_live;
        let age = |cached: CachedStatus| now.saturating_duration_since(cached.at);
        let (cached, query) = {
            let mut state = lock(&self.state);
            let cached = state.cached(organization);
            let is_due = cached.is_none_or(|cached| age(cached) >= fresh.mul_f64(0.8));
            let query = is_due.then(|| self.reserve(&mut state, organization, now));
            (cached, query)
        };
        // The lock is free again: what follows runs code of the application.
        let query = query.map(|reserved| reserved.and_then(PendingQuery::start));
        let current = cached.filter(|cached| age(*cached) < fresh);
        let stale = cached.filter(|cached| age(*cached) < self.usable_for());
        let (result, lookup) = match (current, query, stale) {
            (Some(current), _, _) => ("hit", StatusLookup::Known(current.status)),
            (None, Some(Ok(outcome)), stale) => {
                let stale = stale.map(|stale| stale.status);
                ("miss", StatusLookup::Wait { outcome, stale })
            }
            (None, _, Some(stale)) => ("stale", StatusLookup::Known(stale.status)),
            (None, query, None) => {
                let error = query
                    .and_then(Result::err)
                    .unwrap_or(QueryError::NoResponse);
                (error.code(), StatusLookup::Unknown(error))
            }
        };
        metrics::organization_lookup(&self.api.issuer, result);
        lookup
    }

    /// Drops the result about an organization and queries again. A known suspension is used until
    /// the query succeeds, as long as any result that is not fresh. A query in progress is
    /// repeated, because it can have read the status before the change. A pause stays.
    pub(super) fn invalidate(self: &Arc<Self>, organization: &str, now: Instant) {
        let query = {
            let mut state = lock(&self.state);
            let Some(entry) = state.entries.get_mut(organization) else {
                return;
            };
            let kept = |cached: CachedStatus| cached.after_change(self.timing.time_to_live, now);
            entry.cached = entry.cached.and_then(kept);
            if let Some(query) = &mut entry.query {
                query.is_outdated = true;
                return;
            }
            self.reserve(&mut state, organization, now)
        };
        // If no query can begin now, the next caller begins it.
        let _ = query.and_then(PendingQuery::start);
    }

    /// Returns how long a result may be used.
    fn usable_for(&self) -> Duration {
        self.timing.time_to_live + self.timing.max_stale
    }

    /// Returns the query about an organization. The caller starts it when the lock is free again.
    fn reserve(
        self: &Arc<Self>,
        state: &mut QueryState,
        organization: &str,
        now: Instant,
    ) -> Result<PendingQuery, QueryError> {
        let reserved = state.reserve_query(organization, self.usable_for(), now)?;
        let begin = reserved.sender.map(|sender| {
            let guard = QueryGuard {
                statuses: Arc::clone(self),
                organization: organization.into(),
                stage: QueryStage::Running,
            };
            (guard, sender)
        });
        Ok(PendingQuery {
            outcome: reserved.outcome,
            begin,
        })
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
        let entry = state.end_query(organization);
        let failure = match result {
            Ok(status) => {
                entry.cached = Some(CachedStatus {
                    status,
                    at: began_at,
                });
                state.pauses.succeeded();
                return Some(Ok(status));
            }
            Err(failure) => failure,
        };
        let is_made = failure.error != QueryError::Paused;
        if is_made {
            let until = state.pauses.failed(organization, &failure, now);
            let entry = state.entries.entry(organization.into()).or_default();
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
}

/// A query that runs, or that begins.
#[must_use = "a query that is not started has reserved a place"]
struct PendingQuery {
    outcome: watch::Receiver<Option<Outcome>>,
    begin: Option<(QueryGuard, watch::Sender<Option<Outcome>>)>,
}

impl PendingQuery {
    /// Begins the query, if it does not run. The lock must be free: a runtime that was shut down
    /// drops the task at once, and so its guard.
    fn start(self) -> Result<watch::Receiver<Option<Outcome>>, QueryError> {
        if let Some((guard, sender)) = self.begin {
            let runtime = Handle::try_current().ok().filter(|_| has_timers());
            // A task of its own continues if the caller disconnects.
            runtime
                .ok_or(QueryError::NoResponse)?
                .spawn(guard.run(sender));
        }
        Ok(self.outcome)
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
        lock(&self.statuses.state).end_query(&self.organization);
    }
}
