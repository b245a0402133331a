//! What requests for an issuer's keys and the [driver](super::refresh) share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::budget::{Budget, KnownClients, Requester};
use super::config::{JwksLocation, RefreshConfig};
use super::current::{CurrentKeySet, FetchedDocument, FetchedKeys};
use super::freshness::Jitter;
use super::history::FetchHistory;
use super::http::Fetcher;
use super::in_flight::{FetchTicket, InFlightFetches};
use super::unknown_kids::UnknownKids;
use crate::clock::Clock;
use crate::jwks::KeySetScope;
use crate::token::Algorithm;

/// What requests and the driver share.
pub(super) struct RemoteState {
    pub(super) issuer: Arc<str>,
    pub(super) location: JwksLocation,
    pub(super) allowed_algorithms: Vec<Algorithm>,
    pub(super) fetcher: Fetcher,
    pub(super) config: RefreshConfig,
    clock: Clock,

    pub(super) current: CurrentKeySet,
    pub(super) in_flight: InFlightFetches,
    /// Which driver's turn it is.
    pub(super) active_task: AtomicU64,
    pub(super) budget: Mutex<Budget>,
    pub(super) known_clients: KnownClients,
    pub(super) unknown_kids: UnknownKids,
    pub(super) jitter: Jitter,
    history: Mutex<FetchHistory>,
}

impl RemoteState {
    pub(super) fn new(
        issuer: Arc<str>,
        location: JwksLocation,
        allowed_algorithms: Vec<Algorithm>,
        fetcher: Fetcher,
        config: RefreshConfig,
        clock: Clock,
    ) -> Self {
        Self {
            issuer,
            location,
            allowed_algorithms,
            fetcher,
            clock,
            current: CurrentKeySet::new(),
            in_flight: InFlightFetches::new(),
            active_task: AtomicU64::new(0),
            budget: Mutex::new(Budget::new(config.cooldown, Instant::now())),
            known_clients: KnownClients::new(),
            unknown_kids: UnknownKids::default(),
            jitter: Jitter::new(config.jitter_seed),
            history: Mutex::default(),
            config,
        }
    }

    /// What fetched and restored key sets are read for.
    pub(super) fn key_set_scope(&self) -> KeySetScope<'_> {
        KeySetScope {
            allowed_algorithms: &self.allowed_algorithms,
            issuer: Some(&self.issuer),
        }
    }

    pub(super) fn join_or_request_fetch(
        &self,
        asker: Requester,
        now: Instant,
    ) -> Option<FetchTicket> {
        // Metadata and keys are a fetch each.
        let deadline = now + self.config.timeout * 2;
        self.in_flight.join_or_request(asker, deadline, || {
            !self.history().is_backing_off(now) && lock(&self.budget).take(asker, now)
        })
    }

    pub(super) fn store_keys(
        &self,
        fetched: FetchedKeys,
        origin: FetchedDocument,
        age: Duration,
        now: Instant,
    ) {
        let (wall_seconds, max_stale) = (self.clock.unix_seconds(), self.config.max_stale);
        self.current
            .store(fetched, origin, now, wall_seconds, age, max_stale);
        if let Some(lease) = self.current.current(now) {
            let (keys, origin) = (lease.keys.set.keys().count(), &lease.document);
            crate::telemetry::metrics::keys_available(
                &self.issuer,
                keys,
                origin.fetched_at,
                origin.lifetime,
                self.config.max_stale,
            );
        }
    }

    pub(super) fn history(&self) -> MutexGuard<'_, FetchHistory> {
        lock(&self.history)
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
