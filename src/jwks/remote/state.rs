//! The state that requests for an issuer's keys and the [refresh task](super::refresh) share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::budget::Budget;
use super::config::{JwksLocation, RefreshConfig, Registration};
use super::current::{CachedKeySet, CurrentKeySet, FetchedDocument, FetchedKeys};
use super::fetchers::Fetchers;
use super::history::FetchHistory;
use super::in_flight::InFlightFetches;
use super::known_clients::KnownClients;
use super::removed_kids::RemovedKids;
use super::unknown_kids::UnknownKids;
use crate::clock::Clock;
use crate::jwks::{IssuerStatus, KeySetScope};
use crate::token::Algorithm;
use crate::util::{Changes, Jitter, lock};

/// The state that requests and the refresh task share.
pub(super) struct RemoteState {
    pub(super) issuer: Arc<str>,
    pub(super) location: JwksLocation,
    pub(super) allowed_algorithms: Vec<Algorithm>,
    pub(super) fetchers: Fetchers,
    pub(super) config: RefreshConfig,
    clock: Clock,

    pub(super) current: CurrentKeySet,
    pub(super) in_flight: InFlightFetches,
    pub(super) budget: Mutex<Budget>,
    pub(super) known_clients: KnownClients,
    pub(super) unknown_kids: UnknownKids,
    pub(super) removed_kids: RemovedKids,
    pub(super) jitter: Jitter,
    /// An issuer of this name was evicted before, so its first fetch counts against the budget.
    pub(super) resumed: AtomicBool,
    history: Mutex<FetchHistory>,
    /// A removed key can end open streams.
    changes: Changes,
}

impl RemoteState {
    pub(super) fn new(
        issuer: Arc<str>,
        location: JwksLocation,
        allowed_algorithms: Vec<Algorithm>,
        fetchers: Fetchers,
        config: RefreshConfig,
        clock: Clock,
        changes: Changes,
    ) -> Self {
        Self {
            issuer,
            location,
            allowed_algorithms,
            fetchers,
            clock,
            current: CurrentKeySet::new(),
            in_flight: InFlightFetches::new(config.timeout),
            budget: Mutex::new(Budget::new(config.cooldown, Instant::now())),
            known_clients: KnownClients::new(config.registration),
            unknown_kids: UnknownKids::new(config.cooldown, config.unknown_kid_max_ttl),
            removed_kids: RemovedKids::new(match config.registration {
                Registration::Listed => 64,
                Registration::Resolved => 16,
            }),
            jitter: Jitter::new(config.jitter_seed),
            resumed: AtomicBool::new(false),
            history: Mutex::default(),
            changes,
            config,
        }
    }

    /// Returns the scope in which fetched and restored key sets are read.
    pub(super) fn key_set_scope(&self) -> KeySetScope<'_> {
        KeySetScope {
            allowed_algorithms: &self.allowed_algorithms,
            issuer: Some(&self.issuer),
            limits: self.config.limits,
        }
    }

    /// Copies the key set of another configuration of the same issuer, and the records of its
    /// requests and fetches. A changed setting must not drop a valid set or grant further fetches.
    pub(super) fn inherit_from(&self, other: &Self) {
        if self.issuer != other.issuer
            || self.location != other.location
            || self.allowed_algorithms != other.allowed_algorithms
        {
            return;
        }
        self.current.inherit_from(&other.current);
        self.known_clients.inherit_from(&other.known_clients);
        self.removed_kids.inherit_from(&other.removed_kids);
        self.unknown_kids.inherit_from(&other.unknown_kids);
        if self.config.cooldown == other.config.cooldown {
            let budget = lock(&other.budget).clone();
            *lock(&self.budget) = budget;
        }
        let is_resumed = other.resumed.load(Ordering::Relaxed);
        self.resumed.store(is_resumed, Ordering::Relaxed);
        self.in_flight.inherit_from(&other.in_flight);
        let mut history = other.history().clone();
        // The URL of the keys was checked by the rules of the other configuration.
        if self.fetchers.addresses != other.fetchers.addresses
            || self.config.plain_http != other.config.plain_http
        {
            history.jwks_uri = None;
        }
        *self.history() = history;
    }

    /// Removes the current key set. If a later set lacks one of its `kid`s, this `kid` was removed
    /// by the issuer.
    pub(super) fn clear_keys(&self) {
        if let Some(cached) = self.current.latest() {
            let kids = cached.keys.set.kids();
            kids.for_each(|kid| self.removed_kids.insert(kid));
        }
        self.current.clear();
        self.changes.notify();
    }

    pub(super) fn store_keys(
        &self,
        fetched: FetchedKeys,
        origin: FetchedDocument,
        age: Duration,
        now: Instant,
    ) {
        let (wall_seconds, max_stale) = (self.clock.unix_seconds(), self.config.max_stale);
        let previous = self.current.latest();
        self.current
            .store(fetched, origin, now, wall_seconds, age, max_stale);
        let Some(cached) = self.current.current(now) else {
            return;
        };
        if let Some(previous) =
            previous.filter(|previous| previous.keys.generation != cached.keys.generation)
        {
            previous
                .keys
                .set
                .kids()
                .filter(|kid| !cached.keys.set.contains_kid(Some(kid)))
                .for_each(|kid| self.removed_kids.insert(kid));
            self.changes.notify();
        }
    }

    /// Sets the metrics of the current key set, if there is one. They are apart from the change of
    /// the set, because a recorder must not run under a lock.
    pub(super) fn report_keys(&self, now: Instant) {
        let Some(cached) = self.current.current(now) else {
            return;
        };
        crate::telemetry::metrics::keys_available(
            &self.issuer,
            cached.keys.set.keys().count(),
            cached.keys.set.unusable_keys().len(),
            cached.document.fetched_at,
            cached.document.lifetime,
            self.config.max_stale,
        );
    }

    pub(super) fn status(&self, now: Instant) -> IssuerStatus {
        let cached = self.current.current(now);
        let history = self.history();
        let after = |span: fn(&CachedKeySet) -> Duration| {
            cached
                .as_deref()
                .and_then(|lease| lease.document.fetched_at.checked_add(span(lease)))
        };
        let max_stale = self.config.max_stale;
        IssuerStatus {
            issuer: self.issuer.to_string(),
            keys: cached
                .iter()
                .flat_map(|lease| lease.keys.set.keys())
                .collect(),
            unusable_keys: cached.as_deref().map_or_else(
                || history.rejected_keys.clone(),
                |lease| lease.keys.set.unusable_keys().to_vec(),
            ),
            fetched_at: after(|_| Duration::ZERO),
            fresh_until: after(|lease| lease.document.lifetime),
            usable_until: after(|lease| lease.document.lifetime)
                .and_then(|end| end.checked_add(max_stale)),
            is_stale: cached
                .as_deref()
                .is_some_and(|lease| now >= lease.fresh_until),
            last_error: history.last_error.clone(),
            fetches: history.fetches.clone(),
        }
    }

    pub(super) fn history(&self) -> MutexGuard<'_, FetchHistory> {
        lock(&self.history)
    }

    /// Returns the time of the wall clock, or the epoch if the clock is before it or out of range.
    pub(super) fn wall_now(&self) -> SystemTime {
        let seconds = u64::try_from(self.clock.unix_seconds()).unwrap_or(0);
        UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .unwrap_or(UNIX_EPOCH)
    }
}
