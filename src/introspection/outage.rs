//! Failures of an issuer: the pause that it wants, the last error, and how often failures are
//! reported.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::error::{IntrospectionError, IntrospectionFailure};
use super::in_flight::Familiarity;
use crate::util::lock;

/// The longest pause that an issuer can request.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How often a request about a known credential is sent within a pause that the issuer requested
/// in a response about an unknown one.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// What is known about an issuer's failures.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<OutageState>);

#[derive(Debug, Default)]
struct OutageState {
    pause: Pause,
    last_error: Option<IntrospectionError>,
    failure_reported_at: Option<Instant>,
    credentials_reported_at: Option<Instant>,
}

/// When requests about known and about unknown credentials may be sent again.
#[derive(Debug, Default)]
struct Pause {
    known_not_before: Option<Instant>,
    unknown_not_before: Option<Instant>,
    /// Only a response about an unknown credential requested the pause. So requests about known
    /// credentials find out whether it concerns them.
    is_probing: bool,
}

/// Whether a failure is reported as an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureReport {
    Omit,
    Failed,
    CredentialsRejected,
}

/// A check before a further request of a flight: the issuer can have requested a pause since the
/// flight began.
#[derive(Clone, Copy, Debug)]
pub(super) struct PauseGate<'o>(Option<(&'o Outage, Familiarity)>);

impl PauseGate<'_> {
    /// For requests at start, when there is no pause.
    pub(super) const OPEN: Self = Self(None);

    pub(super) fn check(self) -> Result<(), IntrospectionFailure> {
        let left = self.0.and_then(|(outage, familiarity)| {
            let state = lock(&outage.0);
            state.pause.left_in_flight(familiarity, Instant::now())
        });
        match left {
            None => Ok(()),
            Some(left) => Err(IntrospectionFailure {
                error: IntrospectionError::RateLimited,
                retry_after: Some(left),
            }),
        }
    }
}

impl Outage {
    /// Returns how long no request is sent, or `None` if the issuer may be queried.
    pub(super) fn pause(&self, familiarity: Familiarity, at: Instant) -> Option<Duration> {
        lock(&self.0).pause.left(familiarity, at)
    }

    /// Begins a request, or returns how long none is sent.
    pub(super) fn begin_request(
        &self,
        familiarity: Familiarity,
        at: Instant,
    ) -> Result<(), Duration> {
        lock(&self.0).pause.begin_request(familiarity, at)
    }

    /// Returns the check that each further request of a flight passes before it is sent.
    pub(super) fn gate(&self, familiarity: Familiarity) -> PauseGate<'_> {
        PauseGate(Some((self, familiarity)))
    }

    pub(super) fn last_error(&self) -> Option<IntrospectionError> {
        lock(&self.0).last_error
    }

    pub(super) fn record_success(&self, familiarity: Familiarity) {
        let mut state = lock(&self.0);
        state.last_error = None;
        state.pause.record_success(familiarity);
    }

    /// Records a failure. Rejected credentials are reported once a minute at most, and other
    /// failures once in 10 s.
    pub(super) fn record_failure(
        &self,
        failure: IntrospectionFailure,
        familiarity: Familiarity,
        at: Instant,
    ) -> FailureReport {
        let mut state = lock(&self.0);
        state.last_error = Some(failure.error);
        if let Some(retry_after) = failure.retry_after {
            let until = at + retry_after.min(MAX_PAUSE);
            state.pause.extend(familiarity, at, until);
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

impl Pause {
    fn left(&self, familiarity: Familiarity, at: Instant) -> Option<Duration> {
        let until = match familiarity {
            Familiarity::Known => self.known_not_before,
            Familiarity::Unknown => self.unknown_not_before,
        };
        let left = until?.saturating_duration_since(at);
        (!left.is_zero()).then_some(left)
    }

    /// Returns how long a flight that was begun sends no further request. The interval of the
    /// probes does not concern it: the flight can be the probe.
    fn left_in_flight(&self, familiarity: Familiarity, at: Instant) -> Option<Duration> {
        let is_probe = familiarity == Familiarity::Known && self.is_probing;
        self.left(familiarity, at).filter(|_| !is_probe)
    }

    fn begin_request(&mut self, familiarity: Familiarity, at: Instant) -> Result<(), Duration> {
        if let Some(left) = self.left(familiarity, at) {
            return Err(left);
        }
        if familiarity == Familiarity::Known && self.is_probing {
            // This request is the probe.
            match self.left(Familiarity::Unknown, at) {
                Some(left) => self.known_not_before = Some(at + left.min(PROBE_INTERVAL)),
                None => self.is_probing = false,
            }
        }
        Ok(())
    }

    /// A response about a known credential shows that the pause does not concern known ones.
    fn record_success(&mut self, familiarity: Familiarity) {
        if familiarity == Familiarity::Known && self.is_probing {
            (self.known_not_before, self.is_probing) = (None, false);
        }
    }

    /// The issuer wants a pause, in a response about such a credential. Responses to requests
    /// that were sent earlier do not shorten a pause.
    fn extend(&mut self, familiarity: Familiarity, at: Instant, until: Instant) {
        self.unknown_not_before = self.unknown_not_before.max(Some(until));
        match familiarity {
            Familiarity::Known => {
                (self.known_not_before, self.is_probing) =
                    (self.known_not_before.max(Some(until)), false);
            }
            Familiarity::Unknown => {
                self.is_probing |= self.left(Familiarity::Known, at).is_none();
            }
        }
    }
}
