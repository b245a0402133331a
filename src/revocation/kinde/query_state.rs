//! What is known about the organizations, and which queries run: the state under the lock of
//! [`OrganizationStatuses`](super::statuses::OrganizationStatuses).

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::lookup::{CachedStatus, Outcome};
use super::pauses::Pauses;
use super::query_error::QueryError;

/// The largest number of organizations whose status is cached.
const MAX_ORGANIZATIONS: usize = 10_000;
/// The largest number of queries at a time.
const MAX_QUERIES: usize = 64;

#[derive(Default)]
pub(super) struct QueryState {
    pub(super) entries: HashMap<Box<str>, Entry>,
    queries: usize,
    pub(super) pauses: Pauses,
    pub(super) reported_at: Option<Instant>,
}

#[derive(Default)]
pub(super) struct Entry {
    pub(super) cached: Option<CachedStatus>,
    pub(super) query: Option<RunningQuery>,
    pub(super) paused_until: Option<Instant>,
}

pub(super) struct RunningQuery {
    outcome: watch::Receiver<Option<Outcome>>,
    /// The organization changed since the query began, so its result is not used.
    pub(super) is_outdated: bool,
}

/// The query about an organization.
pub(super) struct ReservedQuery {
    pub(super) outcome: watch::Receiver<Option<Outcome>>,
    /// `None` if the query runs already. Otherwise the caller makes it.
    pub(super) sender: Option<watch::Sender<Option<Outcome>>>,
}

impl QueryState {
    pub(super) fn cached(&self, organization: &str) -> Option<CachedStatus> {
        self.entries.get(organization)?.cached
    }

    /// Returns the query that runs, or reserves the place of a new one. A result is cached for as
    /// long as it is `usable`.
    pub(super) fn reserve_query(
        &mut self,
        organization: &str,
        usable: Duration,
        now: Instant,
    ) -> Result<ReservedQuery, QueryError> {
        if let Some(entry) = self.entries.get(organization) {
            if let Some(query) = &entry.query {
                return Ok(ReservedQuery {
                    outcome: query.outcome.clone(),
                    sender: None,
                });
            }
            if entry.paused_until.is_some_and(|until| now < until) {
                return Err(QueryError::Paused);
            }
        }
        if self.pauses.are_all_paused(now) {
            return Err(QueryError::Paused);
        }
        if self.queries >= MAX_QUERIES {
            return Err(QueryError::Busy);
        }
        if !self.entries.contains_key(organization) {
            self.make_space(usable, now);
        }
        let (sender, outcome) = watch::channel(None);
        let entry = self.entries.entry(organization.into()).or_default();
        entry.query = Some(RunningQuery {
            outcome: outcome.clone(),
            is_outdated: false,
        });
        self.queries += 1;
        Ok(ReservedQuery {
            outcome,
            sender: Some(sender),
        })
    }

    /// Frees the place of a query, and returns the entry of its organization.
    pub(super) fn end_query(&mut self, organization: &str) -> &mut Entry {
        self.queries = self.queries.saturating_sub(1);
        let entry = self.entries.entry(organization.into()).or_default();
        entry.query = None;
        entry
    }

    /// Evicts results that are too old, or else the oldest result.
    fn make_space(&mut self, usable: Duration, now: Instant) {
        if self.entries.len() < MAX_ORGANIZATIONS {
            return;
        }
        self.entries.retain(|_, entry| {
            let is_usable = |cached: CachedStatus| now < cached.at + usable;
            entry.query.is_some() || entry.cached.is_some_and(is_usable)
        });
        if self.entries.len() < MAX_ORGANIZATIONS {
            return;
        }
        let idle = self.entries.iter().filter(|(_, it)| it.query.is_none());
        let oldest = idle.min_by_key(|(_, entry)| entry.cached.map(|cached| cached.at));
        if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
            self.entries.remove(&oldest);
        }
    }
}
