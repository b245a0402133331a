//! The issuers that the application resolved: their cache, the resolutions in flight, and the
//! change that an outcome makes.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::allowances::Allowances;
use super::negative_cache::{NegativeCache, NegativeReason};
use super::question_rate::QuestionRate;
use super::trusted::{IssuerRef, LAST_MINUTES, Resolution, TrustedIssuer};
use crate::clock::Clock;
use crate::http_client::HttpClients;
use crate::jwks::SavedKeys;
use crate::util::{BoxError, Changes};
use crate::verifier::config_error::ConfigError;
use crate::verifier::issuer::Issuer;

/// The time after which a resolved issuer is resolved again in the background, and the time after
/// which requests wait for the new resolution.
const REFRESH_AFTER: Duration = Duration::from_secs(5 * 60);
const TTL: Duration = REFRESH_AFTER.saturating_add(LAST_MINUTES);

pub(in crate::verifier) type ResolveFuture =
    Pin<Box<dyn Future<Output = Result<Option<Issuer>, BoxError>> + Send>>;
pub(in crate::verifier) type ResolveFn = dyn Fn(String) -> ResolveFuture + Send + Sync;

/// The settings of the resolver.
pub(crate) struct ResolverConfig {
    pub(crate) resolve: Arc<ResolveFn>,
    pub(crate) capacity: usize,
    /// The maximum number of resolver calls per second.
    pub(crate) max_per_second: u32,
    pub(crate) clock: Clock,
    /// A withdrawn issuer can end open streams.
    pub(crate) changes: Changes,
}

pub(super) struct ResolverInner {
    pub(super) settings: ResolverConfig,
    pub(super) clients: HttpClients,
    pub(super) waiting: Semaphore,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) cached: HashMap<Arc<str>, CachedIssuer>,
    pub(super) negative: NegativeCache,
    pub(super) in_flight: HashMap<Arc<str>, InFlightResolution>,
    /// Saved keys. Each is used once, when its issuer is resolved for the first time. Keys that
    /// were fetched since then are newer, and removed keys must not come back.
    pub(super) saved: Vec<SavedKeys>,
    pub(super) rate: QuestionRate,
    pub(super) allowances: Allowances,
}

pub(super) struct CachedIssuer {
    pub(super) trusted: Arc<TrustedIssuer>,
    pub(super) refresh_at: Instant,
}

/// A resolution in progress. It runs in a task of its own, because the request that started it may
/// be canceled.
pub(super) struct InFlightResolution {
    /// The share of the places that it belongs to.
    pub(super) was_trusted: bool,
    pub(super) resolution: watch::Receiver<Option<Resolution>>,
    pub(super) task: AbortHandle,
    pub(super) has_begun: Arc<AtomicBool>,
    pub(super) begin_by: Instant,
    pub(super) end_by: Instant,
}

impl InFlightResolution {
    /// Returns `false` if the task ended with its runtime (its sender is gone), or if its runtime
    /// does not run any more.
    pub(super) fn is_live(&self, now: Instant) -> bool {
        let is_late = if self.has_begun.load(Ordering::Relaxed) {
            now >= self.end_by
        } else {
            now >= self.begin_by
        };
        self.resolution.has_changed().is_ok() && !is_late
    }
}

impl Drop for InFlightResolution {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ResolverInner {
    pub(super) fn record(
        &self,
        iss: &Arc<str>,
        outcome: Result<Option<Issuer>, &'static str>,
    ) -> Resolution {
        let now = Instant::now();
        let trusted = outcome.map_err(str::to_owned).and_then(|issuer| {
            issuer
                .map(|issuer| self.trusted(iss, issuer, now))
                .transpose()
        });
        let mut state = self.state();
        state.in_flight.remove(iss);
        match trusted {
            Ok(Some(trusted)) => {
                state.rate.record_trusted(iss);
                let Some(trusted) = self.cache(&mut state, trusted, now) else {
                    return unavailable(Duration::ZERO);
                };
                // A recorder must not run under the lock.
                drop(state);
                trusted.keys.report();
                Resolution::Trusted(IssuerRef::Resolved(trusted))
            }
            Ok(None) => {
                state.remove(iss);
                state.negative.insert(iss, NegativeReason::NotTrusted, now);
                drop(state);
                self.settings.changes.notify();
                Resolution::NotTrusted
            }
            Err(problem) => {
                let until = state.negative.insert(iss, NegativeReason::Failed, now);
                if let Some(cached) = state.cached.get_mut(iss) {
                    cached.refresh_at = until;
                }
                // Neither must the subscriber of the application.
                drop(state);
                crate::telemetry::events::issuer_resolution_failed(&problem);
                unavailable(until.saturating_duration_since(now))
            }
        }
    }

    /// Checks the issuer that the resolver returned, in the same way as a listed issuer.
    fn trusted(&self, iss: &str, issuer: Issuer, now: Instant) -> Result<TrustedIssuer, String> {
        let issuer = issuer.into_resolved();
        if issuer.allows_plain_http() {
            return Err("dangerous_allow_http: is only for listed issuers".to_owned());
        }
        let trusted = {
            let ResolverConfig { clock, changes, .. } = &self.settings;
            issuer.into_trusted_issuer(clock, &self.clients, changes)
        };
        let mut trusted = trusted.map_err(|error: ConfigError| error.to_string())?;
        if *trusted.issuer != *iss {
            return Err(
                "the function returned an issuer with another name than the requested one"
                    .to_owned(),
            );
        }
        trusted.expires_at = Some(now + TTL);
        Ok(trusted)
    }

    /// Caches a trusted issuer, or returns `None` if requests use all others that are cached.
    fn cache(
        &self,
        state: &mut State,
        trusted: TrustedIssuer,
        now: Instant,
    ) -> Option<Arc<TrustedIssuer>> {
        if let Some(previous) = state.cached.get(&trusted.issuer) {
            trusted.keys.inherit_from(&previous.trusted.keys);
            trusted.mark_used(previous.trusted.last_used());
            previous.trusted.retire();
            trusted
                .organizations_seen
                .inherit_from(&previous.trusted.organizations_seen);
        } else {
            if state.cached.len() >= self.settings.capacity {
                let evicted = state.idle_issuer(now)?;
                state.remove(&evicted);
            }
            if let Some(allowance) = state.allowances.get(&trusted.issuer) {
                trusted.keys.resume(allowance);
            }
            let saved = state
                .saved
                .extract_if(.., |saved| saved.is_of(&trusted.issuer));
            saved.for_each(|saved| trusted.keys.restore(&saved));
        }
        let trusted = Arc::new(trusted);
        let cached = CachedIssuer {
            trusted: Arc::clone(&trusted),
            refresh_at: now + REFRESH_AFTER,
        };
        state.cached.insert(Arc::clone(&trusted.issuer), cached);
        Some(trusted)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the number of calls in flight that belong to one share of the places.
    pub(super) fn in_flight_of(&self, was_trusted: bool, now: Instant) -> usize {
        self.in_flight
            .values()
            .filter(|open| open.was_trusted == was_trusted && open.is_live(now))
            .count()
    }

    /// Removes an issuer and keeps its fetch budget.
    fn remove(&mut self, iss: &str) {
        let Some(CachedIssuer { trusted, .. }) = self.cached.remove(iss) else {
            return;
        };
        trusted.retire();
        if let Some(allowance) = trusted.keys.allowance() {
            self.allowances.insert(iss, allowance);
        }
    }

    /// Returns the issuer to evict: the one with the oldest last verified token. Names that only
    /// forged tokens use therefore evict each other. Among equal ones, an issuer without keys is
    /// evicted first, and then one for which no request timed out: keys that arrived too late for a
    /// request stay for its next attempt. An issuer stays if a request uses it or if its keys are
    /// being fetched. If its lifetime has ended, it may be evicted, because only a request in a
    /// stopped runtime can still use it.
    fn idle_issuer(&self, now: Instant) -> Option<Arc<str>> {
        let is_idle = |trusted: &Arc<TrustedIssuer>| {
            let is_used = Arc::strong_count(trusted) > 1 || trusted.keys.is_fetching();
            !is_used || trusted.expires_at.is_some_and(|until| now >= until)
        };
        let idle = self
            .cached
            .iter()
            .filter(|(_, cached)| is_idle(&cached.trusted));
        let oldest = idle.min_by_key(|(_, cached)| {
            let CachedIssuer {
                trusted,
                refresh_at,
            } = cached;
            let has_keys = trusted.keys.available().is_some();
            let (used, awaited) = (trusted.last_used(), trusted.last_awaited());
            (used, has_keys, awaited, *refresh_at)
        });
        oldest.map(|(iss, _)| Arc::clone(iss))
    }
}

pub(super) fn unavailable(retry_after: Duration) -> Resolution {
    Resolution::Unavailable {
        retry_after: retry_after.max(Duration::from_secs(1)),
    }
}
