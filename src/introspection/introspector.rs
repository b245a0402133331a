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
use super::state::{IntrospectorState, RETRY_AFTER};
use super::status::{Counters, IntrospectionStatus};
use super::timing::IntrospectionTiming;
use crate::clock::Clock;
use crate::telemetry::metrics::introspection_lookup;
use crate::token::Claims;
use crate::util::{has_timers, lock};

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
    pub(crate) fn new(
        issuer: Arc<str>,
        backend: Backend,
        accept: Box<Accept>,
        timing: IntrospectionTiming,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(IntrospectorState {
            issuer,
            backend,
            accept,
            timing,
            clock,
            cache: ResponseCache::new(),
            known_credentials: KnownCredentials::new(),
            in_flight: InFlight::new(),
            budget: Mutex::new(UnknownBudget::new(Instant::now())),
            outage: Outage::default(),
            counters: Counters::default(),
        }))
    }

    /// Returns what is known about a credential, or a request to wait for. `now` is the wall clock.
    pub(crate) fn lookup(
        &self,
        digest: CredentialDigest,
        credential: &[u8],
        now: i64,
    ) -> IntrospectionLookup {
        let state = &self.0;
        let at = Instant::now();
        let cached = state.cache.active(&digest);
        if let Some(entry) = cached {
            match entry.freshness(at, now) {
                Freshness::Fresh => return state.hit(&entry),
                Freshness::DueForRefresh => {
                    state.refresh(digest, credential, at);
                    return state.hit(&entry);
                }
                Freshness::StaleAfterFailure => return state.stale(&entry),
                Freshness::StaleAndDue => {
                    state.refresh(digest, credential, at);
                    return state.stale(&entry);
                }
                Freshness::Stale => {
                    return match state.request(digest, credential, Familiarity::Known, at) {
                        Ok(ticket) => IntrospectionLookup::Wait(IntrospectionWait {
                            ticket,
                            stale: Some(StaleResponse {
                                claims: entry.claims.clone(),
                                state: Arc::clone(state),
                            }),
                        }),
                        Err(_) => state.stale(&entry),
                    };
                }
                Freshness::Expired => {}
            }
        }
        if let Some(rejected) = state.cache.rejected(&digest, at) {
            state.counters.cache_hits.increment();
            introspection_lookup(&state.issuer, "rejected");
            return IntrospectionLookup::Done(IntrospectionOutcome::Rejected(rejected));
        }
        let familiarity = if state.known_credentials.contains(&digest) {
            Familiarity::Known
        } else {
            Familiarity::Unknown
        };
        if familiarity == Familiarity::Known && state.cache.has_failed(&digest, at) {
            let pause = state.outage.pause(familiarity, at);
            let retry_after = pause.unwrap_or(RETRY_AFTER);
            return IntrospectionLookup::Done(IntrospectionOutcome::Failed { retry_after });
        }
        match state.request(digest, credential, familiarity, at) {
            Ok(ticket) => IntrospectionLookup::Wait(IntrospectionWait {
                ticket,
                stale: None,
            }),
            Err(retry_after) => {
                IntrospectionLookup::Done(IntrospectionOutcome::Failed { retry_after })
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
            let learned =
                tokio::time::timeout_at(deadline, kinde.learn_unknown_key(deadline)).await;
            match learned.ok().flatten() {
                Some(learned) if !learned.is_distinguishable() => {
                    crate::telemetry::events::unknown_keys_not_distinguishable(&self.0.issuer);
                }
                _ => {}
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

    pub(crate) fn known(&self) -> Vec<CredentialDigest> {
        self.0.known_credentials.digests()
    }

    pub(crate) fn restore(&self, digests: &[CredentialDigest]) {
        for digest in digests {
            self.0.known_credentials.insert(*digest);
        }
    }
}

impl IntrospectorState {
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
