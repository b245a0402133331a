//! The layer over a bare service, beside the raw signature check, in one run: `cargo bench --bench layer`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use divan::{AllocProfiler, Bencher};
use tower::{Layer, Service};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m_benches::{Bare, Bench, SCOPE, now, raw_check, request};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const ALGORITHMS: [SigningAlgorithm; 3] = [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];

fn main() {
    divan::main();
}

/// The inner service alone: what everything else is compared with.
#[divan::bench]
fn bare(bencher: Bencher) {
    let bench = Bench::new(SigningAlgorithm::Rs256);
    let token = bench.token(0);
    bencher.with_inputs(|| request(&token)).bench_values(|request| now(Bare.call(request)));
}

/// The same token again.
#[divan::bench]
fn warm(bencher: Bencher) {
    let bench = Bench::new(SigningAlgorithm::Rs256);
    let token = bench.token(0);
    let mut service = bench.verifier().layer().require(SCOPE).layer(Bare);
    for _ in 0..3 {
        assert_eq!(now(service.call(request(&token))).unwrap().status(), 200);
    }
    bencher
        .with_inputs(|| (service.clone(), request(&token)))
        .bench_local_refs(|(service, request)| now(service.call(std::mem::replace(request, http::Request::new(())))));
}

/// Another token each time, no cache.
#[divan::bench(args = ALGORITHMS)]
fn cold(bencher: Bencher, algorithm: SigningAlgorithm) {
    let bench = Bench::new(algorithm);
    let token = bench.token(0);
    let mut service = bench.uncached().layer().require(SCOPE).layer(Bare);
    assert_eq!(now(service.call(request(&token))).unwrap().status(), 200);
    bencher.with_inputs(|| request(&token)).bench_local_values(|request| now(service.call(request)));
}

/// Another token each time, and each is remembered.
#[divan::bench(sample_size = 1, sample_count = 2000)]
fn cold_and_remembered(bencher: Bencher) {
    let bench = Bench::new(SigningAlgorithm::Rs256);
    let mut tokens = bench.tokens(2100).into_iter().cycle();
    let mut service = bench.verifier().layer().require(SCOPE).layer(Bare);
    bencher.with_inputs(|| request(&tokens.next().unwrap())).bench_local_values(|request| now(service.call(request)));
}

/// The raw signature check with a key that is ready: nobody can be faster.
#[divan::bench(args = ALGORITHMS)]
fn raw(bencher: Bencher, algorithm: SigningAlgorithm) {
    let bench = Bench::new(algorithm);
    let token = bench.token(0);
    let check = raw_check(&bench, algorithm, &token);
    assert!(check());
    bencher.bench(|| check());
}

/// What is refused must cost less than what is let in.
#[divan::bench(args = ["garbage", "oversized", "wrong_algorithm", "unknown_kid", "forged_signature", "no_token"])]
fn refused(bencher: Bencher, what: &str) {
    let bench = Bench::new(SigningAlgorithm::Rs256);
    let good = bench.issuer.org("org_ba4a2311eb1");
    let token = match what {
        "garbage" => "garbage".to_owned(),
        "oversized" => "a".repeat(10_000),
        "wrong_algorithm" => good.header("alg", "HS256").token(),
        "unknown_kid" => good.header("kid", "unknown").token(),
        _ => {
            let token = good.token();
            let (message, _) = token.rsplit_once('.').unwrap();
            format!("{message}.{}", URL_SAFE_NO_PAD.encode([7; 256]))
        }
    };
    let mut service = bench.verifier().layer().require(SCOPE).layer(Bare);
    let make = || if what == "no_token" { http::Request::new(()) } else { request(&token) };
    assert_ne!(now(service.call(make())).unwrap().status(), 200);
    bencher.with_inputs(make).bench_local_values(|request| now(service.call(request)));
}
