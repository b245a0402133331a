//! Measures a cached API key beside a cached token, and a cached token of a verifier that also
//! accepts API keys.
//!
//! ```text
//! cargo run --release --bin opaque
//! ```
//!
//! Fails if API keys slow cached tokens down or if a cached key needs more than one allocation.

use std::alloc::System;
use std::hint::black_box;
use std::process::ExitCode;

use http::Request;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tower::{Layer, Service};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m::{Authorize, Verifier};
use tower_m2m_benches::measure::{Rounds, allocations, nanoseconds, thread_cpu};
use tower_m2m_benches::{Bare, Bench, CUSTOMER, SCOPE, api_key, now, request};

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 300;
const PER_ROUND: usize = 200;

fn main() -> ExitCode {
    let bench = Bench::new(SigningAlgorithm::Rs256);
    if cached(&bench) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

type Protected = Authorize<Bare>;

fn protect(verifier: &Verifier) -> Protected {
    verifier.layer().require(SCOPE).layer(Bare)
}

/// Sends a first request with this credential, which may wait for the issuer.
fn warm(bench: &Bench, service: &mut Protected, credential: &str) {
    let first = async { service.call(request(credential)).await };
    let response = bench.runtime().block_on(first);
    assert_eq!(response.map(|response| response.status().as_u16()), Ok(200));
}

/// Goals O1 and O2.
fn cached(bench: &Bench) -> bool {
    let token = bench.token(0);
    let key = api_key(CUSTOMER, 0);
    let mut paths = [
        ("a cached JWT", protect(&bench.verifier()), token.clone()),
        (
            "a cached JWT, with API keys configured",
            protect(&bench.with_api_keys()),
            token,
        ),
        ("a cached API key", protect(&bench.with_api_keys()), key),
    ];
    for (_, service, credential) in &mut paths {
        warm(bench, service, credential);
    }
    let mut bare = Rounds::default();
    let mut rounds = [Rounds::default(), Rounds::default(), Rounds::default()];
    for _ in 0..ROUNDS {
        bare.push(turn(&paths[0].2, |request| {
            drop(black_box(now(Bare.call(request))));
        }));
        for ((_, service, credential), rounds) in paths.iter_mut().zip(&mut rounds) {
            rounds.push(turn(credential, |request| {
                drop(black_box(now(service.call(request))));
            }));
        }
    }
    println!("| | ns over the bare service | a cached JWT = 1 | allocations |");
    println!("|---|---:|---:|---:|");
    let jwt = rounds[0].best() - bare.best();
    let mut ratios = Vec::new();
    let mut most = 0;
    for ((name, service, credential), rounds) in paths.iter_mut().zip(&rounds) {
        let cost = rounds.best() - bare.best();
        let make = || request(credential);
        let send = |request| {
            drop(black_box(now(service.call(request))));
            Ok::<_, ()>(())
        };
        let (count, _) = allocations(ALLOCATIONS, make, send).unwrap_or_default();
        ratios.push(cost / jwt);
        most = most.max(count);
        println!("| {name} | {cost:.0} | {:.2} | {count} |", cost / jwt);
    }
    println!();
    ratios[1] < 1.2 && most <= 1
}

fn turn(credential: &str, mut send: impl FnMut(Request<String>)) -> f64 {
    let requests: Vec<_> = (0..PER_ROUND).map(|_| request(credential)).collect();
    let begun = thread_cpu();
    requests.into_iter().for_each(&mut send);
    nanoseconds(thread_cpu().saturating_sub(begun), PER_ROUND)
}
