//! Runs random steps in virtual time and checks the invariants after each: 10,000 by default, and
//! 100,000 with `just simulation`.
//!
//! `KEYS_SEEDS=1000` sets the number of seeds, `KEYS_SEED=7` runs only that one, and
//! `KEYS_STEPS=5000` sets the steps of each. A failure names its seed.

mod customers;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower_m2m::jwks::FetchCause;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, SigningAlgorithm, SigningKey};
use tower_m2m::{Algorithm, BoxError, Clock, Profile, Rejection, Verifier};

use self::customers::{AllInputs, CustomerIssuers};
use super::harness::{NOW, key, settle};
use super::paused_runtime::paused_runtime;

const MAX_STALE: Duration = Duration::from_secs(900);
const TIMEOUT: Duration = Duration::from_secs(3);
const COOLDOWN: Duration = Duration::from_secs(10);

/// Xorshift: the seed determines every number.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % end
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn millis(&mut self, end: u64) -> Duration {
        // Never the same time as a timer of the refresh task.
        Duration::from_micros(self.below(end * 1000) + 1)
    }
}

#[derive(Clone, Copy, Debug)]
enum IssuerBehavior {
    Good,
    Slow(Duration),
    Down,
    Hang,
    Status(u16, Option<u64>),
    Garbage,
    Html,
    Empty,
    Oversized,
}

/// The model of the issuer and of its responses so far.
struct Model {
    behavior: IssuerBehavior,
    max_age: Option<u64>,
    etags: bool,
    version: u64,
    published: Vec<(SigningKey, Instant)>,
    /// The keys of the last good response that arrived, its time, and its lifetime.
    served: Option<ServedKeySet>,
    /// The time since which the issuer has sent good responses.
    good_since: Instant,
    begun: u64,
    in_flight: u32,
    /// Requests that waited longer than their one deadline.
    overdue: Vec<Duration>,
    /// How often another runtime took over.
    switches: u32,
    /// What panics in a fetch function is a failed fetch, so this is noted here and judged after
    /// each step.
    most_in_flight: u32,
}

#[derive(Clone)]
struct ServedKeySet {
    /// The number of the fetch. An older result never replaces a newer one.
    fetch: u64,
    kids: HashSet<String>,
    version: u64,
    at: Instant,
    lifetime: Duration,
}

type SharedModel = Arc<Mutex<Model>>;

struct InFlight(SharedModel);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.lock().unwrap().in_flight -= 1;
    }
}

async fn respond(model: SharedModel, request: Request<()>) -> Result<Response<Vec<u8>>, BoxError> {
    let (behavior, fetch) = {
        let mut model = model.lock().unwrap();
        model.begun += 1;
        model.in_flight += 1;
        model.most_in_flight = model.most_in_flight.max(model.in_flight);
        (model.behavior, model.begun)
    };
    let _in_flight = InFlight(Arc::clone(&model));
    let said =
        |status: u16, body: &[u8]| Ok(Response::builder().status(status).body(body.to_vec())?);
    match behavior {
        IssuerBehavior::Good => {}
        IssuerBehavior::Slow(pause) => tokio::time::sleep(pause).await,
        IssuerBehavior::Down => return Err("connection refused".into()),
        IssuerBehavior::Hang => std::future::pending().await,
        IssuerBehavior::Status(status, None) => return said(status, b""),
        IssuerBehavior::Status(status, Some(seconds)) => {
            return Ok(Response::builder()
                .status(status)
                .header("retry-after", seconds)
                .body(Vec::new())?);
        }
        IssuerBehavior::Garbage => return said(200, b"\x00\xff{\"keys\""),
        IssuerBehavior::Html => return said(200, b"<!DOCTYPE html><title>Sign in</title>"),
        IssuerBehavior::Empty => return said(200, b"{\"keys\":[]}"),
        IssuerBehavior::Oversized => return said(200, &vec![b' '; 1_100_000]),
    }
    // There is no await from here on, so the recorded key set arrives.
    let mut model = model.lock().unwrap();
    let etag = format!("\"{}\"", model.version);
    let stated = model
        .max_age
        .map(|seconds| Duration::from_secs(seconds.clamp(60, 3600)));
    let known = request
        .headers()
        .get("if-none-match")
        .is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let unmodified = model.etags && known;
    let before = model
        .served
        .as_ref()
        .map(|served| served.lifetime)
        .filter(|_| unmodified);
    let lifetime = stated.or(before).unwrap_or(Duration::from_secs(600));
    let kids = model
        .published
        .iter()
        .map(|(key, _)| key.kid().to_owned())
        .collect();
    let is_newest = model
        .served
        .as_ref()
        .is_none_or(|served| served.fetch < fetch);
    if is_newest {
        model.served = Some(ServedKeySet {
            fetch,
            kids,
            version: model.version,
            at: Instant::now(),
            lifetime,
        });
    }
    let mut response = Response::builder().status(if unmodified { 304 } else { 200 });
    if let Some(seconds) = model.max_age {
        response = response.header("cache-control", format!("max-age={seconds}"));
    }
    if model.etags {
        response = response.header("etag", etag);
    }
    let keys: Vec<_> = model
        .published
        .iter()
        .map(|(key, _)| key.public_jwk())
        .collect();
    let body = if unmodified {
        Vec::new()
    } else {
        serde_json::json!({ "keys": keys }).to_string().into_bytes()
    };
    Ok(response.body(body)?)
}

/// The keys and tokens that all seeds share, because creating them is slow.
struct SharedInputs {
    keys: Vec<SigningKey>,
    /// Tokens by `kid`, valid at every time of the wall clock.
    tokens: HashMap<String, String>,
    /// Tokens with `kid`s that are never published.
    invented: Vec<String>,
    /// Tokens with published `kid`s, signed with another key.
    forged: HashMap<String, String>,
    customers: AllInputs,
}

impl SharedInputs {
    fn new() -> Self {
        let mint = LocalIssuer::builder()
            .algorithm(SigningAlgorithm::EdDsa)
            .clock(Clock::manual(NOW));
        let mint = mint.in_process("https://issuer.example").unwrap();
        let decades = Duration::from_secs(50 * 365 * 86_400);
        let timeless = || mint.org("org_a").issued_at(1).expires_in(decades);
        let keys: Vec<_> = (0..60).map(|_| key()).collect();
        let by_kid = |token: &dyn Fn(&SigningKey) -> String| {
            keys.iter()
                .map(|key| (key.kid().to_owned(), token(key)))
                .collect()
        };
        Self {
            tokens: by_kid(&|key| timeless().signed_with(key).token()),
            forged: by_kid(&|key| timeless().header("kid", key.kid()).token()),
            invented: (0..200)
                .map(|kid| {
                    timeless()
                        .client("stranger")
                        .header("kid", format!("invented-{kid}"))
                        .token()
                })
                .collect(),
            customers: AllInputs::new(decades),
            keys,
        }
    }
}

struct Simulation {
    inputs: Arc<SharedInputs>,
    random: Random,
    model: SharedModel,
    clock: Clock,
    mint: LocalIssuer,
    verifier: Verifier,
    begun: Instant,
    retired: Vec<SigningKey>,
    spare: Vec<SigningKey>,
    under_way: Vec<JoinHandle<()>>,
    customers: CustomerIssuers,
    slowest_customer: Duration,
    accepted: u64,
    unavailable: u64,
}

impl Simulation {
    fn new(seed: u64, inputs: &Arc<SharedInputs>) -> Self {
        let mut spare = inputs.keys.clone();
        let now = Instant::now();
        let first = spare.pop().unwrap();
        let model = Model {
            behavior: IssuerBehavior::Good,
            max_age: None,
            etags: false,
            version: 0,
            published: vec![(first, now)],
            served: None,
            good_since: now,
            begun: 0,
            in_flight: 0,
            overdue: Vec::new(),
            switches: 0,
            most_in_flight: 0,
        };
        let model = Arc::new(Mutex::new(model));
        let clock = Clock::manual(NOW);
        let mint = LocalIssuer::builder()
            .algorithm(SigningAlgorithm::EdDsa)
            .clock(clock.clone());
        let asked = Arc::clone(&model);
        let trusted = Verifier::issuer("https://issuer.example")
            .audience(AUDIENCE)
            .profile(Profile::KINDE)
            .algorithms([Algorithm::EdDSA])
            .jwks_url("https://issuer.example/jwks")
            .keys_max_stale(MAX_STALE)
            .jitter_seed(seed)
            .fetch_with(move |request| respond(Arc::clone(&asked), request));
        let customers = CustomerIssuers::new(&inputs.customers);
        let resolve = customers.resolver(seed);
        Self {
            inputs: Arc::clone(inputs),
            random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            model,
            mint: mint.in_process("https://issuer.example").unwrap(),
            verifier: Verifier::builder([trusted])
                .resolve_issuers_with(move |iss| std::future::ready(Ok(resolve(&iss))))
                .max_resolved_issuers(customers::CAPACITY)
                .clock(clock.clone())
                .build()
                .unwrap(),
            clock,
            begun: now,
            retired: Vec::new(),
            spare,
            under_way: Vec::new(),
            customers,
            slowest_customer: Duration::ZERO,
            accepted: 0,
            unavailable: 0,
        }
    }

    /// Returns a token of this key: usually an earlier one, which is cached if it was accepted, and
    /// sometimes a new one.
    fn token(&mut self, key: &SigningKey) -> String {
        if self.random.one_in(8) {
            return self.mint.org("org_a").signed_with(key).token();
        }
        self.inputs.tokens[key.kid()].clone()
    }

    async fn step(&mut self) {
        match self.random.below(16) {
            0..=3 => self.pass().await,
            4 => self.change_behavior(),
            5 => self.rotate(),
            6 => self.remove(),
            7 => self.jump(),
            8 => self.flood(),
            9 | 10 => self.cancel().await,
            11 => self.settings(),
            12 => self.hostile_flood(),
            13 if self.random.one_in(4) => self.late_key().await,
            13 => self.customers.change(&mut self.random),
            14 => self.customer_flood().await,
            15 if self.random.one_in(4) => self.admit_customer().await,
            _ => {}
        }
        settle().await;
        self.check().await;
    }

    async fn pass(&mut self) {
        let time = match self.random.below(4) {
            0 => self.random.millis(100),
            1 => self.random.millis(5_000),
            2 => self.random.millis(60_000),
            _ => self.random.millis(700_000),
        };
        tokio::time::sleep(time).await;
        self.clock.advance(time);
    }

    fn change_behavior(&mut self) {
        let behavior = match self.random.below(30) {
            0 => IssuerBehavior::Down,
            1 => IssuerBehavior::Hang,
            2 => IssuerBehavior::Slow(self.random.millis(8_000)),
            3 => IssuerBehavior::Status(500, None),
            4 => IssuerBehavior::Status(429, Some(self.random.below(400))),
            5 => IssuerBehavior::Garbage,
            6 => IssuerBehavior::Html,
            7 => IssuerBehavior::Empty,
            8 => IssuerBehavior::Oversized,
            9 => IssuerBehavior::Slow(self.random.millis(2_000)),
            _ => IssuerBehavior::Good,
        };
        let good = |behavior| match behavior {
            IssuerBehavior::Good => true,
            IssuerBehavior::Slow(pause) => pause < TIMEOUT,
            _ => false,
        };
        let mut model = self.model.lock().unwrap();
        if !good(model.behavior) && good(behavior) {
            model.good_since = Instant::now();
        }
        model.behavior = behavior;
    }

    fn rotate(&mut self) {
        // If there are no other keys, a retired one returns.
        let Some(key) = self.spare.pop().or_else(|| self.retired.pop()) else {
            return;
        };
        let mut model = self.model.lock().unwrap();
        model.published.push((key, Instant::now()));
        model.version += 1;
        if model.published.len() > 4 {
            self.retired.push(model.published.remove(0).0);
        }
    }

    fn remove(&mut self) {
        let mut model = self.model.lock().unwrap();
        if model.published.len() > 1 {
            let at = usize::try_from(self.random.below(model.published.len() as u64)).unwrap();
            self.retired.push(model.published.remove(at).0);
            model.version += 1;
        }
    }

    fn jump(&mut self) {
        let by = i64::try_from(self.random.below(400_000)).unwrap() - 200_000;
        self.clock.set(self.clock.unix_seconds() + by);
    }

    fn flood(&mut self) {
        for _ in 0..self.random.below(60) {
            let at = self.random.below(self.inputs.invented.len() as u64);
            self.send(self.inputs.invented[usize::try_from(at).unwrap()].clone());
        }
    }

    /// A tenant that was verified names keys that do not exist, under its own name.
    fn hostile_flood(&mut self) {
        let key = self.any_key();
        self.send(
            self.mint
                .org("org_a")
                .client("hostile")
                .signed_with(&key)
                .token(),
        );
        for _ in 0..self.random.below(60) {
            let kid = format!("hostile-{}", self.random.below(1_000));
            let token = self.mint.org("org_a").client("hostile");
            self.send(token.header("kid", kid).token());
        }
    }

    /// The issuer signs with a key before its key endpoint shows it, while it responds well and a
    /// hostile tenant floods.
    async fn late_key(&mut self) {
        let is_good = matches!(self.model.lock().unwrap().behavior, IssuerBehavior::Good);
        let status = self.verifier.status().remove(0);
        if !is_good || status.last_error.is_some() || status.keys.is_empty() {
            return;
        }
        // The client is known, and a wall clock that jumped does not make its token old.
        let published = self.model.lock().unwrap().published[0].0.clone();
        let token = self.mint.org("org_a").signed_with(&published).token();
        let is_known = self.verifier.verify(&token).await.is_ok();
        let Some(key) = self.spare.pop().filter(|_| is_known) else {
            return;
        };
        let token = self.mint.org("org_a").signed_with(&key).token();
        let start = Instant::now();
        assert!(self.verifier.verify(&token).await.is_err(), "not published");
        let pause = self.random.millis(5_000);
        tokio::time::sleep(pause).await;
        {
            let mut model = self.model.lock().unwrap();
            model.published.push((key, Instant::now()));
            model.version += 1;
        }
        while self.verifier.verify(&token).await.is_err() {
            self.hostile_flood();
            self.flood();
            tokio::time::sleep(Duration::from_millis(250)).await;
            assert!(
                start.elapsed() <= COOLDOWN + 2 * TIMEOUT,
                "a late key was not accepted after {:?}",
                start.elapsed()
            );
        }
        self.clock.advance(start.elapsed());
    }

    /// Forged and good tokens name more trusted issuers than are kept.
    async fn customer_flood(&mut self) {
        let before = self.customers.fetch_counts();
        for token in self.customers.flood(&mut self.random) {
            self.send(token);
        }
        for _ in 0..4 {
            settle().await;
        }
        self.customers.count(&before);
    }

    /// A good caller of an issuer that responds is admitted within the documented bound, in the
    /// middle of a flood: one cooldown, and a fetch that it waits for.
    async fn admit_customer(&mut self) {
        let Some(token) = self.customers.admissible(&mut self.random) else {
            return;
        };
        let start = Instant::now();
        loop {
            let pause = match self.verifier.verify(&token).await {
                Ok(_) => break,
                Err(
                    Rejection::KeysUnavailable { retry_after }
                    | Rejection::KeyUnavailable { retry_after },
                ) => retry_after,
                Err(other) => panic!("a customer's token: {other}"),
            };
            assert!(
                start.elapsed() <= COOLDOWN + 3 * TIMEOUT,
                "a customer was not admitted after {:?}",
                start.elapsed()
            );
            self.customer_flood().await;
            tokio::time::sleep(pause).await;
        }
        self.slowest_customer = self.slowest_customer.max(start.elapsed());
        self.clock.advance(start.elapsed());
    }

    /// A good caller of a resolved issuer whose keys are loaded never waits.
    async fn check_customers(&self) {
        for token in self.customers.loaded(&self.verifier) {
            let start = Instant::now();
            let result = self.verifier.verify(&token).await;
            assert!(result.is_ok(), "a resolved issuer with keys: {result:?}");
            assert_eq!(
                start,
                Instant::now(),
                "a request of a resolved issuer waited"
            );
        }
    }

    /// A request that waits, perhaps, and goes away, perhaps.
    async fn cancel(&mut self) {
        let key = self.any_key();
        let token = self.token(&key);
        self.send(token);
        settle().await;
        if self.random.one_in(2) {
            let request = self.under_way.pop().unwrap();
            request.abort();
        }
    }

    fn send(&mut self, token: String) {
        let (verifier, model) = (self.verifier.clone(), Arc::clone(&self.model));
        let switches = model.lock().unwrap().switches;
        self.under_way.push(tokio::spawn(async move {
            let start = Instant::now();
            let _ = verifier.verify(&token).await;
            let mut model = model.lock().unwrap();
            // The clock of a runtime that did not run jumps.
            if model.switches == switches && start.elapsed() > TIMEOUT {
                model.overdue.push(start.elapsed());
            }
        }));
        self.under_way.retain(|request| !request.is_finished());
    }

    fn any_key(&mut self) -> SigningKey {
        let model = self.model.lock().unwrap();
        let published: Vec<_> = model.published.iter().map(|(key, _)| key).collect();
        let retired: Vec<_> = self.retired.iter().collect();
        let from = if retired.is_empty() || !self.random.one_in(4) {
            published
        } else {
            retired
        };
        from[usize::try_from(self.random.below(from.len() as u64)).unwrap()].clone()
    }

    fn settings(&mut self) {
        let mut model = self.model.lock().unwrap();
        model.etags = self.random.one_in(2);
        model.max_age = [None, Some(0), Some(300), Some(1_000_000)]
            [usize::try_from(self.random.below(4)).unwrap()];
    }

    async fn check(&mut self) {
        {
            let model = self.model.lock().unwrap();
            // A runtime that does not run can leave one behind.
            let most = if model.switches == 0 { 1 } else { MAX_RUNTIMES };
            assert!(model.most_in_flight <= most, "two fetches at once");
            assert!(model.overdue.is_empty(), "waited {:?}", model.overdue);
        }
        self.check_budget();
        let switches = self.model.lock().unwrap().switches;
        self.customers.check_fetches(switches);
        // Rarely, because each accepted token spares its issuer from eviction.
        if self.random.one_in(8) {
            self.check_customers().await;
        }
        let key = self.any_key();
        let token = self.token(&key);
        let before = Instant::now();
        let held = self.usable(before);
        let result = self.verifier.verify(&token).await;
        let after = Instant::now();
        // After a wait, tokens must not be checked with the earlier time of the clock.
        self.clock.advance(after - before);
        match held {
            Some(held) if held.kids.contains(key.kid()) => {
                assert!(result.is_ok(), "a good set was dropped: {result:?}");
                assert_eq!(
                    before, after,
                    "a request waited although its key was available"
                );
            }
            Some(_) => {
                let held = self
                    .usable(after)
                    .is_some_and(|held| held.kids.contains(key.kid()));
                assert_eq!(result.is_ok(), held, "an unknown kid: {result:?}");
                assert!(after - before <= TIMEOUT, "waited {:?}", after - before);
            }
            None => {
                assert!(
                    after - before <= TIMEOUT,
                    "waited {:?} without keys",
                    after - before
                );
                match &result {
                    Ok(_) => assert!(
                        self.usable(after)
                            .is_some_and(|held| held.kids.contains(key.kid()))
                    ),
                    Err(Rejection::KeysUnavailable { .. }) => {
                        assert!(
                            self.usable(after).is_none(),
                            "503 although keys were available"
                        );
                    }
                    Err(_) => assert!(
                        self.usable(after)
                            .is_some_and(|held| !held.kids.contains(key.kid()))
                    ),
                }
            }
        }
        self.accepted += u64::from(result.is_ok());
        self.unavailable += u64::from(matches!(result, Err(Rejection::KeysUnavailable { .. })));
        self.check_remembered(&token, &key, result.is_ok()).await;
        self.check_published_in_time(after).await;
        let forged = &self.inputs.forged[key.kid()];
        assert!(
            self.verifier.verify(forged).await.is_err(),
            "a forged token was accepted"
        );
    }

    /// Returns the keys that the model expects: those of the last good response, until the lifetime
    /// and the stale limit have passed.
    fn usable(&self, now: Instant) -> Option<ServedKeySet> {
        let served = self.model.lock().unwrap().served.clone();
        served.filter(|served| now < served.at + served.lifetime + MAX_STALE)
    }

    /// A cached token is valid exactly as long as its key.
    async fn check_remembered(&mut self, token: &str, key: &SigningKey, accepted: bool) {
        if accepted {
            let now = Instant::now();
            let again = self.verifier.verify(token).await;
            let held = self
                .usable(now)
                .is_some_and(|held| held.kids.contains(key.kid()));
            assert_eq!(again.is_ok(), held, "a cached token: {again:?}");
        }
    }

    /// If an issuer responds and has published a key for long enough, the key is usable: 85 % of
    /// the longest lifetime, or the longest delay after a failure, and a fetch.
    async fn check_published_in_time(&mut self, now: Instant) {
        let bound = Duration::from_secs(3600) * 85 / 100 + 2 * TIMEOUT;
        let old_enough = {
            let model = self.model.lock().unwrap();
            let good = matches!(
                model.behavior,
                IssuerBehavior::Good | IssuerBehavior::Slow(..)
            ) && model.good_since + bound < now;
            let good =
                good && !matches!(model.behavior, IssuerBehavior::Slow(pause) if pause >= TIMEOUT);
            model
                .published
                .iter()
                .filter(|(_, at)| good && *at + bound < now)
                .map(|(key, _)| key.clone())
                .collect::<Vec<_>>()
        };
        for key in old_enough {
            let token = self.token(&key);
            let result = self.verifier.verify(&token).await;
            assert!(result.is_ok(), "published in time: {result:?}");
        }
    }

    /// Two at once and the reserved fetch, then one per cooldown.
    fn check_budget(&self) {
        let status = &self.verifier.status()[0];
        let spent = status
            .fetches
            .iter()
            .find(|(cause, _)| *cause == FetchCause::UnknownKid)
            .map_or(0, |(_, count)| *count);
        let earned = self.begun.elapsed().as_millis() / COOLDOWN.as_millis();
        assert!(
            u128::from(spent) <= 3 + earned + u128::from(self.model.lock().unwrap().switches),
            "{spent} fetches for unknown kids, {earned} earned"
        );
        let held = self.usable(Instant::now());
        assert_eq!(held.is_some(), !status.keys.is_empty(), "what is held");
        if let Some(held) = held {
            assert_eq!(
                held.kids.len(),
                status.keys.len(),
                "version {}",
                held.version
            );
        }
    }
}

/// Runtimes of one simulation, of which one runs.
const MAX_RUNTIMES: u32 = 3;

fn run(seed: u64, steps: u64, inputs: &Arc<SharedInputs>) -> (u64, u64) {
    let mut runtimes = VecDeque::from([paused_runtime()]);
    let mut simulation = runtimes[0].block_on(async { Simulation::new(seed, inputs) });
    for _ in 0..steps {
        let now = runtimes[0].block_on(async {
            simulation.step().await;
            Instant::now()
        });
        if simulation.random.one_in(256) {
            // Another runtime takes over: a new one, or one that did not run for a while. The one
            // before is idle, or is dropped.
            match simulation.random.below(3) {
                0 => drop(runtimes.pop_front()),
                _ => runtimes.rotate_left(1),
            }
            if runtimes.len() < MAX_RUNTIMES as usize {
                runtimes.push_front(paused_runtime());
            }
            simulation.model.lock().unwrap().switches += 1;
            simulation.customers.switch_runtime();
            runtimes[0].block_on(async {
                tokio::time::sleep_until(now).await;
                settle().await;
            });
        }
    }
    println!(
        "seed {seed}: {} fetches from customers' issuers, the slowest customer took {:?}",
        simulation.customers.fetches(),
        simulation.slowest_customer
    );
    (simulation.accepted, simulation.unavailable)
}

#[test]
fn invariants_hold_after_random_events() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse::<u64>().ok())
    };
    let seeds = match number("KEYS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("KEYS_SEEDS").unwrap_or(5) + 1,
    };
    let steps = number("KEYS_STEPS").unwrap_or(2000);
    let inputs = Arc::new(SharedInputs::new());
    let (mut accepted, mut unavailable) = (0, 0);
    for seed in seeds.clone() {
        let outcome = std::panic::catch_unwind(|| run(seed, steps, &inputs));
        let Ok((a, u)) = outcome else {
            panic!("seed {seed} fails: KEYS_SEED={seed} runs it alone")
        };
        accepted += a;
        unavailable += u;
    }
    println!(
        "{} seeds of {steps} steps: {accepted} accepted, {unavailable} answered 503",
        seeds.clone().count()
    );
    if (seeds.end - seeds.start) * steps >= 3000 {
        // The run must contain enough of both outcomes.
        assert!(
            accepted > 1000 && unavailable > 20,
            "{accepted} accepted, {unavailable} answered 503"
        );
    }
}
