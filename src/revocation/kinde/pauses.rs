//! The pauses after failed queries: for one organization, or for all.

use std::time::Duration;

use tokio::time::Instant;

use super::query_error::{FailureReach, QueryError, QueryFailure};

/// How long no query is made after one failed.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that Kinde can request.
const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);
/// If Kinde denies access to this many organizations in a row, it rejects the client. One or two
/// organizations that Kinde does not know do not pause the queries about the others.
const MAX_FORBIDDEN: usize = 3;

/// The pause of all queries, and its signs.
#[derive(Default)]
pub(super) struct Pauses {
    /// Until when no query about any organization is made.
    until: Option<Instant>,
    /// The organizations that Kinde denied access to since the last query that succeeded.
    forbidden: Vec<Box<str>>,
}

impl Pauses {
    pub(super) fn are_all_paused(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    pub(super) fn succeeded(&mut self) {
        self.forbidden.clear();
    }

    /// Records a failure. Returns until when no query about this organization is made.
    pub(super) fn failed(
        &mut self,
        organization: &str,
        failure: &QueryFailure,
        now: Instant,
    ) -> Instant {
        let requested = failure.retry_after.unwrap_or(PAUSE);
        let until = now + requested.clamp(PAUSE, MAX_PAUSE);
        if failure.reach == FailureReach::All || self.is_client_forbidden(organization, failure) {
            // The response to a query that was sent earlier does not shorten a pause.
            self.until = self.until.max(Some(until));
        }
        until
    }

    fn is_client_forbidden(&mut self, organization: &str, failure: &QueryFailure) -> bool {
        if failure.error != QueryError::Forbidden {
            return false;
        }
        let is_known = self
            .forbidden
            .iter()
            .any(|earlier| **earlier == *organization);
        if !is_known && self.forbidden.len() < MAX_FORBIDDEN {
            self.forbidden.push(organization.into());
        }
        self.forbidden.len() == MAX_FORBIDDEN
    }
}
