//! The introspection of one issuer's credentials: what the verifier calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::backend::{Backend, Weakness};
use super::budget::UnknownBudget;
use super::cache::{ActiveEntry, Freshness, ResponseCache};
use super::digest::CredentialDigest;
use super::in_flight::{Familiarity, InFlight, IntrospectionTicket};
use super::known::KnownCredentials;
use super::outage::Outage;
use super::outcome::{Accept, IntrospectionOutcome};
use super::saved::SavedDigest;
use super::start::NoRequest;
use super::state::{IntrospectorState, RETRY_AFTER};
use super::status::{Counters, IntrospectionStatus};
use super::timing::IntrospectionTiming;
use crate::clock::Clock;
use crate::telemetry::metrics::introspection_lookup;
use crate::token::Claims;
use crate::util::{Changes, has_timers, lock};

/// The introspection of one issuer's credentials.
pub(crate) struct Introspector(pub(super) Arc<IntrospectorState>);

/// What is known about a credential without waiting.
pub(crate) enum IntrospectionLookup {
    Done(IntrospectionOutcome),
    Wait(IntrospectionWait),
}

/// A request to the issuer that a caller waits for.
pub(crate) struct IntrospectionWait {
    ticket: IntrospectionTicket,
    /// What is used if the issuer fails.
    stale: Option<StaleResponse>,
}

struct StaleResponse {
    claims: Claims,
    state: Arc<IntrospectorState>,
}

impl Introspector {
    pub(super) fn new(
        issuer: Arc<str>,
        backend: Backend,
        accept: Box<Accept>,
        timing: IntrospectionTiming,
        known_credentials: KnownCredentials,
        clock: Clock,
        changes: Changes,
    ) -> Self {
        Self(Arc::new(IntrospectorState {
            issuer,
            backend,
            accept,
            timing,
            clock,
            cache: ResponseCache::new(),
            known_credentials,
            in_flight: InFlight::new(),
            budget: Mutex::new(UnknownBudget::new(Instant::now())),
            outage: Outage::default(),
            counters: Counters::default(),
            changes,
        }))
    }

    /// Returns what is known about a credential, or a request to wait for. `now` is the wall clock.
    pub(crate) fn lookup(
        &self,
        digest: CredentialDigest,
        credential: &[u8],
        now: i64,
    ) -> IntrospectionLookup {
        let (state, at) = (&self.0, Instant::now());
        let cached = state.cache.active(&digest);
        let fallback = match cached.map(|entry| (entry.freshness(at, now), entry)) {
            Some((Freshness::Fresh, entry)) => return state.hit(&entry),
            Some((Freshness::DueForRefresh, entry)) => {
                state.refresh(digest, credential, at);
                return state.hit(&entry);
            }
            Some((Freshness::StaleAfterFailure, entry)) => return state.stale(&entry),
            Some((Freshness::StaleAndDue, entry)) => {
                state.refresh(digest, credential, at);
                return state.stale(&entry);
            }
            Some((Freshness::Stale, entry)) => Some(entry),
            Some((Freshness::Expired, _)) | None => None,
        };
        if fallback.is_none()
            && let Some(rejected) = state.rejected(&digest, at)
        {
            return rejected;
        }
        let familiarity = if fallback.is_some() {
            Familiarity::Known
        } else {
            state.familiarity(&digest, credential)
        };
        if fallback.is_none()
            && familiarity == Familiarity::Known
            && state.cache.has_failed(&digest, at)
        {
            let pause = state.outage.pause(familiarity, at);
            return IntrospectionLookup::failed(pause.unwrap_or(RETRY_AFTER));
        }
        match (state.request(digest, credential, familiarity, at), fallback) {
            (Ok(ticket), fallback) => IntrospectionLookup::Wait(IntrospectionWait {
                ticket,
                stale: fallback.map(|entry| StaleResponse {
                    claims: entry.claims.clone(),
                    state: Arc::clone(state),
                }),
            }),
            (Err(NoRequest::Decided), fallback) => {
                state.decided(&digest, at, now, fallback.as_deref())
            }
            (Err(NoRequest::RetryAfter(_)), Some(entry)) => state.stale(&entry),
            (Err(NoRequest::RetryAfter(retry_after)), None) => {
                IntrospectionLookup::failed(retry_after)
            }
        }
    }

    /// Returns `true` if a response about this credential is cached and fresh.
    pub(crate) fn is_cached(&self, digest: &CredentialDigest) -> bool {
        let (state, at) = (&self.0, Instant::now());
        let is_fresh = |entry: Arc<ActiveEntry>| {
            let freshness = entry.freshness(at, state.clock.unix_seconds());
            matches!(freshness, Freshness::Fresh | Freshness::DueForRefresh)
        };
        state.cache.active(digest).is_some_and(is_fresh)
            || state.cache.rejected(digest, at).is_some()
    }

    pub(crate) fn issuer(&self) -> &Arc<str> {
        &self.0.issuer
    }

    /// Returns what weakens the checks of this issuer's credentials.
    pub(crate) fn weaknesses(&self) -> impl Iterator<Item = Weakness> + use<> {
        self.0.backend.weaknesses()
    }

    /// Finds out how the issuer reports an unknown credential, and reports it if that cannot be
    /// distinguished from a rejection of this service's own credentials.
    pub(crate) async fn prepare(&self) {
        const TIMEOUT: Duration = Duration::from_secs(3);
        if let Backend::Kinde(kinde) = &self.0.backend
            && has_timers()
        {
            let deadline = Instant::now() + TIMEOUT;
            match tokio::time::timeout_at(deadline, kinde.learn_unknown_key(deadline)).await {
                Ok(Ok(learned)) if !learned.is_distinguishable() => {
                    crate::telemetry::events::unknown_keys_not_distinguishable(&self.0.issuer);
                }
                Ok(Err(failure)) => {
                    let at = Instant::now();
                    self.0.report_failure(failure, Familiarity::Unknown, at);
                }
                Ok(Ok(_)) | Err(_) => {}
            }
        }
    }

    pub(crate) fn status(&self) -> IntrospectionStatus {
        let state = &self.0;
        let counters = &state.counters;
        IntrospectionStatus {
            issuer: state.issuer.to_string(),
            requests: counters.requests.get(),
            cache_hits: counters.cache_hits.get(),
            stale_uses: counters.stale_uses.get(),
            failures: counters.failures.get(),
            budget_left: lock(&state.budget).left(Instant::now()),
            budget_exhausted: counters.budget_exhausted.get(),
            cached_credentials: state.cache.len(),
            last_error: state.outage.last_error(),
            distinguishes_unknown_keys: state.backend.distinguishes_unknown_keys(),
        }
    }

    pub(super) fn known(&self) -> Vec<SavedDigest> {
        self.0.known_credentials.digests()
    }
}

impl IntrospectionLookup {
    fn failed(retry_after: Duration) -> Self {
        Self::Done(IntrospectionOutcome::Failed { retry_after })
    }
}

impl IntrospectorState {
    fn familiarity(&self, digest: &CredentialDigest, credential: &[u8]) -> Familiarity {
        if self.known_credentials.contains(digest, credential) {
            Familiarity::Known
        } else {
            Familiarity::Unknown
        }
    }

    fn rejected(&self, digest: &CredentialDigest, at: Instant) -> Option<IntrospectionLookup> {
        let rejected = self.cache.rejected(digest, at)?;
        self.counters.cache_hits.increment();
        introspection_lookup(&self.issuer, "rejected");
        let outcome = IntrospectionOutcome::Rejected(rejected);
        Some(IntrospectionLookup::Done(outcome))
    }

    /// Returns what the cache says after a response arrived meanwhile. If that is evicted already,
    /// the stale response is used, or the caller tries again.
    fn decided(
        &self,
        digest: &CredentialDigest,
        at: Instant,
        now: i64,
        stale: Option<&ActiveEntry>,
    ) -> IntrospectionLookup {
        let cached = self.cache.active(digest);
        let fresh = cached.filter(|entry| entry.freshness(at, now) == Freshness::Fresh);
        if let Some(entry) = fresh {
            return self.hit(&entry);
        }
        let rejected = self.rejected(digest, at);
        rejected.unwrap_or_else(|| match stale {
            Some(entry) => self.stale(entry),
            None => IntrospectionLookup::failed(RETRY_AFTER),
        })
    }

    fn hit(&self, entry: &ActiveEntry) -> IntrospectionLookup {
        self.counters.cache_hits.increment();
        introspection_lookup(&self.issuer, "hit");
        IntrospectionLookup::Done(IntrospectionOutcome::Active(entry.claims.clone()))
    }

    fn stale(&self, entry: &ActiveEntry) -> IntrospectionLookup {
        self.counters.stale_uses.increment();
        introspection_lookup(&self.issuer, "stale");
        IntrospectionLookup::Done(IntrospectionOutcome::Active(entry.claims.clone()))
    }
}

impl IntrospectionWait {
    /// Waits until the issuer responds or the deadline passes.
    pub(crate) async fn outcome(self) -> IntrospectionOutcome {
        let outcome = self.ticket.outcome().await;
        let failed = IntrospectionOutcome::Failed {
            retry_after: RETRY_AFTER,
        };
        match (outcome.unwrap_or(failed), self.stale) {
            (IntrospectionOutcome::Failed { .. }, Some(stale)) => {
                stale.state.counters.stale_uses.increment();
                IntrospectionOutcome::Active(stale.claims)
            }
            (outcome, _) => outcome,
        }
    }
}

impl std::fmt::Debug for Introspector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Introspector")
            .field("issuer", &self.0.issuer)
            .finish_non_exhaustive()
    }
}
