//! What requests for an issuer's keys and the [driver](super::refresh) share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::budget::{Asker, Budget, KnownClients};
use super::config::{Endpoint, Timing};
use super::current::{Fetched, Holding, Origin, Term};
use super::freshness::Jitter;
use super::history::Log;
use super::http::Fetcher;
use super::in_flight::{Flight, Flights};
use super::unknown_kids::UnknownKids;
use crate::clock::Clock;
use crate::token::Algorithm;

/// What requests and the driver share.
pub(super) struct Shared {
    pub(super) issuer: Arc<str>,
    pub(super) endpoint: Endpoint,
    pub(super) allowed: Vec<Algorithm>,
    pub(super) fetcher: Fetcher,
    pub(super) timing: Timing,
    clock: Clock,

    pub(super) holding: Holding,
    pub(super) flights: Flights,
    /// Which driver's turn it is.
    pub(super) turn: AtomicU64,
    pub(super) budget: Mutex<Budget>,
    pub(super) known_clients: KnownClients,
    pub(super) unknown_kids: UnknownKids,
    pub(super) jitter: Jitter,
    log: Mutex<Log>,
}

impl Shared {
    pub(super) fn new(
        issuer: Arc<str>,
        endpoint: Endpoint,
        allowed: Vec<Algorithm>,
        fetcher: Fetcher,
        timing: Timing,
        clock: Clock,
    ) -> Self {
        Self {
            issuer,
            endpoint,
            allowed,
            fetcher,
            clock,
            holding: Holding::new(),
            flights: Flights::new(),
            turn: AtomicU64::new(0),
            budget: Mutex::new(Budget::new(timing.cooldown, Instant::now())),
            known_clients: KnownClients::new(),
            unknown_kids: UnknownKids::default(),
            jitter: Jitter::new(timing.jitter_seed),
            log: Mutex::default(),
            timing,
        }
    }

    pub(super) fn board(&self, asker: Asker, now: Instant) -> Option<Flight> {
        // Metadata and keys are a fetch each.
        let deadline = now + self.timing.timeout * 2;
        self.flights.board(asker, deadline, || {
            !self.log().leaves_alone(now) && lock(&self.budget).take(asker, now)
        })
    }

    pub(super) fn hold(&self, fetched: Fetched, origin: Origin, age: Duration, now: Instant) {
        let term = Term {
            now,
            wall_seconds: self.clock.unix_seconds(),
            age,
            max_stale: self.timing.max_stale,
        };
        self.holding.hold(fetched, origin, term);
        if let Some(lease) = self.holding.current(now) {
            let (keys, origin) = (lease.keys.set.keys().count(), &lease.origin);
            crate::telemetry::metrics::keys_available(
                &self.issuer,
                keys,
                origin.fetched_at,
                origin.life,
                self.timing.max_stale,
            );
        }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// The wall clock, which is the epoch for a clock that is set before it or beyond what can be said.
    pub(super) fn wall_now(&self) -> SystemTime {
        let seconds = u64::try_from(self.clock.unix_seconds()).unwrap_or(0);
        UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .unwrap_or(UNIX_EPOCH)
    }
}

/// Locks without panicking: what is guarded here is whole at every step, so a panic elsewhere leaves it usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
