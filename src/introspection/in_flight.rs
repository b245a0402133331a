//! Introspection requests in flight: one per credential, shared by all requests that wait for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::digest::CredentialDigest;
use super::outcome::IntrospectionOutcome;
use crate::util::{has_timers, lock};

/// Requests to one issuer at a time, and those of them for credentials that were never seen before.
const MAX_REQUESTS: usize = 64;
const MAX_UNKNOWN_REQUESTS: usize = 32;
/// Requests of callers that wait, and those of them with unknown credentials.
const MAX_WAITING: usize = 4_096;
const MAX_UNKNOWN_WAITING: usize = 256;
/// How long after its deadline a flight counts as lost, because its runtime does not run any more.
const GRACE: Duration = Duration::from_secs(1);

/// Whether a credential was active before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Familiarity {
    Known,
    Unknown,
}

/// The requests of one issuer.
pub(super) struct InFlight {
    flights: Mutex<HashMap<CredentialDigest, SharedRequest>>,
    pub(super) permits: Semaphore,
    pub(super) unknown_permits: Semaphore,
    waiting: Arc<Waiting>,
}

struct SharedRequest {
    outcome: watch::Receiver<Option<IntrospectionOutcome>>,
    deadline: Instant,
}

#[derive(Default)]
struct Waiting {
    all: AtomicUsize,
    unknown: AtomicUsize,
}

/// A place of a request that waits.
struct WaitingPlace {
    waiting: Arc<Waiting>,
    familiarity: Familiarity,
}

/// The result of joining the request about a credential.
pub(super) enum Joined {
    Waiting(IntrospectionTicket),
    /// No request is in flight.
    NoRequest,
    /// All places of waiting callers are taken.
    NoPlace,
}

/// A shared request that a caller waits for.
pub(crate) struct IntrospectionTicket {
    outcome: watch::Receiver<Option<IntrospectionOutcome>>,
    deadline: Instant,
    _place: WaitingPlace,
}

/// The task's side of a flight. Dropping it ends the flight.
pub(super) struct FlightEnd<'f> {
    flights: &'f InFlight,
    digest: CredentialDigest,
    outcome: watch::Sender<Option<IntrospectionOutcome>>,
}

impl InFlight {
    pub(super) fn new() -> Self {
        Self {
            flights: Mutex::default(),
            permits: Semaphore::new(MAX_REQUESTS),
            unknown_permits: Semaphore::new(MAX_UNKNOWN_REQUESTS),
            waiting: Arc::default(),
        }
    }

    /// Joins the request about this credential, if one is in flight.
    pub(super) fn join(&self, digest: &CredentialDigest, familiarity: Familiarity) -> Joined {
        let flights = lock(&self.flights);
        let found = flights.get(digest);
        let Some(flight) = found.filter(|flight| !flight.is_lost(Instant::now())) else {
            return Joined::NoRequest;
        };
        let (outcome, deadline) = (flight.outcome.clone(), flight.deadline);
        drop(flights);
        let Some(taken) = WaitingPlace::take(&self.waiting, familiarity) else {
            return Joined::NoPlace;
        };
        Joined::Waiting(IntrospectionTicket {
            outcome,
            deadline: deadline + Duration::from_millis(100),
            _place: taken,
        })
    }

    /// Begins a flight, or returns `None` if there is one or too many are in flight.
    pub(super) fn start(
        &self,
        digest: CredentialDigest,
        deadline: Instant,
    ) -> Option<watch::Sender<Option<IntrospectionOutcome>>> {
        let (sender, outcome) = watch::channel(None);
        let now = Instant::now();
        let mut flights = lock(&self.flights);
        if flights
            .get(&digest)
            .is_some_and(|flight| !flight.is_lost(now))
        {
            return None;
        }
        if flights.len() >= MAX_WAITING {
            flights.retain(|_, flight| !flight.is_lost(now));
            if flights.len() >= MAX_WAITING {
                return None;
            }
        }
        flights.insert(digest, SharedRequest { outcome, deadline });
        Some(sender)
    }

    pub(super) fn end(
        &self,
        digest: CredentialDigest,
        outcome: watch::Sender<Option<IntrospectionOutcome>>,
    ) -> FlightEnd<'_> {
        FlightEnd {
            flights: self,
            digest,
            outcome,
        }
    }
}

impl SharedRequest {
    fn is_lost(&self, now: Instant) -> bool {
        now >= self.deadline + GRACE
    }
}

impl FlightEnd<'_> {
    pub(super) fn finish(self, outcome: IntrospectionOutcome) {
        self.outcome.send_replace(Some(outcome));
    }
}

impl Drop for FlightEnd<'_> {
    fn drop(&mut self) {
        let mut flights = lock(&self.flights.flights);
        let is_own = flights
            .get(&self.digest)
            .is_some_and(|flight| self.outcome.subscribe().same_channel(&flight.outcome));
        if is_own {
            flights.remove(&self.digest);
        }
    }
}

impl IntrospectionTicket {
    /// Waits for the outcome. It is `None` if the flight ended without one or the deadline passed.
    pub(crate) async fn outcome(mut self) -> Option<IntrospectionOutcome> {
        if !has_timers() {
            return None;
        }
        let finished = self.outcome.wait_for(Option::is_some);
        let finished = tokio::time::timeout_at(self.deadline, finished).await;
        finished.ok()?.ok()?.clone()
    }
}

impl WaitingPlace {
    fn take(waiting: &Arc<Waiting>, familiarity: Familiarity) -> Option<Self> {
        let limited = |count: &AtomicUsize, max: usize| {
            let taken = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < max).then_some(count + 1)
            });
            taken.is_ok()
        };
        if !limited(&waiting.all, MAX_WAITING) {
            return None;
        }
        if familiarity == Familiarity::Unknown && !limited(&waiting.unknown, MAX_UNKNOWN_WAITING) {
            waiting.all.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self {
            waiting: Arc::clone(waiting),
            familiarity,
        })
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        self.waiting.all.fetch_sub(1, Ordering::Relaxed);
        if self.familiarity == Familiarity::Unknown {
            self.waiting.unknown.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
