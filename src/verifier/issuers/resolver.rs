//! Issuers that are known only at run time. The application resolves each once, and the result is
//! cached for a while.
//!
//! Any client can choose the `iss` of a token, so all of this is bounded: the cached results, the
//! concurrent calls, and the time of each call. If an `iss` cannot be an issuer, the application is
//! never called.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::allowances::Allowances;
use super::negative_cache::{NegativeCache, NegativeReason};
use super::question_rate::QuestionRate;
use super::resolved::{
    InFlightResolution, ResolveFn, ResolverConfig, ResolverInner, State, unavailable,
};
use super::trusted::{IssuerRef, Resolution, TrustedIssuer};
use crate::http_client::HttpClients;
use crate::jwks::{JwksError, SavedKeys, is_secure_url};
use crate::util::{catch_panic, has_timers};

/// The time limit of one call. The constants after it limit the concurrent calls and the waiting
/// requests.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The time within which a call must begin. After it, its runtime is considered stopped.
const BEGIN_WITHIN: Duration = Duration::from_millis(500);
const MAX_IN_FLIGHT: usize = 64;

/// The number of evicted issuers with a stored fetch budget.
const MAX_ALLOWANCES: usize = 16_384;
const MAX_WAITERS: usize = 4096;

/// The longest name of an issuer, in bytes.
const MAX_ISSUER_LEN: usize = 512;

/// The resolver. If it is dropped, its open calls end.
pub(crate) struct Resolver(Arc<ResolverInner>);

impl Resolver {
    pub(crate) fn new(settings: ResolverConfig, saved: Vec<SavedKeys>) -> Self {
        let state = State {
            cached: HashMap::new(),
            negative: NegativeCache::default(),
            in_flight: HashMap::new(),
            saved,
            allowances: Allowances::new(MAX_ALLOWANCES),
            rate: QuestionRate::new(
                settings.max_per_second,
                MAX_IN_FLIGHT,
                // Issuers that were evicted stay in the record of trusted names.
                settings.capacity.saturating_mul(2).clamp(1024, 1 << 17),
                Instant::now(),
            ),
        };
        Self(Arc::new(ResolverInner {
            settings,
            clients: HttpClients::default(),
            waiting: Semaphore::new(MAX_WAITERS),
            state: Mutex::new(state),
        }))
    }

    pub(crate) fn resolved_issuers(&self) -> Vec<Arc<TrustedIssuer>> {
        self.0
            .state()
            .cached
            .values()
            .map(|cached| Arc::clone(&cached.trusted))
            .collect()
    }

    /// Looks up an issuer without waiting. Returns `None` if the application has to resolve it. If
    /// an issuer is near the end of its lifetime, it is resolved again in the background.
    pub(crate) fn lookup(&self, iss: &str) -> Option<Resolution> {
        self.lookup_in(&mut self.0.state(), iss)
    }

    /// Asks about an issuer in its last minutes, in the background.
    pub(super) fn refresh_if_due(&self, trusted: &TrustedIssuer, now: Instant) {
        if !trusted.is_in_last_minutes(now) {
            return;
        }
        let mut state = self.0.state();
        let cached = state.cached.get(&trusted.issuer);
        if cached.is_some_and(|cached| now >= cached.refresh_at) {
            // Whether it could be asked shows at the end of its time.
            let _ = self.start_resolution(&mut state, &trusted.issuer);
        }
    }

    /// Starts a call for the issuer of an open stream. Whether it could start shows in its result.
    pub(crate) fn start(&self, iss: &str) {
        let _ = self.start_resolution(&mut self.0.state(), iss);
    }

    fn lookup_in(&self, state: &mut State, iss: &str) -> Option<Resolution> {
        let now = Instant::now();
        if let Some(cached) = state
            .cached
            .get(iss)
            .filter(|cached| cached.trusted.expires_at.is_some_and(|until| now < until))
        {
            let trusted = Arc::clone(&cached.trusted);
            if now >= cached.refresh_at {
                // If the call cannot start, requests notice it when the lifetime ends.
                let _ = self.start_resolution(state, iss);
            }
            return Some(Resolution::Trusted(IssuerRef::Resolved(trusted)));
        }
        match state.negative.get(iss, now) {
            Some((NegativeReason::NotTrusted, _)) => Some(Resolution::NotTrusted),
            Some((NegativeReason::Failed, until)) => {
                Some(unavailable(until.saturating_duration_since(now)))
            }
            None if iss.len() > MAX_ISSUER_LEN || iss.contains('?') || !is_secure_url(iss) => {
                Some(Resolution::NotTrusted)
            }
            None => None,
        }
    }

    pub(crate) async fn resolve(&self, iss: &str) -> Resolution {
        // Requests never queue. Beyond the limit, the response is immediate.
        let Ok(_slot) = self.0.waiting.try_acquire() else {
            return unavailable(Duration::ZERO);
        };
        let outcome = {
            let mut state = self.0.state();
            match self.lookup_in(&mut state, iss) {
                Some(resolution) => return resolution,
                None => self.start_resolution(&mut state, iss),
            }
        };
        if !has_timers() {
            crate::telemetry::events::issuer_resolution_failed(&JwksError::NoTimers.to_string());
            return unavailable(Duration::ZERO);
        }
        let deadline = Instant::now() + TIMEOUT;
        let Some(mut outcome) = outcome else {
            return unavailable(Duration::ZERO);
        };
        let is_late = timeout(BEGIN_WITHIN, outcome.wait_for(Option::is_some))
            .await
            .is_err();
        if is_late {
            // If the call has not begun, its runtime is stopped, so it starts again in this one.
            match self.start_resolution(&mut self.0.state(), iss) {
                Some(restarted) => outcome = restarted,
                None => return unavailable(Duration::ZERO),
            }
        }
        match timeout_at(deadline, outcome.wait_for(Option::is_some)).await {
            Ok(Ok(resolution)) => resolution
                .clone()
                .unwrap_or_else(|| unavailable(Duration::ZERO)),
            // The task ended with its runtime, or its runtime does not run any more.
            Ok(Err(_)) | Err(_) => unavailable(Duration::ZERO),
        }
    }

    /// Starts a call, unless one is in progress. Returns `None` if too many calls are open, if the
    /// rate is used up, or if there is no runtime.
    fn start_resolution(
        &self,
        state: &mut State,
        iss: &str,
    ) -> Option<watch::Receiver<Option<Resolution>>> {
        let now = Instant::now();
        let is_live = |open: &InFlightResolution| open.is_live(now);
        if let Some(open) = state.in_flight.get(iss).filter(|open| is_live(open)) {
            return Some(open.resolution.clone());
        }
        if state.in_flight.len() >= MAX_IN_FLIGHT {
            state.in_flight.retain(|_, open| is_live(open));
        }
        let runtime = Handle::try_current().ok()?;
        let was_trusted = state.rate.is_trusted(iss);
        let in_flight = if state.cached.contains_key(iss) {
            // Cached issuers may exceed the limit, so that no other call blocks their refresh.
            // Their number is bounded.
            0
        } else {
            state.in_flight_of(was_trusted, now)
        };
        if !state.rate.take(iss, in_flight, now) {
            return None;
        }
        let iss: Arc<str> = iss.into();
        let (sender, resolution) = watch::channel(None);
        let has_begun = Arc::new(AtomicBool::new(false));
        let task = runtime.spawn(run_resolver(
            Arc::clone(&has_begun),
            Arc::downgrade(&self.0),
            Arc::clone(&self.0.settings.resolve),
            Arc::clone(&iss),
            sender,
        ));
        state.in_flight.insert(
            iss,
            InFlightResolution {
                was_trusted,
                resolution: resolution.clone(),
                task: task.abort_handle(),
                has_begun,
                begin_by: now + BEGIN_WITHIN,
                end_by: now + BEGIN_WITHIN + TIMEOUT + Duration::from_secs(1),
            },
        );
        Some(resolution)
    }
}

/// Calls the application's function and records the result.
async fn run_resolver(
    has_begun: Arc<AtomicBool>,
    desk: Weak<ResolverInner>,
    function: Arc<ResolveFn>,
    iss: Arc<str>,
    resolution: watch::Sender<Option<Resolution>>,
) {
    has_begun.store(true, Ordering::Relaxed);
    let name = iss.to_string();
    let outcome = timeout(TIMEOUT, catch_panic(async move { function(name).await })).await;
    let outcome = match outcome {
        Ok(Some(Ok(issuer))) => Ok(issuer),
        Ok(Some(Err(_))) => Err("failed"),
        Ok(None) => Err("panicked"),
        Err(_) => Err("timed out"),
    };
    if let Some(desk) = desk.upgrade() {
        resolution.send_replace(Some(desk.record(&iss, outcome)));
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
