//! What a receiver has received.

use std::sync::Mutex;

use super::effects::Accepted;
use super::error::EventError;
use crate::util::lock;

/// How a receiver is doing: for status pages and alerts. See
/// [`EventReceiver::status`](crate::EventReceiver::status).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventReceiverStatus {
    /// The issuer of the events, exactly as configured.
    pub issuer: String,
    /// Events that took effect.
    pub applied: u64,
    /// Authentic events without effect.
    pub ignored: u64,
    /// Events that were received before.
    pub duplicates: u64,
    /// Requests that were rejected because they were not authentic or malformed.
    pub rejected: u64,
    /// Requests that got 503.
    pub unavailable: u64,
    /// Events in the store of seen events, at most 100,000.
    pub seen_events: usize,
    /// When an event was last accepted, in seconds since the Unix epoch.
    pub last_accepted_at: Option<i64>,
    /// When a verification event was last accepted, in seconds since the Unix epoch.
    pub last_verified_at: Option<i64>,
    /// The last status of the stream that the transmitter reported.
    pub stream: Option<StreamStatus>,
    /// The last error.
    pub last_error: Option<EventError>,
}

/// The status of a stream (SSF §Stream Status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamStatus {
    /// The transmitter sends events.
    Enabled,
    /// The transmitter keeps events and sends them later.
    Paused,
    /// The transmitter sends no events and keeps none.
    Disabled,
    /// Another status, or none.
    Other,
}

impl StreamStatus {
    pub(super) fn from_name(name: Option<&str>) -> Self {
        match name {
            Some("enabled") => Self::Enabled,
            Some("paused") => Self::Paused,
            Some("disabled") => Self::Disabled,
            _ => Self::Other,
        }
    }
}

/// How long no webhook was accepted before that is reported, in seconds. Kinde disables a webhook
/// that fails for 72 h.
const ALARM_AFTER: i64 = 24 * 60 * 60;
/// How often it is reported, in seconds.
const ALARM_INTERVAL: i64 = 60 * 60;
/// How often rejected events are reported, in seconds.
const REPORT_INTERVAL: i64 = 10;

/// The counters of a receiver.
pub(super) struct Counters(Mutex<CounterState>);

struct CounterState {
    status: EventReceiverStatus,
    /// The time of the last accepted event, or of the receiver's start.
    quiet_since: i64,
    alarmed_at: Option<i64>,
    reported_at: Option<i64>,
    omitted: u64,
}

/// What is reported about a rejected event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RejectionReport {
    /// The number of rejected events that were not reported, or `None` if this one is not.
    pub(super) omitted: Option<u64>,
    /// The hours in which no event was accepted, if that is reported now.
    pub(super) quiet_hours: Option<i64>,
}

impl Counters {
    pub(super) fn new(issuer: &str, now: i64) -> Self {
        Self(Mutex::new(CounterState {
            status: EventReceiverStatus {
                issuer: issuer.to_owned(),
                ..EventReceiverStatus::default()
            },
            quiet_since: now,
            alarmed_at: None,
            reported_at: None,
            omitted: 0,
        }))
    }

    pub(super) fn accepted(&self, accepted: Accepted, now: i64) {
        let mut state = lock(&self.0);
        let status = &mut state.status;
        match accepted {
            Accepted::Applied => status.applied += 1,
            Accepted::Ignored(_) => status.ignored += 1,
            Accepted::Duplicate => status.duplicates += 1,
        }
        status.last_accepted_at = Some(now);
        state.quiet_since = now;
        state.alarmed_at = None;
    }

    pub(super) fn failed(&self, error: EventError, now: i64) -> RejectionReport {
        let mut state = lock(&self.0);
        if error.is_temporary() {
            state.status.unavailable += 1;
        } else {
            state.status.rejected += 1;
        }
        state.status.last_error = Some(error);
        let is_due = |at: Option<i64>, interval| at.is_none_or(|at| now >= at + interval);
        let omitted = if is_due(state.reported_at, REPORT_INTERVAL) {
            state.reported_at = Some(now);
            Some(std::mem::take(&mut state.omitted))
        } else {
            state.omitted += 1;
            None
        };
        let quiet = now.saturating_sub(state.quiet_since);
        let is_alarm = error.is_about_event()
            && quiet >= ALARM_AFTER
            && is_due(state.alarmed_at, ALARM_INTERVAL);
        if is_alarm {
            state.alarmed_at = Some(now);
        }
        RejectionReport {
            omitted,
            quiet_hours: is_alarm.then_some(quiet / 3600),
        }
    }

    pub(super) fn verified(&self, now: i64) {
        lock(&self.0).status.last_verified_at = Some(now);
    }

    pub(super) fn stream(&self, stream: StreamStatus) {
        lock(&self.0).status.stream = Some(stream);
    }

    pub(super) fn status(&self) -> EventReceiverStatus {
        lock(&self.0).status.clone()
    }
}
