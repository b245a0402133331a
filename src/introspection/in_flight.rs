//! Introspection requests in flight: one per credential, shared by all requests that wait for it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::digest::CredentialDigest;
use super::outcome::IntrospectionOutcome;
use crate::util::{Places, WaitingPlace, has_timers, lock};

/// Requests to one issuer at a time, and those of them for credentials that were never seen before.
const MAX_REQUESTS: usize = 64;
const MAX_UNKNOWN_REQUESTS: usize = 32;
/// Requests in flight, including those that wait for their turn.
const MAX_FLIGHTS: usize = 4_096;
/// Callers that wait for the flight of another one, by familiarity. A caller that begins a flight
/// needs no place, so the callers with one credential do not reject those with another one.
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

pub(super) type OutcomeSender = watch::Sender<Option<IntrospectionOutcome>>;

/// The requests of one issuer.
pub(super) struct InFlight {
    flights: Mutex<HashMap<CredentialDigest, SharedRequest>>,
    pub(super) permits: Semaphore,
    pub(super) unknown_permits: Semaphore,
    known_places: Places<CredentialDigest>,
    unknown_places: Places<CredentialDigest>,
}

struct SharedRequest {
    outcome: watch::Receiver<Option<IntrospectionOutcome>>,
    deadline: Instant,
}

/// The result of joining the request about a credential.
pub(super) enum Joined {
    Waiting(IntrospectionTicket),
    /// No request is in flight.
    NoRequest,
    /// All places of waiting callers are taken.
    NoPlace,
}

/// Why no request about a credential began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotStarted {
    /// A response arrived meanwhile.
    Decided,
    /// One is in flight, too many are, or there is no Tokio runtime.
    Impossible,
}

/// A shared request that a caller waits for.
pub(crate) struct IntrospectionTicket {
    outcome: watch::Receiver<Option<IntrospectionOutcome>>,
    deadline: Instant,
    /// `None` if this caller began the request.
    _place: Option<WaitingPlace<CredentialDigest>>,
}

/// The task's side of a flight. Dropping it ends the flight.
pub(super) struct FlightEnd<'f> {
    flights: &'f InFlight,
    digest: CredentialDigest,
    outcome: OutcomeSender,
}

impl InFlight {
    pub(super) fn new() -> Self {
        Self {
            flights: Mutex::default(),
            permits: Semaphore::new(MAX_REQUESTS),
            unknown_permits: Semaphore::new(MAX_UNKNOWN_REQUESTS),
            known_places: Places::new(MAX_WAITING),
            unknown_places: Places::new(MAX_UNKNOWN_WAITING),
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
        let places = match familiarity {
            Familiarity::Known => &self.known_places,
            Familiarity::Unknown => &self.unknown_places,
        };
        match places.take(*digest) {
            Some(taken) => Joined::Waiting(ticket(outcome, deadline, Some(taken))),
            None => Joined::NoPlace,
        }
    }

    /// Begins a flight and joins it, or returns why not. `is_decided` looks at the cache: a flight
    /// that ended after the caller looked there stored its response before it left the flights.
    pub(super) fn start(
        &self,
        digest: CredentialDigest,
        deadline: Instant,
        is_decided: impl FnOnce() -> bool,
    ) -> Result<(OutcomeSender, IntrospectionTicket), NotStarted> {
        let (sender, outcome) = watch::channel(None);
        let now = Instant::now();
        let mut flights = lock(&self.flights);
        if flights
            .get(&digest)
            .is_some_and(|flight| !flight.is_lost(now))
        {
            return Err(NotStarted::Impossible);
        }
        if is_decided() {
            return Err(NotStarted::Decided);
        }
        if flights.len() >= MAX_FLIGHTS {
            flights.retain(|_, flight| !flight.is_lost(now));
            if flights.len() >= MAX_FLIGHTS {
                return Err(NotStarted::Impossible);
            }
        }
        let ticket = ticket(outcome.clone(), deadline, None);
        flights.insert(digest, SharedRequest { outcome, deadline });
        Ok((sender, ticket))
    }

    pub(super) fn end(&self, digest: CredentialDigest, outcome: OutcomeSender) -> FlightEnd<'_> {
        FlightEnd {
            flights: self,
            digest,
            outcome,
        }
    }
}

fn ticket(
    outcome: watch::Receiver<Option<IntrospectionOutcome>>,
    deadline: Instant,
    taken: Option<WaitingPlace<CredentialDigest>>,
) -> IntrospectionTicket {
    IntrospectionTicket {
        outcome,
        deadline: deadline + Duration::from_millis(100),
        _place: taken,
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
