//! Fetches in flight: one at a time. The refresh task makes them, and all waiting requests share
//! them.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::fetch_counts::{Arrival, Counts, FetchReason, MissingKey};
use super::requester::{Requester, RequesterKind};
use super::waiting_places::{PlaceSharing, WaitingPlaces};
use crate::util::has_timers;

/// The delay after which a refresh task is considered stuck in a stopped runtime.
pub(super) const GRACE: Duration = Duration::from_secs(5);
const FETCH_GRACE: Duration = Duration::from_secs(1);

/// A fetch that a request waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchTicket {
    pub(super) number: u64,
    pub(super) deadline: Instant,
    pub(super) requester: Requester,
    pub(super) sharing: PlaceSharing,
    pub(super) arrival: Arrival,
    /// The kind of requester that caused the fetch, or `None` if it is scheduled.
    pub(super) caused_by: Option<RequesterKind>,
}

/// The outcome of a wait for a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchOutcome {
    /// The issuer sent its set, or confirmed it.
    Succeeded,
    /// The fetch failed, so it is unknown whether a key exists.
    Failed,
    /// The request's deadline passed.
    TimedOut,
    /// All places of waiting requests were taken.
    NoPlace,
}

pub(super) struct InFlightFetches {
    pub(super) counts: watch::Sender<Counts>,
    places: WaitingPlaces,
    /// The time within which a task begins a requested fetch.
    pub(super) begin_within: Duration,
}

/// The refresh task's side.
impl InFlightFetches {
    pub(super) fn new(fetch_timeout: Duration) -> Self {
        Self {
            counts: watch::Sender::new(Counts::default()),
            places: WaitingPlaces::new(),
            begin_within: (fetch_timeout / 2).min(Duration::from_millis(500)),
        }
    }

    /// Returns the number of a task that replaces the earlier one. A fetch that the earlier task
    /// began continues, and its result counts.
    pub(super) fn replace_task(&self, now: Instant) -> u64 {
        let mut task = 0;
        self.counts.send_modify(|counts| {
            counts.active_task += 1;
            counts.watchdog_deadline = Some(now + self.begin_within);
            // If a runtime does not run, its fetch may never end, and requests wait for it.
            if counts.started > counts.finished {
                counts.requested = counts.started + 1;
                counts.requested_for = counts.began_for;
            }
            task = counts.active_task;
        });
        task
    }

    /// Copies the counts of the finished fetches, and when the next one is due.
    pub(super) fn inherit_from(&self, other: &Self) {
        let earlier = other.counts().without_fetch_in_flight();
        self.counts.send_replace(earlier);
        if let Some(next) = earlier.next_at {
            self.schedule(next);
        }
    }

    pub(super) fn is_active(&self, task: u64) -> bool {
        self.counts.borrow().active_task == task
    }

    /// Returns when the next scheduled fetch begins: immediately if none was scheduled.
    pub(super) fn next_due(&self) -> Instant {
        self.next().unwrap_or_else(Instant::now)
    }

    pub(super) fn schedule(&self, due: Instant) {
        self.counts.send_modify(|counts| {
            (counts.next_at, counts.watchdog_deadline) = (Some(due), Some(due + GRACE));
        });
    }

    /// Waits until a fetch is requested, until the next one is scheduled before `due`, or until
    /// this task is not the active one any more. Returns when the next one is due, or `None` if the
    /// task makes one immediately or ends.
    pub(super) async fn wait_for_request(&self, task: u64, due: Instant) -> Option<Instant> {
        let mut counts = self.counts.subscribe();
        let is_now =
            |counts: &Counts| counts.requested > counts.started || counts.active_task != task;
        let earlier = |counts: &Counts| counts.next_at.filter(|next| *next < due);
        let changed = counts.wait_for(|counts| is_now(counts) || earlier(counts).is_some());
        // The sender is in `self`, so the channel cannot be closed.
        changed
            .await
            .ok()
            .filter(|counts| !is_now(counts))
            .and_then(|counts| earlier(&counts))
    }

    /// Begins a fetch and returns its number, or `None` if another task is active.
    pub(super) fn begin(&self, task: u64, timeout: Duration) -> Option<u64> {
        let mut number = None;
        self.counts.send_if_modified(|counts| {
            if counts.active_task != task {
                return false;
            }
            let now = Instant::now();
            let is_requested = counts.requested > counts.started;
            counts.began_for = counts.requested_for.take().filter(|_| is_requested);
            counts.started += 1;
            counts.requested = counts.started;
            counts.began_at = Some(now);
            counts.watchdog_deadline = Some(now + timeout + FETCH_GRACE);
            number = Some(counts.started);
            true
        });
        number
    }

    /// Returns `true` if no fetch that began later has succeeded, because an older result must
    /// never replace a newer one.
    pub(super) fn is_newest_result(&self, number: u64) -> bool {
        number > self.counts.borrow().succeeded
    }

    pub(super) fn end(&self, task: u64, number: u64, outcome: FetchOutcome, due: Instant) {
        self.counts.send_modify(|counts| {
            let is_latest = number == counts.started;
            counts.finished = counts.finished.max(number);
            if outcome == FetchOutcome::Succeeded && number > counts.succeeded {
                counts.succeeded = number;
                if is_latest {
                    counts.success_began_at = counts.began_at;
                    counts.record_unnamed(Instant::now());
                }
            }
            if counts.active_task == task {
                (counts.next_at, counts.watchdog_deadline) = (Some(due), Some(due + GRACE));
            }
        });
    }

    /// Releases all requests that wait for a task that was dropped, unless another one replaced it.
    pub(super) fn abort(&self, task: u64) {
        self.counts.send_if_modified(|counts| {
            if counts.active_task != task {
                return false;
            }
            counts.started = counts.started.max(counts.requested);
            (counts.requested, counts.finished) = (counts.started, counts.started);
            counts.watchdog_deadline = None;
            true
        });
    }

    /// Returns `true` if the active task missed its deadline.
    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        self.counts
            .borrow()
            .watchdog_deadline
            .is_some_and(|until| now >= until)
    }
}

/// The requests' side.
impl InFlightFetches {
    pub(super) fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.counts.borrow().next_at
    }

    /// Returns the fetch that is in flight or about to begin, if it begins before the deadline. It
    /// is for requests without any key set.
    pub(super) fn join_initial(
        &self,
        requester: Requester,
        sharing: PlaceSharing,
        deadline: Instant,
    ) -> Option<FetchTicket> {
        let counts = self.counts();
        let is_in_flight = counts.started > counts.finished;
        let is_requested = counts.requested > counts.started;
        let is_soon =
            is_in_flight || is_requested || counts.next_at.is_none_or(|next| next < deadline);
        is_soon.then_some(FetchTicket {
            number: counts.started + u64::from(!is_in_flight),
            deadline,
            requester,
            sharing,
            arrival: counts.at_arrival(),
            caused_by: None,
        })
    }

    /// Returns the fetch that may contain a missing key. Joining a fetch that is in flight or was
    /// requested before is free. A further fetch must be `affordable`. Otherwise the result is
    /// `None`, because requests never wait for the budget.
    pub(super) fn join_or_request(
        &self,
        requester: Requester,
        key: MissingKey,
        arrival: Arrival,
        deadline: Instant,
        affordable: impl FnOnce() -> bool,
    ) -> Option<FetchTicket> {
        let mut found = None;
        let begin_within = self.begin_within;
        self.counts.send_if_modified(|counts| {
            if counts.requested > counts.started {
                found = Some((counts.requested, counts.requested_for));
                return false;
            }
            if counts.started > counts.finished {
                found = Some((counts.started, counts.began_for));
                return false;
            }
            if !affordable() {
                return false;
            }
            let reason = FetchReason {
                requester: requester.kind,
                key,
            };
            counts.requested = counts.started + 1;
            counts.requested_for = Some(reason);
            counts.begin_by(Instant::now() + begin_within);
            found = Some((counts.requested, counts.requested_for));
            true
        });
        let (number, reason) = found?;
        Some(FetchTicket {
            number,
            deadline,
            requester,
            sharing: PlaceSharing::PerName,
            arrival,
            caused_by: reason.map(|reason| reason.requester),
        })
    }

    /// Waits until a fetch has ended, or until the request's deadline. If the fetch does not begin
    /// soon, it calls `restart`, which replaces a stuck task.
    pub(super) async fn wait(&self, ticket: &FetchTicket, restart: impl Fn()) -> FetchOutcome {
        let Some(_place) = self.places.take(ticket.requester, ticket.sharing) else {
            return FetchOutcome::NoPlace;
        };
        if !has_timers() {
            return FetchOutcome::TimedOut;
        }
        let mut counts = self.counts.subscribe();
        let begin_by = (Instant::now() + self.begin_within).min(ticket.deadline);
        let begun = counts.wait_for(|counts| counts.started >= ticket.number);
        if tokio::time::timeout_at(begin_by, begun).await.is_err() {
            restart();
        }
        let ended = counts.wait_for(|counts| counts.finished >= ticket.number);
        match tokio::time::timeout_at(ticket.deadline, ended).await {
            Ok(Ok(counts)) if counts.succeeded >= ticket.number => FetchOutcome::Succeeded,
            Ok(Ok(_)) => FetchOutcome::Failed,
            Ok(Err(_)) | Err(_) => FetchOutcome::TimedOut,
        }
    }

    /// Waits until some fetch has ended.
    pub(super) async fn wait_for_any(&self) {
        let mut counts = self.counts.subscribe();
        // The sender is in `self`, so the channel cannot be closed.
        let _ = counts.wait_for(|counts| counts.finished > 0).await;
    }
}
