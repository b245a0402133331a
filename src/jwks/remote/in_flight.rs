//! Fetches as flights: one at a time, made by the driver, and shared by all who wait for one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::budget::Requester;

/// Requests that may wait for one fetch: beyond that they are refused at once, so that an issuer that hangs cannot pile
/// up requests here. Clients that were verified before may go on when strangers may not.
const MAX_WAITERS: usize = 4096;
const MAX_WAITERS_UNKNOWN_CLIENTS: usize = 256;

/// How long after it should have done something a driver counts as stuck in a runtime that nobody runs any more.
const GRACE: Duration = Duration::from_secs(5);

/// A fetch that is worth waiting for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchTicket {
    number: u64,
    deadline: Instant,
    pub(super) requester: Requester,
    pub(super) joined: Joined,
}

/// When a flight was boarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    BeforeStart,
    /// What it brings may be older than the wish.
    InProgress,
}

/// How waiting for a flight ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchOutcome {
    /// The issuer gave its set, or confirmed it.
    Succeeded,
    /// The fetch failed, and so says nothing about any key.
    Failed,
    /// It was not waited for to the end.
    NotAwaited,
}

/// The count of fetches: asked for, begun, ended. A fetch that was asked for and not begun serves whoever else asks.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requested: u64,
    started: u64,
    finished: u64,
    /// The last one that ended well.
    succeeded: u64,
    /// When the next one begins by itself.
    next_at: Option<Instant>,
    /// When the driver does something again at the latest.
    watchdog_deadline: Option<Instant>,
}

pub(super) struct InFlightFetches {
    counts: watch::Sender<Counts>,
    fetch_requested: Notify,
    waiting: AtomicUsize,
}

/// The driver's side.
impl InFlightFetches {
    pub(super) fn new() -> Self {
        Self {
            counts: watch::Sender::new(Counts::default()),
            fetch_requested: Notify::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// When the next flight begins by itself: at once when none was planned.
    pub(super) fn next_due(&self) -> Instant {
        self.next().unwrap_or_else(Instant::now)
    }

    pub(super) fn schedule(&self, due: Instant) {
        self.counts.send_modify(|counts| {
            (counts.next_at, counts.watchdog_deadline) = (Some(due), Some(due + GRACE));
        });
    }

    /// Waits until a flight is asked for.
    pub(super) async fn wait_for_request(&self) {
        loop {
            self.fetch_requested.notified().await;
            let counts = *self.counts.borrow();
            if counts.requested > counts.started {
                return;
            }
        }
    }

    pub(super) fn begin(&self, takes_at_most: Duration) {
        self.counts.send_modify(|counts| {
            counts.started += 1;
            counts.requested = counts.started;
            counts.watchdog_deadline = Some(Instant::now() + takes_at_most + GRACE);
        });
    }

    pub(super) fn end(&self, landing: FetchOutcome, due: Instant) {
        self.counts.send_modify(|counts| {
            counts.finished = counts.started;
            if landing == FetchOutcome::Succeeded {
                counts.succeeded = counts.started;
            }
            (counts.next_at, counts.watchdog_deadline) = (Some(due), Some(due + GRACE));
        });
    }

    /// Ends what a driver left behind that was cut off: whoever waits need not wait on.
    pub(super) fn abort_all(&self) {
        self.counts.send_modify(|counts| {
            counts.started = counts.started.max(counts.requested);
            (counts.requested, counts.finished, counts.watchdog_deadline) =
                (counts.started, counts.started, None);
        });
    }

    /// Whether the driver should have done something by now.
    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        self.counts
            .borrow()
            .watchdog_deadline
            .is_some_and(|until| now > until)
    }
}

/// The requests' side.
impl InFlightFetches {
    pub(super) fn next(&self) -> Option<Instant> {
        self.counts.borrow().next_at
    }

    /// While no set is held: the flight that is under way or about to begin, if it is near enough to be waited for.
    pub(super) fn join_initial(
        &self,
        now: Instant,
        initial_keys_timeout: Duration,
    ) -> Option<FetchTicket> {
        let counts = *self.counts.borrow();
        let deadline = now + initial_keys_timeout;
        let under_way = counts.started > counts.finished;
        let number = if under_way {
            counts.started
        } else {
            counts.started + 1
        };
        let soon = under_way || counts.next_at.is_none_or(|next| next < deadline);
        // While nothing is held nobody was verified, so there is nobody to be told from strangers.
        soon.then_some(FetchTicket {
            number,
            deadline,
            requester: Requester::KnownClient,
            joined: Joined::BeforeStart,
        })
    }

    /// The flight that may bring an unknown `kid`: one that is under way or asked for already is free, a further one has to
    /// be `affordable`. Nothing when it is not: nobody waits for the budget.
    pub(super) fn join_or_request(
        &self,
        requester: Requester,
        deadline: Instant,
        affordable: impl FnOnce() -> bool,
    ) -> Option<FetchTicket> {
        let mut found = None;
        let asked_for_another = self.counts.send_if_modified(|counts| {
            if counts.requested > counts.started {
                found = Some((counts.requested, Joined::BeforeStart));
                return false;
            }
            if counts.started > counts.finished {
                found = Some((counts.started, Joined::InProgress));
                return false;
            }
            if !affordable() {
                return false;
            }
            counts.requested = counts.started + 1;
            found = Some((counts.requested, Joined::BeforeStart));
            true
        });
        if asked_for_another {
            self.fetch_requested.notify_one();
        }
        let (number, boarded) = found?;
        Some(FetchTicket {
            number,
            deadline,
            requester,
            joined: boarded,
        })
    }

    /// Waits until a flight has ended, or its deadline.
    pub(super) async fn wait(&self, ticket: FetchTicket) -> FetchOutcome {
        let Some(_slot) = WaiterSlot::take(&self.waiting, ticket.requester) else {
            return FetchOutcome::NotAwaited;
        };
        // Outside a runtime nobody flies, and a timer panics.
        if Handle::try_current().is_err() {
            return FetchOutcome::NotAwaited;
        }
        let mut counts = self.counts.subscribe();
        let ended = counts.wait_for(|counts| counts.finished >= ticket.number);
        match tokio::time::timeout_at(ticket.deadline, ended).await {
            Ok(Ok(counts)) if counts.succeeded >= ticket.number => FetchOutcome::Succeeded,
            Ok(Ok(_)) => FetchOutcome::Failed,
            Ok(Err(_)) | Err(_) => FetchOutcome::NotAwaited,
        }
    }

    /// Waits until some flight has ended.
    pub(super) async fn wait_for_any(&self) {
        // The sender is here, so the channel cannot be closed.
        let _ = self
            .counts
            .subscribe()
            .wait_for(|counts| counts.finished > 0)
            .await;
    }
}

/// A place among those who wait.
struct WaiterSlot<'a>(&'a AtomicUsize);

impl<'a> WaiterSlot<'a> {
    fn take(waiting: &'a AtomicUsize, requester: Requester) -> Option<Self> {
        let max = match requester {
            Requester::KnownClient => MAX_WAITERS,
            Requester::UnknownClient => MAX_WAITERS_UNKNOWN_CLIENTS,
        };
        let slot = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < max).then_some(slot)
    }
}

impl Drop for WaiterSlot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiter_slots_are_released_and_reserved_for_known_clients() {
        let waiting = AtomicUsize::new(0);
        for _ in 0..2 {
            let mut slots: Vec<_> = (0..MAX_WAITERS_UNKNOWN_CLIENTS)
                .map(|_| WaiterSlot::take(&waiting, Requester::UnknownClient).expect("a place"))
                .collect();
            assert!(WaiterSlot::take(&waiting, Requester::UnknownClient).is_none());
            slots.extend(
                (slots.len()..MAX_WAITERS)
                    .map(|_| WaiterSlot::take(&waiting, Requester::KnownClient).expect("a place")),
            );
            assert!(WaiterSlot::take(&waiting, Requester::KnownClient).is_none());
            assert_eq!(waiting.load(Ordering::Relaxed), MAX_WAITERS);
        }
    }
}
