//! Runs one path many times inside [`measured`], so that `callgrind --toggle-collect` counts its instructions:
//! `benches/instructions` does so for each path.

use std::hint::black_box;

use tower::{Layer, Service};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m_benches::{Bare, Bench, SCOPE, now, raw_check, request};

/// Times that the path runs: one request's count is the total divided by it.
const TIMES: usize = 200;

/// What is counted, and nothing else: callgrind looks for its name..
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    let bench = Bench::new(SigningAlgorithm::Rs256);
    let token = bench.token(0);
    let (verifier, token) = match path.as_str() {
        "bare" | "raw" | "warm" => (bench.verifier(), token),
        "cold" => (bench.uncached(), token),
        "garbage" => (bench.verifier(), "garbage".to_owned()),
        "unknown_kid" => (
            bench.verifier(),
            bench.issuer.org("org_a").header("kid", "unknown").token(),
        ),
        other => {
            eprintln!("no such path: {other:?}");
            std::process::exit(2);
        }
    };
    let raw = raw_check(&bench, SigningAlgorithm::Rs256, &token);
    let mut service = verifier.layer().require(SCOPE).layer(Bare);
    let mut once = |request| match path.as_str() {
        "raw" => drop(black_box(raw())),
        "bare" => drop(black_box(now(Bare.call(request)))),
        _ => drop(black_box(now(service.call(request)))),
    };
    for _ in 0..3 {
        once(request(&token));
    }
    let mut requests: Vec<_> = (0..TIMES).map(|_| request(&token)).collect();
    while let Some(request) = requests.pop() {
        let mut request = Some(request);
        measured(&mut || once(request.take().unwrap_or_default()));
    }
    println!("{TIMES}");
}
