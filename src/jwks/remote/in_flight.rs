//! Fetches as flights: one at a time, made by the driver, and shared by all who wait for one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::budget::Asker;

/// Requests that may wait for one fetch: beyond that they are refused at once, so that an issuer that hangs cannot pile
/// up requests here. Clients that were verified before may go on when strangers may not.
const WAITING_MAX: usize = 4096;
const WAITING_STRANGERS_MAX: usize = 256;

/// How long after it should have done something a driver counts as stuck in a runtime that nobody runs any more.
const GRACE: Duration = Duration::from_secs(5);

/// A fetch that is worth waiting for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    number: u64,
    deadline: Instant,
    pub(super) asker: Asker,
    pub(super) boarded: Boarded,
}

/// When a flight was boarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boarded {
    BeforeItBegan,
    /// What it brings may be older than the wish.
    UnderWay,
}

/// How waiting for a flight ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// The issuer gave its set, or confirmed it.
    Arrived,
    /// The fetch failed, and so says nothing about any key.
    Failed,
    /// It was not waited for to the end.
    Missed,
}

/// The count of fetches: asked for, begun, ended. A fetch that was asked for and not begun serves whoever else asks.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    asked: u64,
    begun: u64,
    ended: u64,
    /// The last one that ended well.
    arrived: u64,
    /// When the next one begins by itself.
    next: Option<Instant>,
    /// When the driver does something again at the latest.
    silent_until: Option<Instant>,
}

pub(super) struct Flights {
    counts: watch::Sender<Counts>,
    demanded: Notify,
    waiting: AtomicUsize,
}

/// The driver's side.
impl Flights {
    pub(super) fn new() -> Self {
        Self {
            counts: watch::Sender::new(Counts::default()),
            demanded: Notify::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// When the next flight begins by itself: at once when none was planned.
    pub(super) fn due(&self) -> Instant {
        self.next().unwrap_or_else(Instant::now)
    }

    pub(super) fn plan(&self, due: Instant) {
        self.counts.send_modify(|counts| {
            (counts.next, counts.silent_until) = (Some(due), Some(due + GRACE));
        });
    }

    /// Waits until a flight is asked for.
    pub(super) async fn demand(&self) {
        loop {
            self.demanded.notified().await;
            let counts = *self.counts.borrow();
            if counts.asked > counts.begun {
                return;
            }
        }
    }

    pub(super) fn begin(&self, takes_at_most: Duration) {
        self.counts.send_modify(|counts| {
            counts.begun += 1;
            counts.asked = counts.begun;
            counts.silent_until = Some(Instant::now() + takes_at_most + GRACE);
        });
    }

    pub(super) fn end(&self, landing: Landing, due: Instant) {
        self.counts.send_modify(|counts| {
            counts.ended = counts.begun;
            if landing == Landing::Arrived {
                counts.arrived = counts.begun;
            }
            (counts.next, counts.silent_until) = (Some(due), Some(due + GRACE));
        });
    }

    /// Ends what a driver left behind that was cut off: whoever waits need not wait on.
    pub(super) fn cut_off(&self) {
        self.counts.send_modify(|counts| {
            counts.begun = counts.begun.max(counts.asked);
            (counts.asked, counts.ended, counts.silent_until) = (counts.begun, counts.begun, None);
        });
    }

    /// Whether the driver should have done something by now.
    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        self.counts
            .borrow()
            .silent_until
            .is_some_and(|until| now > until)
    }
}

/// The requests' side.
impl Flights {
    pub(super) fn next(&self) -> Option<Instant> {
        self.counts.borrow().next
    }

    /// While no set is held: the flight that is under way or about to begin, if it is near enough to be waited for.
    pub(super) fn first_set(&self, now: Instant, max_wait: Duration) -> Option<Flight> {
        let counts = *self.counts.borrow();
        let deadline = now + max_wait;
        let under_way = counts.begun > counts.ended;
        let number = if under_way {
            counts.begun
        } else {
            counts.begun + 1
        };
        let soon = under_way || counts.next.is_none_or(|next| next < deadline);
        // While nothing is held nobody was verified, so there is nobody to be told from strangers.
        soon.then_some(Flight {
            number,
            deadline,
            asker: Asker::Known,
            boarded: Boarded::BeforeItBegan,
        })
    }

    /// The flight that may bring an unknown `kid`: one that is under way or asked for already is free, a further one has to
    /// be `affordable`. Nothing when it is not: nobody waits for the budget.
    pub(super) fn board(
        &self,
        asker: Asker,
        deadline: Instant,
        affordable: impl FnOnce() -> bool,
    ) -> Option<Flight> {
        let mut found = None;
        let asked_for_another = self.counts.send_if_modified(|counts| {
            if counts.asked > counts.begun {
                found = Some((counts.asked, Boarded::BeforeItBegan));
                return false;
            }
            if counts.begun > counts.ended {
                found = Some((counts.begun, Boarded::UnderWay));
                return false;
            }
            if !affordable() {
                return false;
            }
            counts.asked = counts.begun + 1;
            found = Some((counts.asked, Boarded::BeforeItBegan));
            true
        });
        if asked_for_another {
            self.demanded.notify_one();
        }
        let (number, boarded) = found?;
        Some(Flight {
            number,
            deadline,
            asker,
            boarded,
        })
    }

    /// Waits until a flight has ended, or its deadline.
    pub(super) async fn wait(&self, flight: Flight) -> Landing {
        let Some(_place) = Place::take(&self.waiting, flight.asker) else {
            return Landing::Missed;
        };
        // Outside a runtime nobody flies, and a timer panics.
        if Handle::try_current().is_err() {
            return Landing::Missed;
        }
        let mut counts = self.counts.subscribe();
        let ended = counts.wait_for(|counts| counts.ended >= flight.number);
        match tokio::time::timeout_at(flight.deadline, ended).await {
            Ok(Ok(counts)) if counts.arrived >= flight.number => Landing::Arrived,
            Ok(Ok(_)) => Landing::Failed,
            Ok(Err(_)) | Err(_) => Landing::Missed,
        }
    }

    /// Waits until some flight has ended.
    pub(super) async fn any(&self) {
        // The sender is here, so the channel cannot be closed.
        let _ = self
            .counts
            .subscribe()
            .wait_for(|counts| counts.ended > 0)
            .await;
    }
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, asker: Asker) -> Option<Self> {
        let most = match asker {
            Asker::Known => WAITING_MAX,
            Asker::Stranger => WAITING_STRANGERS_MAX,
        };
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
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
            let mut places: Vec<_> = (0..WAITING_STRANGERS_MAX)
                .map(|_| Place::take(&waiting, Asker::Stranger).expect("a place"))
                .collect();
            assert!(Place::take(&waiting, Asker::Stranger).is_none());
            places.extend(
                (places.len()..WAITING_MAX)
                    .map(|_| Place::take(&waiting, Asker::Known).expect("a place")),
            );
            assert!(Place::take(&waiting, Asker::Known).is_none());
            assert_eq!(waiting.load(Ordering::Relaxed), WAITING_MAX);
        }
    }
}
