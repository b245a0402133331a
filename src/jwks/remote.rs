//! An issuer's keys, kept fresh: refreshed ahead of their end, kept through outages up to a ceiling, fetched out of turn
//! for an unknown `kid` within a budget, one fetch at a time.
//!
//! One spawned task per issuer, the *driver*, makes all fetches, so a request that goes away takes no fetch with it.
//! Requests look at what is held and, at most, wait for the driver to finish a flight.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{ACCEPT, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::budget::{Asker, Budget, KnownClients};
use super::discovery::{jwks_uri, metadata_urls};
use super::freshness::{backoff, jitter, lifetime, refresh_after, retry_after};
use super::{Cause, Fetcher, Generation, IssuerStatus, JwksError, KeySet, SavedKeys};
use crate::clock::{Clock, seconds};
use crate::token::Algorithm;

/// How fresh keys are kept.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// A fetched set is fresh this long, unless the issuer says otherwise within bounds.
    pub(crate) time_to_live: Duration,
    /// Whether the time to live was set, and so outweighs what the issuer says.
    pub(crate) issuer_decides: bool,
    /// How long past its life a set may serve while fetching fails.
    pub(crate) max_stale: Duration,
    /// The unknown-kid budget earns one fetch per so much time.
    pub(crate) cooldown: Duration,
    /// The longest pause between tries while no set is held.
    pub(crate) longest_pause: Duration,
    /// One fetch, from connect to last byte.
    pub(crate) timeout: Duration,
    /// How long a request waits for a first set.
    pub(crate) max_wait: Duration,
}

/// Where the set is.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    Url(String),
    Discovery,
}

/// A key set in use, and until when.
#[derive(Clone, Debug)]
struct Lease {
    keys: Arc<Generation>,
    fresh_until: Instant,
    usable_until: Instant,
    origin: Origin,
}

/// The answer that a set came from.
#[derive(Clone, Debug)]
struct Origin {
    body: Vec<u8>,
    fetched_at: SystemTime,
    life: Duration,
    validators: HeaderMap,
}

/// What a look-up wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) kid: Option<&'a str>,
    /// The client that the token names, unverified: it only decides whether the reserve of the budget may be used.
    pub(crate) client_id: Option<&'a str>,
}

/// The keys of one issuer. Dropping it ends the driver.
pub(crate) struct RemoteKeys {
    shared: Arc<Shared>,
    driver: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    issuer: Arc<str>,
    endpoint: Endpoint,
    allowed: Vec<Algorithm>,
    fetcher: Fetcher,
    timing: Timing,
    clock: Clock,

    held: RwLock<Option<Arc<Lease>>>,
    /// The generation in use, 0 for none: what a cached token is compared with.
    generation: AtomicU64,
    last_generation: AtomicU64,
    /// When, by the wall clock, the warm path has to look closer. The driver decides by monotonic time.
    look_closer_at: AtomicI64,

    flights: watch::Sender<Flights>,
    demanded: Notify,
    budget: Mutex<Budget>,
    known_clients: KnownClients,
    unknown_kids: moka::sync::Cache<u64, Unknown>,
    kid_hasher: RandomState,
    waiting: AtomicUsize,
    log: Mutex<Log>,
}

/// The count of fetches: asked for, begun, ended. A fetch that was asked for and not begun serves whoever else asks.
#[derive(Clone, Copy, Debug, Default)]
struct Flights {
    asked: u64,
    begun: u64,
    ended: u64,
    /// When the next one begins by itself.
    next: Option<Instant>,
}

/// A `kid` that a fetch did not bring.
#[derive(Clone, Copy)]
struct Unknown {
    generation: u64,
    until: Instant,
}

#[derive(Debug, Default)]
struct Log {
    last_error: Option<JwksError>,
    failures: u32,
    fetches: Vec<(Cause, u64)>,
    jwks_uri: Option<(String, Instant)>,
    not_before: Option<Instant>,
}

/// How long an unknown `kid` is remembered, and how many of them.
const REMEMBERED: Duration = Duration::from_secs(30);
const REMEMBERED_MAX: u64 = 1024;

/// Requests that may wait for one fetch: beyond that they are refused at once, so that an issuer that hangs cannot pile
/// up requests here. Clients that were verified before may go on when strangers may not.
const WAITING_MAX: usize = 4096;
const WAITING_STRANGERS_MAX: usize = 256;

/// How long a `jwks_uri` is used before metadata is read again; a failing fetch makes it sooner.
const METADATA_LIFE: Duration = Duration::from_secs(60 * 60);

/// The longest that an issuer's wish to be left alone counts.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5 * 60);

impl RemoteKeys {
    pub(crate) fn new(
        issuer: Arc<str>,
        endpoint: Endpoint,
        allowed: Vec<Algorithm>,
        fetcher: Fetcher,
        timing: Timing,
        clock: Clock,
    ) -> Self {
        let now = Instant::now();
        let shared = Shared {
            issuer,
            endpoint,
            allowed,
            fetcher,
            clock,
            held: RwLock::new(None),
            generation: AtomicU64::new(0),
            last_generation: AtomicU64::new(0),
            look_closer_at: AtomicI64::new(i64::MIN),
            flights: watch::Sender::new(Flights::default()),
            demanded: Notify::new(),
            budget: Mutex::new(Budget::new(timing.cooldown, now)),
            known_clients: KnownClients::new(),
            unknown_kids: moka::sync::Cache::new(REMEMBERED_MAX),
            kid_hasher: RandomState::new(),
            waiting: AtomicUsize::new(0),
            log: Mutex::new(Log::default()),
            timing,
        };
        Self { shared: Arc::new(shared), driver: Mutex::new(None) }
    }

    /// Starts the driver, or starts it again in this runtime when the one it ran in is gone.
    pub(crate) fn start(&self) -> Result<(), JwksError> {
        let mut driver = lock(&self.driver);
        if driver.as_ref().is_some_and(|task| !task.is_finished()) {
            return Ok(());
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| JwksError::NoRuntime)?;
        // A driver that was cut off in a flight never ended it.
        self.shared.flights.send_modify(|flights| {
            flights.begun = flights.begun.max(flights.asked);
            flights.asked = flights.begun;
            flights.ended = flights.begun;
        });
        *driver = Some(runtime.spawn(drive(Arc::clone(&self.shared))));
        Ok(())
    }

    /// The generation in use, 0 for none.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// Whether a token that was verified under `generation` may still pass at this second of the wall clock.
    pub(crate) fn still_holds(&self, generation: u64, now: i64) -> bool {
        generation == self.generation()
            && (now < self.shared.look_closer_at.load(Ordering::Relaxed)
                || self.held().is_some_and(|keys| keys.number == generation))
    }

    /// The set in use, never past its ceiling. Sees to it that the driver runs.
    pub(crate) fn held(&self) -> Option<Arc<Generation>> {
        if let Err(error) = self.start() {
            lock(&self.shared.log).last_error.get_or_insert(error);
        }
        Some(Arc::clone(&self.shared.held(Instant::now())?.keys))
    }

    /// Notes that a token of this client was verified.
    pub(crate) fn remember_client(&self, client_id: &str) {
        self.shared.known_clients.remember(client_id);
    }

    /// Whether waiting could bring the key that a token asks for, which is not among the keys `held`: cheap, so that a
    /// flood of invented names stays cheap. What is given is to be waited for with [`arrival`](Self::arrival).
    pub(crate) fn seek(&self, wanted: Wanted<'_>, held: Option<&Generation>) -> Option<Flight> {
        let shared = &self.shared;
        let now = Instant::now();
        let (Some(held), Some(kid)) = (held, wanted.kid) else {
            return if held.is_none() { shared.first_set(now) } else { None };
        };
        let kid = shared.kid_hasher.hash_one(kid);
        if shared.unknown_kids.get(&kid).is_some_and(|unknown| unknown.generation == held.number && now < unknown.until) {
            return None;
        }
        shared.board(shared.known_clients.asker(wanted.client_id), now)
    }

    /// Waits until a flight has ended, or its deadline; boards a second one where the first began before it was asked for
    /// and so may have missed the key.
    pub(crate) async fn arrival(&self, flight: Flight, kid: Option<&str>) {
        let shared = &self.shared;
        shared.wait(flight).await;
        let missing = |kid: &&str| shared.held(Instant::now()).is_some_and(|lease| !lease.keys.set.knows(Some(kid)));
        let Some(kid) = kid.filter(missing) else { return };
        if flight.boarded == Boarded::UnderWay {
            let Some(next) = shared.board(flight.asker, Instant::now()) else { return };
            shared.wait(next).await;
        }
        // A fetch that failed says nothing about the key.
        if lock(&shared.log).failures == 0 && missing(&kid) {
            let unknown = Unknown { generation: self.generation(), until: Instant::now() + REMEMBERED };
            shared.unknown_kids.insert(shared.kid_hasher.hash_one(kid), unknown);
        }
    }

    /// Waits until a set is held or a try has failed.
    pub(crate) async fn first_try(&self) -> Result<(), JwksError> {
        self.start()?;
        let mut flights = self.shared.flights.subscribe();
        let _ = flights.wait_for(|flights| flights.ended > 0).await;
        match self.shared.held(Instant::now()) {
            Some(_) => Ok(()),
            None => Err(lock(&self.shared.log).last_error.unwrap_or(JwksError::TimedOut)),
        }
    }

    /// How long until keys may be there, for a 503's `Retry-After`.
    pub(crate) fn retry_after(&self) -> Duration {
        let next = self.shared.flights.borrow().next;
        next.map_or(Duration::ZERO, |next| next.saturating_duration_since(Instant::now())).max(Duration::from_secs(1))
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        let shared = &self.shared;
        let now = Instant::now();
        let log = lock(&shared.log);
        let held = shared.held(now);
        let after =
            |span: fn(&Lease) -> Duration| held.as_deref().and_then(|lease| lease.origin.fetched_at.checked_add(span(lease)));
        let max_stale = shared.timing.max_stale;
        IssuerStatus {
            issuer: shared.issuer.to_string(),
            keys: held.iter().flat_map(|lease| lease.keys.set.keys()).collect(),
            left_out: held.as_deref().map(|lease| lease.keys.set.left_out().to_vec()).unwrap_or_default(),
            fetched_at: after(|_| Duration::ZERO),
            fresh_until: after(|lease| lease.origin.life),
            usable_until: after(|lease| lease.origin.life).and_then(|end| end.checked_add(max_stale)),
            is_stale: held.as_deref().is_some_and(|lease| now >= lease.fresh_until),
            last_error: log.last_error,
            fetches: log.fetches.clone(),
        }
    }

    /// The set in use, to be given back at the next start.
    pub(crate) fn export(&self) -> Option<SavedKeys> {
        let held = self.shared.held(Instant::now())?;
        let fetched_at = held.origin.fetched_at.duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(SavedKeys {
            issuer: self.shared.issuer.to_string(),
            jwks: String::from_utf8(held.origin.body.clone()).ok()?,
            fetched_at,
        })
    }

    /// Takes a saved set into use if it is not past its ceiling: its age counts from when it was fetched.
    pub(crate) fn restore(&self, saved: &SavedKeys) {
        let Some(fetched_at) = UNIX_EPOCH.checked_add(Duration::from_secs(saved.fetched_at)) else { return };
        let now = self.shared.wall_now();
        // A set from the future tells nothing about its age.
        let Ok(age) = now.duration_since(fetched_at) else { return };
        let Ok(set) = KeySet::parse(saved.jwks.as_bytes(), &self.shared.allowed) else { return };
        let life = self.shared.timing.time_to_live;
        if set.is_empty() || age >= life + self.shared.timing.max_stale {
            return;
        }
        let origin = Origin { body: saved.jwks.clone().into_bytes(), fetched_at, life, validators: HeaderMap::new() };
        self.shared.hold(Keys::New(set), origin, age, Instant::now());
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
        f.debug_struct("RemoteKeys").field("issuer", &self.shared.issuer).finish_non_exhaustive()
    }
}

/// A fetch that is worth waiting for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    number: u64,
    deadline: Instant,
    asker: Asker,
    boarded: Boarded,
}

/// When a flight was boarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Boarded {
    BeforeItBegan,
    UnderWay,
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, asker: Asker) -> Option<Self> {
        let most = match asker {
            Asker::Known => WAITING_MAX,
            Asker::Stranger => WAITING_STRANGERS_MAX,
        };
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a fetch brought.
enum Keys {
    New(KeySet),
    /// The issuer says that the set in use is still the current one.
    Same(Arc<Generation>),
}

impl Shared {
    fn held(&self, now: Instant) -> Option<Arc<Lease>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).clone();
        held.filter(|lease| now < lease.usable_until)
    }

    /// While no set is held: the flight that is under way or about to begin, if it is near enough to be waited for.
    fn first_set(&self, now: Instant) -> Option<Flight> {
        let flights = *self.flights.borrow();
        let deadline = now + self.timing.max_wait;
        let under_way = flights.begun > flights.ended;
        let number = if under_way { flights.begun } else { flights.begun + 1 };
        let soon = under_way || flights.next.is_none_or(|next| next < deadline);
        // While nothing is held nobody was verified, so there is nobody to be told from strangers.
        soon.then_some(Flight { number, deadline, asker: Asker::Known, boarded: Boarded::BeforeItBegan })
    }

    /// The flight that may bring an unknown `kid`: one that is under way or asked for already is free, a further one
    /// costs budget. Nothing when the budget is spent: nobody waits for it.
    fn board(&self, asker: Asker, now: Instant) -> Option<Flight> {
        let mut found = None;
        let asked_for_another = self.flights.send_if_modified(|flights| {
            if flights.asked > flights.begun {
                found = Some((flights.asked, Boarded::BeforeItBegan));
                return false;
            }
            if flights.begun > flights.ended {
                found = Some((flights.begun, Boarded::UnderWay));
                return false;
            }
            let left_alone = lock(&self.log).not_before.is_some_and(|not_before| now < not_before);
            if left_alone || !lock(&self.budget).take(asker, now) {
                return false;
            }
            flights.asked = flights.begun + 1;
            found = Some((flights.asked, Boarded::BeforeItBegan));
            true
        });
        if asked_for_another {
            self.demanded.notify_one();
        }
        let (number, boarded) = found?;
        // Metadata and keys are a fetch each.
        Some(Flight { number, deadline: now + self.timing.timeout * 2, asker, boarded })
    }

    async fn wait(&self, flight: Flight) {
        let Some(_place) = Place::take(&self.waiting, flight.asker) else { return };
        let mut flights = self.flights.subscribe();
        let ended = flights.wait_for(|flights| flights.ended >= flight.number);
        // Whether it came in time shows in what is held.
        let _ = tokio::time::timeout_at(flight.deadline, ended).await;
    }

    fn hold(&self, keys: Keys, origin: Origin, age: Duration, now: Instant) {
        let keys = match keys {
            Keys::Same(keys) => keys,
            Keys::New(set) => match self.held(now).filter(|lease| lease.origin.body == origin.body) {
                Some(lease) => Arc::clone(&lease.keys),
                None => Arc::new(Generation { set, number: self.last_generation.fetch_add(1, Ordering::Relaxed) + 1 }),
            },
        };
        let number = keys.number;
        crate::metrics::keys_held(&self.issuer, keys.set.keys().count(), origin.fetched_at, origin.life, self.timing.max_stale);
        let left = origin.life.saturating_sub(age);
        let fresh_until = now + left;
        let usable_until = now + (origin.life + self.timing.max_stale).saturating_sub(age);
        self.look_closer_at.store(self.clock.unix_seconds().saturating_add(seconds(left)), Ordering::Relaxed);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::new(Lease { keys, fresh_until, usable_until, origin }));
        self.generation.store(number, Ordering::Release);
    }

    fn let_go(&self) {
        self.generation.store(0, Ordering::Release);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = None;
        crate::events::keys_expired(&self.issuer);
        crate::metrics::keys_let_go(&self.issuer);
    }

    fn wall_now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.clock.unix_seconds().unsigned_abs())
    }
}

/// The driver: waits until a fetch is due or demanded, makes it, and lets go of a set that reached its ceiling.
async fn drive(shared: Arc<Shared>) {
    // At once, also with a restored set: nobody knows what happened since it was saved.
    let mut due = Instant::now();
    loop {
        shared.flights.send_modify(|flights| flights.next = Some(due));
        let cause = wait_for_cause(&shared, due).await;
        let begun_with = shared.held(Instant::now());
        shared.flights.send_modify(|flights| {
            flights.begun += 1;
            flights.asked = flights.begun;
        });
        let outcome = with_ceiling(&shared, fetch_set(&shared, begun_with.as_deref())).await;
        due = conclude(&shared, cause, outcome);
        shared.flights.send_modify(|flights| (flights.ended, flights.next) = (flights.begun, Some(due)));
    }
}

async fn wait_for_cause(shared: &Shared, due: Instant) -> Cause {
    let mut due = due;
    loop {
        let held = shared.held.read().unwrap_or_else(PoisonError::into_inner).clone();
        let ceiling = held.as_ref().map(|lease| lease.usable_until);
        let demanded = tokio::select! {
            biased;
            () = shared.demanded.notified() => shared.flights.borrow().asked > shared.flights.borrow().begun,
            () = tokio::time::sleep_until(ceiling.map_or(due, |ceiling| ceiling.min(due))) => false,
        };
        let now = Instant::now();
        let expired = ceiling.is_some_and(|ceiling| now >= ceiling);
        if expired {
            shared.let_go();
            // Pauses are shorter while nothing is held.
            due = due.min(now + shared.timing.longest_pause);
        }
        if demanded {
            return Cause::UnknownKid;
        }
        if now >= due {
            return match held {
                Some(_) if expired => Cause::Start,
                Some(_) if lock(&shared.log).failures > 0 => Cause::Retry,
                Some(_) => Cause::Refresh,
                None => Cause::Start,
            };
        }
    }
}

/// A set reaches its ceiling during a fetch as well.
async fn with_ceiling<T>(shared: &Shared, fetch: impl Future<Output = T>) -> T {
    let mut fetch = std::pin::pin!(fetch);
    let held = shared.held.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(lease) = held {
        tokio::select! {
            biased;
            outcome = &mut fetch => return outcome,
            () = tokio::time::sleep_until(lease.usable_until) => shared.let_go(),
        }
    }
    fetch.await
}

/// A fetch's bad end, and how long the issuer asks to be left alone.
struct Failed {
    error: JwksError,
    retry_after: Option<Duration>,
}

impl From<JwksError> for Failed {
    fn from(error: JwksError) -> Self {
        Self { error, retry_after: None }
    }
}

async fn fetch_set(shared: &Shared, held: Option<&Lease>) -> Result<(Keys, Origin), Failed> {
    let url = match &shared.endpoint {
        Endpoint::Url(url) => url.clone(),
        Endpoint::Discovery => discover(shared).await?,
    };
    let validators = held.map(|lease| lease.origin.validators.clone()).unwrap_or_default();
    let response = get(shared, &url, validators).await?;
    match (response.status(), held) {
        // Another life for the set that the request was about (RFC 9110 §15.4.5).
        (StatusCode::NOT_MODIFIED, Some(lease)) => {
            let (parts, _) = response.into_parts();
            let mut origin = Origin { life: life(shared, &parts.headers), fetched_at: shared.wall_now(), ..lease.origin.clone() };
            if parts.headers.contains_key(ETAG) {
                origin.validators = validators_of(&parts.headers);
            }
            Ok((Keys::Same(Arc::clone(&lease.keys)), origin))
        }
        (StatusCode::OK, _) => {
            let (parts, body) = response.into_parts();
            let set = KeySet::parse(&body, &shared.allowed)?;
            if set.is_empty() {
                crate::events::keys_left_out(&shared.issuer, set.left_out());
                return Err(JwksError::NoUsableKey.into());
            }
            let life = life(shared, &parts.headers);
            let origin = Origin { body, fetched_at: shared.wall_now(), life, validators: validators_of(&parts.headers) };
            Ok((Keys::New(set), origin))
        }
        (status, _) => Err(Failed { error: JwksError::Status(status.as_u16()), retry_after: retry_after(response.headers()) }),
    }
}

/// Finds out where the keys are, and keeps that for a while: the metadata rarely changes.
async fn discover(shared: &Shared) -> Result<String, Failed> {
    let known = lock(&shared.log).jwks_uri.clone();
    if let Some((uri, read_at)) = &known
        && Instant::now() < *read_at + METADATA_LIFE
    {
        return Ok(uri.clone());
    }
    let mut failed = Failed::from(JwksError::Unreachable);
    for url in metadata_urls(&shared.issuer) {
        let read = match get(shared, &url, HeaderMap::new()).await {
            Ok(response) if response.status() == StatusCode::OK => {
                jwks_uri(response.body(), &shared.issuer).map_err(Failed::from)
            }
            Ok(response) => {
                let error = JwksError::Status(response.status().as_u16());
                Err(Failed { error, retry_after: retry_after(response.headers()) })
            }
            Err(error) => Err(error.into()),
        };
        match read {
            Ok(uri) => {
                if known.as_ref().is_some_and(|(before, _)| *before != uri) {
                    crate::events::jwks_uri_changed(&shared.issuer);
                }
                lock(&shared.log).jwks_uri = Some((uri.clone(), Instant::now()));
                return Ok(uri);
            }
            Err(error) => {
                failed = error;
                // Only a document that is not there is looked for elsewhere.
                if !matches!(failed.error, JwksError::Status(404 | 405 | 410)) {
                    break;
                }
            }
        }
    }
    // A metadata document that cannot be read now does not undo one that was read before (rule 83).
    known.map(|(uri, _)| uri).ok_or(failed)
}

async fn get(shared: &Shared, url: &str, validators: HeaderMap) -> Result<Response<Vec<u8>>, JwksError> {
    let mut request = Request::get(url).body(()).map_err(|_| JwksError::Malformed)?;
    *request.headers_mut() = validators;
    request.headers_mut().insert(ACCEPT, http::HeaderValue::from_static("application/json"));
    shared.fetcher.get(request, shared.timing.timeout).await
}

const VALIDATORS: [(HeaderName, HeaderName); 2] = [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];

/// What makes the next request for the same document conditional (RFC 9110 §13.1).
fn validators_of(headers: &HeaderMap) -> HeaderMap {
    VALIDATORS.into_iter().filter_map(|(told, ask)| Some((ask, headers.get(told)?.clone()))).collect()
}

fn life(shared: &Shared, headers: &HeaderMap) -> Duration {
    let stated = if shared.timing.issuer_decides { lifetime(headers) } else { None };
    stated.unwrap_or(shared.timing.time_to_live)
}

/// Takes the outcome of a fetch into account and tells when the next one is due. Nothing but a good set replaces a set.
fn conclude(shared: &Shared, cause: Cause, outcome: Result<(Keys, Origin), Failed>) -> Instant {
    let now = Instant::now();
    let (keys, origin) = match outcome {
        Ok(fetched) => fetched,
        Err(failure) => return failed(shared, cause, failure, now),
    };
    {
        let mut log = lock(&shared.log);
        log.count(cause);
        (log.last_error, log.failures, log.not_before) = (None, 0, None);
    }
    crate::metrics::fetched(&shared.issuer, cause, None);
    let life = origin.life;
    shared.hold(keys, origin, Duration::ZERO, now);
    if let Some(lease) = shared.held(now) {
        crate::events::keys_fetched(&shared.issuer, cause, &lease.keys.set);
    }
    now + refresh_after(life, jitter())
}

fn failed(shared: &Shared, cause: Cause, failure: Failed, now: Instant) -> Instant {
    let holds = shared.held(now).is_some();
    let (first, longest) = if holds {
        (Duration::from_secs(1), Duration::from_secs(60))
    } else {
        (Duration::from_millis(250), shared.timing.longest_pause)
    };
    crate::events::fetch_failed(&shared.issuer, cause, failure.error, holds);
    crate::metrics::fetched(&shared.issuer, cause, Some(failure.error));
    let mut log = lock(&shared.log);
    log.count(cause);
    log.last_error = Some(failure.error);
    log.failures = log.failures.saturating_add(1);
    // The keys may have moved.
    if let Some((_, read_at)) = &mut log.jwks_uri {
        *read_at = now.checked_sub(METADATA_LIFE).unwrap_or(*read_at);
    }
    let asked = failure.retry_after.map(|pause| pause.min(if holds { RETRY_AFTER_MAX } else { longest }));
    log.not_before = asked.map(|pause| now + pause);
    now + asked.unwrap_or_default().max(backoff(log.failures, first, longest, jitter()))
}

impl Log {
    fn count(&mut self, cause: Cause) {
        match self.fetches.iter_mut().find(|(counted, _)| *counted == cause) {
            Some((_, count)) => *count += 1,
            None => self.fetches.push((cause, 1)),
        }
    }
}

/// Locks without panicking: what is guarded here is whole at every step, so a panic elsewhere leaves it usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
