//! Measures how requests that wait at an issuer that hangs delay the cached token of another client
//! over HTTP (goal G10).
//!
//! ```text
//! cargo run --release --bin waiting [ROUNDS]
//! ```
//!
//! An axum server with one worker and a client with one worker run in this process and talk over
//! loopback. First the cached token is sent alone. Then 4,096 requests of a tenant that turned
//! hostile and 256 of unknown clients name keys that do not exist, each on its own connection,
//! while the issuer hangs, and the cached token is sent again. Both take turns. Fails if the 99th
//! percentile with the waiting requests is more than twice the quiet one, or if the token of a
//! rotated key is rejected after the issuer responds again.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m::{Algorithm, Verifier};
use tower_m2m_benches::{AUDIENCE, Bench, ISSUER};

const HOSTILE: usize = 4_096;
const UNKNOWN: usize = 256;
const REQUESTS: usize = 4_000;
const ROUNDS: usize = 5;
/// Long enough for the requests of one round.
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);

/// An issuer that can hang.
struct KeyServer {
    bench: Bench,
    hangs: AtomicBool,
}

fn verifier(keys: &Arc<KeyServer>) -> Verifier {
    let shared = Arc::clone(keys);
    Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .profile(tower_m2m::Profile::KINDE)
        .algorithms([Algorithm::EdDSA])
        .jwks_url(format!("{ISSUER}/jwks"))
        .fetch_timeout(FETCH_TIMEOUT)
        // Each round causes a fetch.
        .unknown_kid_cooldown(Duration::from_secs(1))
        .fetch_with(move |_| {
            let shared = Arc::clone(&shared);
            async move {
                if shared.hangs.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                Ok(Response::new(shared.bench.issuer.jwks().into_bytes()))
            }
        })
        .build()
        .expect("a verifier")
}

fn worker() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all();
    builder.build().expect("a runtime")
}

fn head(token: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// Reads the head of a response without a body, and returns its status.
async fn status(connection: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    while !buffer.ends_with(b"\r\n\r\n") {
        if connection.read_buf(buffer).await.expect("a response") == 0 {
            break;
        }
        // The bodies of rejections are not read: their connections are not used again.
        if buffer.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            break;
        }
    }
    let status = buffer
        .get(9..12)
        .and_then(|status| std::str::from_utf8(status).ok());
    status.and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Sends a token on one connection, again and again, and returns the latencies.
async fn latencies(address: SocketAddr, token: &str) -> Vec<Duration> {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.set_nodelay(true).expect("a setting");
    let (request, mut buffer) = (head(token), Vec::new());
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let start = Instant::now();
        connection.write_all(&request).await.expect("a request");
        assert_eq!(status(&mut connection, &mut buffer).await, 200);
        times.push(start.elapsed());
    }
    times
}

fn quantile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

struct Flood {
    requests: JoinSet<()>,
    answered: Arc<AtomicUsize>,
}

/// Opens a connection for each request that will wait.
async fn flood(address: SocketAddr, tokens: &[String]) -> Flood {
    let (mut requests, answered) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for token in tokens {
        let mut connection = TcpStream::connect(address).await.expect("a connection");
        connection.write_all(&head(token)).await.expect("a request");
        let answered = Arc::clone(&answered);
        requests.spawn(async move {
            status(&mut connection, &mut Vec::new()).await;
            answered.fetch_add(1, Ordering::Relaxed);
            // The connection stays open, like that of a client that waits.
            std::future::pending::<()>().await;
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    Flood { requests, answered }
}

async fn measure(rounds: usize, keys: &KeyServer, address: SocketAddr) -> bool {
    let token = |client: &str| keys.bench.issuer.org("org_ba4a2311eb1").client(client);
    let cached = token("good").token();
    for client in ["good", "hostile"] {
        let times = latencies(address, &token(client).token()).await;
        assert_eq!(times.len(), REQUESTS);
    }
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    let (mut ratios, mut waiting) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut alone = latencies(address, &cached).await;
        keys.hangs.store(true, Ordering::SeqCst);
        let named = |client: &str, number: usize| {
            let kid = format!("{round}-{number}");
            token(client).header("kid", kid).token()
        };
        let hostile = (0..HOSTILE).map(|number| named("hostile", number));
        let unknown = (0..UNKNOWN).map(|number| named(&format!("c{number}"), number));
        let tokens: Vec<_> = hostile.chain(unknown).collect();
        let mut flood = flood(address, &tokens).await;
        let before = flood.answered.load(Ordering::Relaxed);
        let mut delayed = latencies(address, &cached).await;
        let after = flood.answered.load(Ordering::Relaxed);
        assert_eq!(before, after, "the requests ended before the measurement");
        waiting.push(tokens.len() - after);
        keys.hangs.store(false, Ordering::SeqCst);
        flood.requests.shutdown().await;
        // The fetch that hangs ends at its deadline.
        tokio::time::sleep(FETCH_TIMEOUT).await;
        let (alone99, delayed99) = (quantile(&mut alone, 99), quantile(&mut delayed, 99));
        ratios.push(delayed99 / alone99);
        println!(
            "round {round}: p50 {:.0} → {:.0} µs, p99 {alone99:.0} → {delayed99:.0} µs, {} requests wait",
            quantile(&mut alone, 50),
            quantile(&mut delayed, 50),
            tokens.len() - after
        );
        quiet.append(&mut alone);
        busy.append(&mut delayed);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "all: p50 {:.0} → {:.0} µs, p99 {:.0} → {:.0} µs; ratios of p99: {ratios:.2?}",
        quantile(&mut quiet, 50),
        quantile(&mut busy, 50),
        quantile(&mut quiet, 99),
        quantile(&mut busy, 99)
    );
    keys.bench.issuer.rotate_key().expect("a key");
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let rotated = token("good").token();
    connection
        .write_all(&head(&rotated))
        .await
        .expect("a request");
    let status = status(&mut connection, &mut Vec::new()).await;
    println!("first token of a rotated key after the issuer responds again: {status}");
    ratios.get(rounds / 2).is_some_and(|median| *median <= 2.0) && status == 200
}

fn main() -> ExitCode {
    let rounds = std::env::args().nth(1);
    let rounds = rounds
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    let keys = Arc::new(KeyServer {
        bench: Bench::new(SigningAlgorithm::EdDsa),
        hangs: AtomicBool::new(false),
    });
    let (server, client) = (worker(), worker());
    let layer = {
        let _entered = server.enter();
        verifier(&keys).layer()
    };
    let app = Router::new().route("/", get(async || ())).layer(layer);
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a socket");
    let address = listener.local_addr().expect("an address");
    server.spawn(async move { axum::serve(listener, app).await });
    let task = client.spawn(async move { measure(rounds, &keys, address).await });
    if client.block_on(task).expect("no panic") {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
