//! Decides whether a request to the issuer begins, or an earlier one is shared.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::cache::{ActiveEntry, Freshness};
use super::digest::CredentialDigest;
use super::flight::{FlightRequest, run};
use super::in_flight::{Familiarity, IntrospectionTicket, Joined, NotStarted};
use super::state::{IntrospectorState, RETRY_AFTER};
use crate::telemetry::metrics::introspection_lookup;
use crate::util::{has_timers, lock};

/// Why a caller waits for no request.
pub(super) enum NoRequest {
    /// A response arrived meanwhile, so the cache decides.
    Decided,
    /// When it is worth trying again.
    RetryAfter(Duration),
}

impl IntrospectorState {
    /// Joins the flight of this credential, or begins one.
    pub(super) fn request(
        self: &Arc<Self>,
        digest: CredentialDigest,
        credential: &[u8],
        familiarity: Familiarity,
        at: Instant,
    ) -> Result<IntrospectionTicket, NoRequest> {
        introspection_lookup(&self.issuer, "miss");
        match self.in_flight.join(&digest, familiarity) {
            Joined::Waiting(ticket) => return Ok(ticket),
            Joined::NoPlace => return Err(NoRequest::RetryAfter(RETRY_AFTER)),
            Joined::NoRequest => {}
        }
        if let Some(pause) = self.outage.pause(familiarity, at) {
            return Err(NoRequest::RetryAfter(pause));
        }
        if familiarity == Familiarity::Unknown && !lock(&self.budget).take(at) {
            self.counters.budget_exhausted.increment();
            introspection_lookup(&self.issuer, "budget_exhausted");
            return Err(NoRequest::RetryAfter(RETRY_AFTER));
        }
        let not_started = match self.start_request(digest, credential, familiarity, at) {
            Ok(ticket) => return Ok(ticket),
            Err(not_started) => not_started,
        };
        if familiarity == Familiarity::Unknown {
            lock(&self.budget).give_back();
        }
        if not_started == NotStarted::Decided {
            return Err(NoRequest::Decided);
        }
        // Another thread may have begun a flight of this credential since the first look.
        match self.in_flight.join(&digest, familiarity) {
            Joined::Waiting(ticket) => Ok(ticket),
            Joined::NoPlace | Joined::NoRequest => Err(NoRequest::RetryAfter(RETRY_AFTER)),
        }
    }

    /// Begins a flight about a known credential, and no caller waits for it. If it cannot begin
    /// now, the next use of the credential tries again.
    pub(super) fn refresh(
        self: &Arc<Self>,
        digest: CredentialDigest,
        credential: &[u8],
        at: Instant,
    ) {
        if self.outage.pause(Familiarity::Known, at).is_none() {
            let _ = self.start_request(digest, credential, Familiarity::Known, at);
        }
    }

    /// Begins a flight in a task of its own, so that it continues if the caller disconnects.
    fn start_request(
        self: &Arc<Self>,
        digest: CredentialDigest,
        credential: &[u8],
        familiarity: Familiarity,
        at: Instant,
    ) -> Result<IntrospectionTicket, NotStarted> {
        let runtime = Handle::try_current().ok().filter(|_| has_timers());
        let runtime = runtime.ok_or(NotStarted::Impossible)?;
        let credential = std::str::from_utf8(credential).map_err(|_| NotStarted::Impossible)?;
        let credential = credential.to_owned();
        let deadline = at + self.timing.timeout;
        let is_decided = || self.is_decided(&digest, at);
        let (outcome, ticket) = self.in_flight.start(digest, deadline, is_decided)?;
        runtime.spawn(run(
            Arc::clone(self),
            FlightRequest {
                digest,
                credential,
                familiarity,
                deadline,
            },
            outcome,
        ));
        Ok(ticket)
    }

    /// Returns `true` if the cache has a response that needs no request now.
    fn is_decided(&self, digest: &CredentialDigest, at: Instant) -> bool {
        let now = self.clock.unix_seconds();
        let is_fresh = |entry: Arc<ActiveEntry>| entry.freshness(at, now) == Freshness::Fresh;
        self.cache.active(digest).is_some_and(is_fresh) || self.cache.rejected(digest, at).is_some()
    }
}
