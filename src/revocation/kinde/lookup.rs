//! What is known about an organization, and the wait for a query.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::query::OrganizationStatus;
use super::query_error::QueryError;

/// The outcome of a query.
pub(super) type Outcome = Result<OrganizationStatus, QueryError>;

/// The result of a query.
#[derive(Clone, Copy)]
pub(super) struct CachedStatus {
    pub(super) status: OrganizationStatus,
    /// When the query began.
    pub(super) at: Instant,
}

impl CachedStatus {
    /// Returns what is kept after the organization changed: a suspension, which is no longer fresh.
    pub(super) fn after_change(self, time_to_live: Duration, now: Instant) -> Option<Self> {
        let no_longer_fresh = now.checked_sub(time_to_live)?;
        (self.status == OrganizationStatus::Suspended).then_some(Self {
            at: self.at.min(no_longer_fresh),
            ..self
        })
    }
}

/// What is known about an organization.
pub(super) enum StatusLookup {
    Known(OrganizationStatus),
    Unknown(QueryError),
    Wait {
        outcome: watch::Receiver<Option<Outcome>>,
        /// What is used if the query fails.
        stale: Option<OrganizationStatus>,
    },
}

impl StatusLookup {
    /// Waits for the query, if there is one. With a stale result it waits no longer than
    /// `wait_with_stale`.
    pub(super) async fn status(self, wait_with_stale: Duration) -> Outcome {
        let (mut outcome, stale) = match self {
            Self::Known(status) => return Ok(status),
            Self::Unknown(error) => return Err(error),
            Self::Wait { outcome, stale } => (outcome, stale),
        };
        let finished = async {
            match outcome.wait_for(Option::is_some).await {
                Ok(outcome) => (*outcome).unwrap_or(Err(QueryError::NoResponse)),
                Err(_) => Err(QueryError::NoResponse),
            }
        };
        match stale {
            None => finished.await,
            Some(stale) => match tokio::time::timeout(wait_with_stale, finished).await {
                Ok(Ok(status)) => Ok(status),
                Ok(Err(_)) | Err(_) => Ok(stale),
            },
        }
    }
}
