//! A fake issuer without a socket, on tokio's clock. The test selects its responses.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use tokio::sync::Notify;
use tower_m2m::jwks::{FetchCause, JwksError};
use tower_m2m::testing::{AUDIENCE, LocalIssuer, SigningAlgorithm, SigningKey};
use tower_m2m::{Algorithm, BoxError, Claims, Clock, Issuer, Profile, Rejection, Verifier};

pub(crate) const NOW: i64 = 1_750_000_000;

/// The behavior of the issuer.
#[derive(Clone, Debug)]
pub(crate) enum Behavior {
    Good,
    Slow(Duration),
    Down,
    Hang,
    Panic,
    Status(u16, Vec<(&'static str, String)>),
    Body(Vec<u8>),
}

pub(crate) struct FakeIssuer {
    pub(crate) issuer: LocalIssuer,
    pub(crate) clock: Clock,
    behavior: Mutex<Behavior>,
    headers: Mutex<Vec<(&'static str, String)>>,
    fetches: AtomicU64,
    fetched: Notify,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

/// Counts a fetch until it ends, even if it is canceled.
struct InFlight(Arc<FakeIssuer>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FakeIssuer {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_url("https://issuer.example")
    }

    pub(crate) fn with_url(iss: &str) -> Arc<Self> {
        let clock = Clock::manual(NOW);
        let issuer = LocalIssuer::builder()
            .algorithm(SigningAlgorithm::EdDsa)
            .clock(clock.clone())
            .in_process(iss)
            .unwrap();
        Arc::new(Self {
            issuer,
            clock,
            behavior: Mutex::new(Behavior::Good),
            headers: Mutex::default(),
            fetches: AtomicU64::new(0),
            fetched: Notify::new(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    pub(crate) fn set_behavior(&self, behavior: Behavior) {
        *self.behavior.lock().unwrap() = behavior;
    }

    pub(crate) fn behavior(&self) -> Behavior {
        self.behavior.lock().unwrap().clone()
    }

    /// Sets the headers of good responses. If they contain an `etag`, a request with that `etag`
    /// gets 304.
    pub(crate) fn set_headers(&self, headers: &[(&'static str, &str)]) {
        *self.headers.lock().unwrap() = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
    }

    pub(crate) fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Waits for the next fetch, and until the refresh task has processed its outcome.
    pub(crate) async fn wait_for_fetch(&self) {
        self.fetched.notified().await;
        settle().await;
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    /// Returns the issuer's configuration with default settings.
    pub(crate) fn trusted(self: &Arc<Self>) -> Issuer {
        let fake = Arc::clone(self);
        Verifier::issuer(self.issuer.url())
            .audience(AUDIENCE)
            .profile(Profile::KINDE)
            .algorithms([Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256])
            .jwks_url(format!("{}/jwks", self.issuer.url()))
            .fetch_with(move |request| Arc::clone(&fake).respond(request))
    }

    pub(crate) fn verifier(self: &Arc<Self>) -> Verifier {
        Verifier::builder([self.trusted()])
            .clock(self.clock.clone())
            .build()
            .unwrap()
    }

    pub(crate) fn token(&self) -> String {
        self.issuer.org("org_a").token()
    }

    /// Creates a token with a key that is not published.
    pub(crate) fn invented(&self, kid: &str) -> String {
        self.issuer
            .org("org_a")
            .client("stranger")
            .header("kid", kid)
            .token()
    }

    async fn respond(self: Arc<Self>, request: Request<()>) -> Result<Response<Vec<u8>>, BoxError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        self.fetched.notify_waiters();
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        let in_flight = InFlight(Arc::clone(&self));
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let behavior = self.behavior();
        match behavior {
            Behavior::Good => Ok(self.good(&request)),
            Behavior::Slow(pause) => {
                tokio::time::sleep(pause).await;
                let answer = self.good(&request);
                drop(in_flight);
                Ok(answer)
            }
            Behavior::Down => Err("connection refused".into()),
            Behavior::Hang => std::future::pending().await,
            Behavior::Panic => panic!("the fetch function panics"),
            Behavior::Status(status, headers) => Ok(response(status, &headers, Vec::new())),
            Behavior::Body(body) => Ok(response(200, &[], body)),
        }
    }

    fn good(&self, request: &Request<()>) -> Response<Vec<u8>> {
        let headers = self.headers.lock().unwrap().clone();
        let etag = headers
            .iter()
            .find(|(name, _)| *name == "etag")
            .map(|(_, value)| value.as_bytes());
        let known = request
            .headers()
            .get("if-none-match")
            .map(http::HeaderValue::as_bytes);
        if etag.is_some() && etag == known {
            return response(304, &headers, Vec::new());
        }
        response(200, &headers, self.issuer.jwks().into_bytes())
    }
}

fn response(status: u16, headers: &[(&'static str, String)], body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(body).unwrap()
}

/// Advances the time for keys and for tokens. No test sleeps: the clock is paused and jumps from
/// timer to timer.
pub(crate) async fn pass(clock: &Clock, time: Duration) {
    tokio::time::sleep(time).await;
    clock.advance(time);
    settle().await;
}

/// Runs all tasks that are ready.
pub(crate) async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate(SigningAlgorithm::EdDsa).unwrap()
}

pub(crate) fn code(result: &Result<Claims, Rejection>) -> &'static str {
    result.as_ref().map_or_else(Rejection::code, |_| "accepted")
}

pub(crate) async fn verdict(verifier: &Verifier, token: &str) -> &'static str {
    code(&verifier.verify(token).await)
}

/// Returns the cause of the last fetch's failure.
pub(crate) fn last_error(verifier: &Verifier) -> Option<JwksError> {
    let status = verifier.status();
    status[0]
        .last_error
        .as_ref()
        .map(|error| error.cause().clone())
}

/// Returns the number of fetches that an unknown `kid` caused.
pub(crate) fn unknown_kid_fetches(verifier: &Verifier) -> u64 {
    fetches_by(verifier, FetchCause::UnknownKid)
}

pub(crate) fn fetches_by(verifier: &Verifier, cause: FetchCause) -> u64 {
    verifier.status()[0]
        .fetches
        .iter()
        .find(|(counted, _)| *counted == cause)
        .map_or(0, |(_, count)| *count)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
