//! Decides whether a request to the issuer begins, or an earlier one is shared.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::digest::CredentialDigest;
use super::flight::{FlightRequest, run};
use super::in_flight::{Familiarity, IntrospectionTicket, Joined};
use super::state::{IntrospectorState, RETRY_AFTER};
use crate::telemetry::metrics::introspection_lookup;
use crate::util::{has_timers, lock};

impl IntrospectorState {
    /// Joins the flight of this credential, or begins one. The error is when it is worth trying
    /// again.
    pub(super) fn request(
        self: &Arc<Self>,
        digest: CredentialDigest,
        credential: &[u8],
        familiarity: Familiarity,
        at: Instant,
    ) -> Result<IntrospectionTicket, Duration> {
        introspection_lookup(&self.issuer, "miss");
        match self.in_flight.join(&digest, familiarity) {
            Joined::Waiting(ticket) => return Ok(ticket),
            Joined::NoPlace => return Err(RETRY_AFTER),
            Joined::NoRequest => {}
        }
        if let Some(pause) = self.outage.pause(familiarity, at) {
            return Err(pause);
        }
        if familiarity == Familiarity::Unknown && !lock(&self.budget).take(at) {
            self.counters.budget_exhausted.increment();
            introspection_lookup(&self.issuer, "budget_exhausted");
            return Err(RETRY_AFTER);
        }
        if let Some(ticket) = self.start_request(digest, credential, familiarity, at) {
            return Ok(ticket);
        }
        if familiarity == Familiarity::Unknown {
            lock(&self.budget).give_back();
        }
        // Another thread may have begun a flight of this credential since the first look.
        match self.in_flight.join(&digest, familiarity) {
            Joined::Waiting(ticket) => Ok(ticket),
            Joined::NoPlace | Joined::NoRequest => Err(RETRY_AFTER),
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
    /// Returns `None` if that is not possible, for example outside of a Tokio runtime.
    fn start_request(
        self: &Arc<Self>,
        digest: CredentialDigest,
        credential: &[u8],
        familiarity: Familiarity,
        at: Instant,
    ) -> Option<IntrospectionTicket> {
        let runtime = Handle::try_current().ok().filter(|_| has_timers())?;
        let credential = std::str::from_utf8(credential).ok()?.to_owned();
        let deadline = at + self.timing.timeout;
        let (outcome, ticket) = self.in_flight.start(digest, deadline)?;
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
        Some(ticket)
    }
}
