//! Measures how long a denial takes from one replica to another one over a real Redis (goal R2).
//!
//! ```text
//! cargo run --release --features redis --bin replicas
//! ```
//!
//! Two verifiers in this process share a `redis-server`, which the program starts on a free
//! loopback port and ends. Each round denies one organization on the first replica and waits until
//! the second one rejects its token, and until an open stream of it ends there. It prints the goals
//! and fails for none of them.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use tower::{Layer as _, Service};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m::{Denylist, DenylistEntry, EntryExpiry, RedisStore, ResponseBody, Verifier};
use tower_m2m_benches::measure::{Rounds, nanoseconds};
use tower_m2m_benches::{AUDIENCE, Bench, ISSUER, poll_once, request};

use self::redis_server::RedisServer;

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../../tests/support/redis_server.rs"]
mod redis_server;

const ROUNDS: usize = 1_000;
/// How often the second replica gets a request.
const INTERVAL: Duration = Duration::from_micros(50);

/// The body of a stream that sends no data.
struct Silent;

impl Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[derive(Clone)]
struct Streams;

impl Service<Request<String>> for Streams {
    type Response = Response<Silent>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        ready(Ok(Response::new(Silent)))
    }
}

#[derive(Clone)]
struct Replica {
    denylist: Denylist,
    verifier: Verifier,
}

impl Replica {
    async fn connect(bench: &Bench, url: &str) -> Self {
        let store = RedisStore::connect(url, "bench").await.expect("Redis");
        let denylist = Denylist::replicated(store);
        let trusted = Verifier::kinde("acme")
            .audience(AUDIENCE)
            .algorithms([bench.algorithm])
            .jwk_set(bench.issuer.jwks());
        let verifier = Verifier::builder([trusted]).denylist(denylist.clone());
        let verifier = verifier.build_ready().await.expect("a verifier");
        Self { denylist, verifier }
    }

    async fn open_stream(&self, token: &str) -> ResponseBody<Silent> {
        let mut service = self.verifier.layer().end_streams().layer(Streams);
        let response = match service.call(request(token)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        assert_eq!(response.status(), 200);
        response.into_body()
    }

    /// Sends a token until it is rejected, on a thread of its own, and returns the time then.
    fn until_rejected(&self, token: &str) -> Instant {
        loop {
            if let Poll::Ready(Err(_)) = poll_once(self.verifier.verify(token)) {
                return Instant::now();
            }
            std::thread::sleep(INTERVAL);
        }
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let Some(redis) = RedisServer::start(&["--appendonly", "yes"]) else {
        println!("R2  not measured: redis-server is missing (apt-get install redis-server)");
        return;
    };
    let bench = Bench::new(SigningAlgorithm::EdDsa);
    let first = Replica::connect(&bench, &redis.url()).await;
    let second = Replica::connect(&bench, &redis.url()).await;
    let (mut stored, mut rejected, mut ended) =
        (Rounds::default(), Rounds::default(), Rounds::default());
    for number in 0..ROUNDS {
        let organization = format!("org_{number}");
        let token = bench.issuer.org(&organization).token();
        let mut body = second.open_stream(&token).await;
        let stream = tokio::spawn(async move {
            let end = body.frame().await.expect("no normal end");
            assert!(end.is_err());
            Instant::now()
        });
        let replica = second.clone();
        let requests = tokio::task::spawn_blocking(move || replica.until_rejected(&token));
        tokio::time::sleep(Duration::from_millis(2)).await;

        let begun = Instant::now();
        let entry = DenylistEntry::organization(ISSUER, &organization);
        let denied = first
            .denylist
            .deny_on_all_replicas(entry, EntryExpiry::Never);
        denied.await.expect("Redis works");
        stored.push(milliseconds(begun.elapsed()));
        let at = requests.await.expect("no panic");
        rejected.push(milliseconds(at - begun));
        let end = stream.await.expect("no panic");
        ended.push(milliseconds(end.saturating_duration_since(at)));
    }
    println!("{ROUNDS} denials, redis-server on loopback       median      p99   slowest");
    line("R2  confirmed by Redis", &stored, "");
    line("R2  rejected on the other replica", &rejected, "20, 200 ms");
    line("R2  its stream ended after that", &ended, "50 ms");
}

fn milliseconds(time: Duration) -> f64 {
    nanoseconds(time, 1_000_000)
}

fn line(name: &str, rounds: &Rounds, goal: &str) {
    let [median, late, slowest] = [0.5, 0.99, 1.0].map(|fraction| rounds.quantile(fraction));
    let goal = if goal.is_empty() {
        String::new()
    } else {
        format!("  (goal: {goal})")
    };
    println!("{name:<42} {median:>7.2}  {late:>7.2}  {slowest:>8.2} ms{goal}");
}
