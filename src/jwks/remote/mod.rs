//! An issuer's keys, kept fresh: refreshed ahead of their end, kept through outages up to a ceiling, fetched out of turn
//! for an unknown `kid` within a budget, one fetch at a time.
//!
//! Requests look at what is held and, at most, wait for the [driver](refresh) to finish a flight.

mod budget;
mod clients;
mod config;
mod current;
mod fetch;
mod freshness;
mod history;
mod http;
mod in_flight;
mod refresh;
mod saved;
mod state;
mod unknown_kids;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(crate) use self::clients::HttpClients;
pub(crate) use self::config::{Endpoint, Timing, Wanted};
use self::current::{Fetched, Lease};
pub use self::http::FetchFuture;
pub(crate) use self::http::{Fetcher, HttpSettings, Proxy};
pub(crate) use self::in_flight::Flight;
use self::in_flight::{Boarded, Landing};
use self::refresh::{Turn, drive};
pub use self::saved::SavedKeys;
use self::state::{Shared, lock};
use super::{Generation, IssuerStatus, JwksError};
use crate::clock::Clock;
use crate::token::Algorithm;

/// The keys of one issuer. Dropping it ends the driver.
pub(crate) struct RemoteKeys {
    shared: Arc<Shared>,
    driver: Mutex<Option<JoinHandle<()>>>,
}

impl RemoteKeys {
    pub(crate) fn new(
        issuer: Arc<str>,
        endpoint: Endpoint,
        allowed: Vec<Algorithm>,
        fetcher: Fetcher,
        timing: Timing,
        clock: Clock,
    ) -> Self {
        let shared = Shared::new(issuer, endpoint, allowed, fetcher, timing, clock);
        Self {
            shared: Arc::new(shared),
            driver: Mutex::new(None),
        }
    }

    /// Sees to it that the driver runs. It starts again in this runtime when the one that it ran in is gone, or is not run
    /// any more.
    pub(crate) fn start(&self) -> Result<(), JwksError> {
        let shared = &self.shared;
        let mut driver = lock(&self.driver);
        if driver.as_ref().is_some_and(|task| !task.is_finished())
            && !shared.flights.is_stuck(Instant::now())
        {
            return Ok(());
        }
        let runtime = Handle::try_current().map_err(|_| JwksError::NoRuntime)?;
        let number = shared.turn.fetch_add(1, Ordering::AcqRel) + 1;
        if let Some(before) = driver.take() {
            before.abort();
            shared.flights.cut_off();
        }
        *driver = Some(runtime.spawn(drive(Turn {
            shared: Arc::clone(shared),
            number,
        })));
        Ok(())
    }

    /// Whether a token that was verified under `generation` may still pass at this second of the wall clock.
    pub(crate) fn still_holds(&self, generation: u64, now: i64) -> bool {
        let holding = &self.shared.holding;
        generation == holding.generation()
            && (holding.is_surely_fresh(now)
                || self.held().is_some_and(|keys| keys.number == generation))
    }

    /// The set in use, never past its ceiling. Sees to it that the driver runs.
    pub(crate) fn held(&self) -> Option<Arc<Generation>> {
        if let Err(error) = self.start() {
            self.shared.log().last_error.get_or_insert(error);
        }
        Some(Arc::clone(
            &self.shared.holding.current(Instant::now())?.keys,
        ))
    }

    /// Notes that a token of this client was verified.
    pub(crate) fn remember_client(&self, client_id: &str) {
        self.shared.known_clients.remember(client_id);
    }

    /// Whether the set in use has no key of this name, and a fetch a moment ago brought none.
    pub(crate) fn had_no_key(&self, kid: &str) -> bool {
        let shared = &self.shared;
        !shared.unknown_kids.is_empty()
            && shared
                .unknown_kids
                .contains(kid, shared.holding.generation(), Instant::now())
            && self.held().is_some()
    }

    /// Whether waiting could bring the key that a token asks for, which is not among the keys `held`: cheap, so that a
    /// flood of invented names stays cheap. What is given is to be waited for with [`arrival`](Self::arrival).
    pub(crate) fn seek(&self, wanted: Wanted<'_>, held: Option<&Generation>) -> Option<Flight> {
        let (shared, now) = (&self.shared, Instant::now());
        match (held, wanted.kid) {
            (None, _) => shared.flights.first_set(now, shared.timing.max_wait),
            (Some(_), None) => None,
            (Some(held), Some(kid)) if shared.unknown_kids.contains(kid, held.number, now) => None,
            (Some(_), Some(_)) => shared.board(shared.known_clients.asker(wanted.client_id), now),
        }
    }

    /// Waits until a flight has ended, or its deadline; boards a second one where the first began before it was asked for
    /// and so may have missed the key.
    pub(crate) async fn arrival(&self, flight: Flight, kid: Option<&str>) {
        let shared = &self.shared;
        let mut landing = shared.flights.wait(flight).await;
        let missing = |kid: &&str| {
            shared
                .holding
                .current(Instant::now())
                .is_some_and(|held| !held.keys.set.knows(Some(kid)))
        };
        let Some(kid) = kid.filter(missing) else {
            return;
        };
        if flight.boarded == Boarded::UnderWay && landing != Landing::Missed {
            let Some(next) = shared.board(flight.asker, Instant::now()) else {
                return;
            };
            landing = shared.flights.wait(next).await;
        }
        // Only an answer that came says that the issuer has no such key.
        if landing == Landing::Arrived
            && let Some(held) = shared.holding.current(Instant::now())
            && !held.keys.set.knows(Some(kid))
        {
            shared
                .unknown_kids
                .remember(kid, held.keys.number, Instant::now());
        }
    }

    /// Waits until a set is held or a try has failed.
    pub(crate) async fn first_try(&self) -> Result<(), JwksError> {
        self.start()?;
        if self.shared.holding.current(Instant::now()).is_none() {
            self.shared.flights.any().await;
        }
        match self.shared.holding.current(Instant::now()) {
            Some(_) => Ok(()),
            None => Err(self.shared.log().last_error.unwrap_or(JwksError::TimedOut)),
        }
    }

    /// How long until keys may be there, for a 503's `Retry-After`.
    pub(crate) fn retry_after(&self) -> Duration {
        let next = self.shared.flights.next();
        next.map_or(Duration::ZERO, |next| {
            next.saturating_duration_since(Instant::now())
        })
        .max(Duration::from_secs(1))
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        let shared = &self.shared;
        let now = Instant::now();
        let held = shared.holding.current(now);
        let log = shared.log();
        let after = |span: fn(&Lease) -> Duration| {
            held.as_deref()
                .and_then(|lease| lease.origin.fetched_at.checked_add(span(lease)))
        };
        let max_stale = shared.timing.max_stale;
        IssuerStatus {
            issuer: shared.issuer.to_string(),
            keys: held
                .iter()
                .flat_map(|lease| lease.keys.set.keys())
                .collect(),
            left_out: held
                .as_deref()
                .map(|lease| lease.keys.set.left_out().to_vec())
                .unwrap_or_default(),
            fetched_at: after(|_| Duration::ZERO),
            fresh_until: after(|lease| lease.origin.life),
            usable_until: after(|lease| lease.origin.life)
                .and_then(|end| end.checked_add(max_stale)),
            is_stale: held
                .as_deref()
                .is_some_and(|lease| now >= lease.fresh_until),
            last_error: log.last_error,
            fetches: log.fetches.clone(),
        }
    }

    /// The set in use, to be given back at the next start.
    pub(crate) fn export(&self) -> Option<SavedKeys> {
        let held = self.shared.holding.current(Instant::now())?;
        saved::save(&self.shared.issuer, &held.origin)
    }

    pub(crate) fn max_stale(&self) -> Duration {
        self.shared.timing.max_stale
    }

    /// Takes a saved set into use if it is not past its ceiling: its age counts from when it was fetched.
    pub(crate) fn restore(&self, saved: &SavedKeys) {
        let (shared, now) = (&self.shared, Instant::now());
        let Some((set, origin, age)) =
            saved::read(saved, &shared.allowed, &shared.timing, shared.wall_now())
        else {
            return;
        };
        // Of several the youngest.
        if shared
            .holding
            .current(now)
            .is_none_or(|held| held.origin.fetched_at < origin.fetched_at)
        {
            shared.hold(Fetched::New(set), origin, age, now);
        }
    }

    /// Takes over the set that another holds for the same issuer, from the same place, for the same algorithms, and its
    /// time-table: settings that change drop no good set.
    pub(crate) fn adopt(&self, other: &Self) {
        let (shared, other) = (&self.shared, &other.shared);
        if shared.issuer == other.issuer
            && shared.endpoint == other.endpoint
            && shared.allowed == other.allowed
        {
            shared.holding.adopt(&other.holding);
            if shared.timing.cooldown == other.timing.cooldown {
                let budget = lock(&other.budget).clone();
                *lock(&shared.budget) = budget;
            }
            if let Some(next) = other.flights.next() {
                shared.flights.plan(next);
            }
        }
    }
}

impl Drop for RemoteKeys {
    fn drop(&mut self) {
        if let Some(driver) = lock(&self.driver).take() {
            driver.abort();
        }
    }
}

impl std::fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("issuer", &self.shared.issuer)
            .finish_non_exhaustive()
    }
}
