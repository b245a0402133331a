//! One introspection request, and what follows from it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::cache::ActiveEntry;
use super::digest::CredentialDigest;
use super::error::{IntrospectionError, IntrospectionFailure};
use super::in_flight::{Familiarity, OutcomeSender};
use super::outage::FailureReport;
use super::outcome::{
    ActiveResponse, CredentialStatus, IntrospectionOutcome, RejectedCredential, UseWindow,
};
use super::state::{IntrospectorState, RETRY_AFTER};
use crate::clock::seconds;
use crate::util::lock;

/// A request about one credential. The credential is in no store: it ends with the request.
pub(super) struct FlightRequest {
    pub(super) digest: CredentialDigest,
    pub(super) credential: String,
    pub(super) familiarity: Familiarity,
    pub(super) deadline: Instant,
}

/// How a request ended.
enum FlightResult {
    Response(Result<CredentialStatus, IntrospectionFailure>),
    /// It was not sent, because the issuer wants no requests for this long.
    Paused(Duration),
}

/// Queries the issuer once and shares the outcome with all callers that wait for it.
pub(super) async fn run(
    state: Arc<IntrospectorState>,
    request: FlightRequest,
    outcome: OutcomeSender,
) {
    let end = state.in_flight.end(request.digest, outcome);
    let fetched = tokio::time::timeout_at(request.deadline, state.fetch(&request)).await;
    end.finish(match fetched {
        Ok(FlightResult::Response(response)) => state.record_response(&request, response),
        Ok(FlightResult::Paused(retry_after)) => {
            state.give_back(&request);
            IntrospectionOutcome::Failed { retry_after }
        }
        Err(_) => state.record_response(&request, Err(IntrospectionError::TimedOut.into())),
    });
}

impl IntrospectorState {
    async fn fetch(&self, request: &FlightRequest) -> FlightResult {
        let in_flight = &self.in_flight;
        // The semaphores are never closed.
        let _unknown = match request.familiarity {
            Familiarity::Known => None,
            Familiarity::Unknown => in_flight.unknown_permits.acquire().await.ok(),
        };
        let _permit = in_flight.permits.acquire().await.ok();
        // The issuer can have requested a pause while this request waited for its turn.
        if let Err(pause) = self
            .outage
            .begin_request(request.familiarity, Instant::now())
        {
            return FlightResult::Paused(pause);
        }
        self.counters.requests.increment();
        let gate = self.outage.gate(request.familiarity);
        let (credential, deadline) = (&request.credential, request.deadline);
        FlightResult::Response(self.backend.fetch(credential, deadline, gate).await)
    }

    /// Returns what the request used of the budget for unknown credentials.
    fn give_back(&self, request: &FlightRequest) {
        if request.familiarity == Familiarity::Unknown {
            lock(&self.budget).give_back();
        }
    }

    fn record_response(
        &self,
        request: &FlightRequest,
        fetched: Result<CredentialStatus, IntrospectionFailure>,
    ) -> IntrospectionOutcome {
        let at = Instant::now();
        let (outcome, code) = match fetched {
            Ok(CredentialStatus::Active(response)) => match self.accept(request, &response, at) {
                Ok(outcome) => (outcome, "active"),
                Err(rejected) => (self.reject(request, rejected, at), "rejected"),
            },
            Ok(CredentialStatus::Rejected(error)) => {
                let rejected = RejectedCredential::Claims(error.into());
                (self.reject(request, rejected, at), "rejected")
            }
            Ok(CredentialStatus::Inactive) => {
                let rejected = RejectedCredential::Inactive;
                (self.reject(request, rejected, at), "inactive")
            }
            Err(failure) => {
                let code = failure.error.code();
                (self.fail(request, failure, at), code)
            }
        };
        crate::telemetry::metrics::introspection_request(&self.issuer, code);
        outcome
    }

    fn accept(
        &self,
        request: &FlightRequest,
        response: &ActiveResponse,
        at: Instant,
    ) -> Result<IntrospectionOutcome, RejectedCredential> {
        self.outage.record_success(request.familiarity);
        let timing = self.timing;
        let now = self.clock.unix_seconds();
        let fresh_until = now.saturating_add(seconds(timing.time_to_live));
        let window = UseWindow {
            digest: request.digest,
            now,
            fresh_until,
            stale_until: fresh_until.saturating_add(seconds(timing.max_stale)),
        };
        let accepted = (self.accept)(response, window).map_err(RejectedCredential::Claims)?;
        let claims = accepted.claims;
        let fresh_until = at + timing.time_to_live;
        let entry = ActiveEntry {
            claims: claims.clone(),
            body_len: response.body.len(),
            refresh_from: at + timing.time_to_live.mul_f64(0.75),
            fresh_until,
            stale_until: fresh_until + timing.max_stale,
            expires_at: accepted.expires_at,
            next_attempt: std::sync::Mutex::default(),
        };
        self.cache.insert_active(request.digest, Arc::new(entry));
        self.known_credentials
            .insert(request.digest, request.credential.as_bytes());
        self.give_back(request);
        Ok(IntrospectionOutcome::Active(claims))
    }

    fn reject(
        &self,
        request: &FlightRequest,
        rejected: RejectedCredential,
        at: Instant,
    ) -> IntrospectionOutcome {
        self.outage.record_success(request.familiarity);
        let (digest, credential) = (&request.digest, request.credential.as_bytes());
        let was_known = self.known_credentials.remove(digest, credential);
        self.cache
            .insert_rejected(request.digest, rejected.clone(), at);
        // An unknown credential has no open streams.
        if was_known {
            self.changes.notify();
        }
        IntrospectionOutcome::Rejected(rejected)
    }

    fn fail(
        &self,
        request: &FlightRequest,
        failure: IntrospectionFailure,
        at: Instant,
    ) -> IntrospectionOutcome {
        self.counters.failures.increment();
        if request.familiarity == Familiarity::Known {
            self.cache.record_failure(request.digest, at);
        }
        let familiarity = request.familiarity;
        self.report_failure(failure, familiarity, at);
        IntrospectionOutcome::Failed {
            retry_after: self.outage.pause(familiarity, at).unwrap_or(RETRY_AFTER),
        }
    }

    /// Records a failure and the pause that the issuer requires.
    pub(super) fn report_failure(
        &self,
        failure: IntrospectionFailure,
        familiarity: Familiarity,
        at: Instant,
    ) {
        match self.outage.record_failure(failure, familiarity, at) {
            FailureReport::Omit => {}
            FailureReport::Failed => {
                crate::telemetry::events::introspection_failed(&self.issuer, &failure.error);
            }
            FailureReport::CredentialsRejected => {
                crate::telemetry::events::credentials_rejected(&self.issuer, &failure.error);
            }
        }
    }
}
