//! Failures of an issuer: the pause that it wants, the last error, and how often failures are
//! reported.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::error::{IntrospectionError, IntrospectionFailure};
use crate::util::lock;

/// The longest pause that an issuer can request.
const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);

/// What is known about an issuer's failures.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<OutageState>);

#[derive(Debug, Default)]
struct OutageState {
    not_before: Option<Instant>,
    last_error: Option<IntrospectionError>,
    failure_reported_at: Option<Instant>,
    credentials_reported_at: Option<Instant>,
}

/// Whether a failure is reported as an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureReport {
    Omit,
    Failed,
    CredentialsRejected,
}

impl Outage {
    /// Returns how long the issuer wants no requests, or `None` if it may be queried.
    pub(super) fn pause(&self, at: Instant) -> Option<Duration> {
        let not_before = lock(&self.0).not_before?;
        let pause = not_before.saturating_duration_since(at);
        (!pause.is_zero()).then_some(pause)
    }

    pub(super) fn last_error(&self) -> Option<IntrospectionError> {
        lock(&self.0).last_error
    }

    pub(super) fn record_success(&self) {
        lock(&self.0).last_error = None;
    }

    /// Records a failure. Rejected credentials are reported once a minute at most, and other
    /// failures once in 10 s.
    pub(super) fn record_failure(
        &self,
        failure: IntrospectionFailure,
        at: Instant,
    ) -> FailureReport {
        let mut state = lock(&self.0);
        state.last_error = Some(failure.error);
        if let Some(retry_after) = failure.retry_after {
            state.not_before = Some(at + retry_after.min(MAX_PAUSE));
        }
        let is_due = |reported: Option<Instant>, interval| {
            reported.is_none_or(|reported| at >= reported + interval)
        };
        if failure.error == IntrospectionError::CredentialsRejected {
            if is_due(state.credentials_reported_at, Duration::from_secs(60)) {
                state.credentials_reported_at = Some(at);
                return FailureReport::CredentialsRejected;
            }
        } else if is_due(state.failure_reported_at, Duration::from_secs(10)) {
            state.failure_reported_at = Some(at);
            return FailureReport::Failed;
        }
        FailureReport::Omit
    }
}
