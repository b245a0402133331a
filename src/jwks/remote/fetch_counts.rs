//! The counts of an issuer's fetches, and the reasons for fetches.

use tokio::time::Instant;

use super::requester::RequesterKind;

/// The state of the fetches when a request first needed a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) started: u64,
    pub(super) succeeded: u64,
}

/// The reason why a request causes a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FetchReason {
    pub(super) requester: RequesterKind,
    pub(super) key: MissingKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MissingKey {
    Named,
    /// The token has no `kid`.
    Unnamed,
}

/// The state of an issuer's fetches, counted from 1. If a fetch was requested and has not begun,
/// all further requests share it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) requested: u64,
    pub(super) started: u64,
    pub(super) finished: u64,
    /// The last fetch that succeeded, and when it began.
    pub(super) succeeded: u64,
    pub(super) success_began_at: Option<Instant>,
    /// When a fetch for a token without `kid` last succeeded, for known and for unknown clients.
    unnamed_known: Option<Instant>,
    unnamed_unknown: Option<Instant>,
    pub(super) requested_for: Option<FetchReason>,
    pub(super) began_for: Option<FetchReason>,
    pub(super) began_at: Option<Instant>,
    /// When the next scheduled fetch begins.
    pub(super) next_at: Option<Instant>,
    /// The refresh task that may begin fetches.
    pub(super) active_task: u64,
    /// The latest time at which that task must act.
    pub(super) watchdog_deadline: Option<Instant>,
}

impl Counts {
    /// Returns `true` if the last finished fetch returned no key set.
    pub(super) fn last_failed(&self) -> bool {
        self.finished > self.succeeded
    }

    /// Sets when the task must have begun a requested fetch.
    pub(super) fn begin_by(&mut self, at: Instant) {
        let deadline = self.watchdog_deadline.map_or(at, |by| by.min(at));
        self.watchdog_deadline = Some(deadline);
    }

    /// Returns the counts for another task. It does not continue a fetch in flight, so this fetch
    /// does not count.
    pub(super) fn without_fetch_in_flight(&self) -> Self {
        Self {
            requested: self.finished,
            started: self.finished,
            requested_for: None,
            began_for: None,
            active_task: 0,
            watchdog_deadline: None,
            ..*self
        }
    }

    pub(super) fn at_arrival(&self) -> Arrival {
        Arrival {
            started: self.started,
            succeeded: self.succeeded,
        }
    }

    /// When a fetch for a token without `kid` last succeeded for this kind of requester.
    pub(super) fn unnamed_success(&self, requester: RequesterKind) -> Option<Instant> {
        match requester {
            RequesterKind::Known => self.unnamed_known,
            RequesterKind::Unknown => self.unnamed_unknown,
        }
    }

    /// Records that a fetch for a token without `kid` succeeded.
    pub(super) fn record_unnamed(&mut self, now: Instant) {
        let Some(FetchReason {
            requester,
            key: MissingKey::Unnamed,
        }) = self.began_for
        else {
            return;
        };
        match requester {
            RequesterKind::Known => self.unnamed_known = Some(now),
            RequesterKind::Unknown => self.unnamed_unknown = Some(now),
        }
    }
}
