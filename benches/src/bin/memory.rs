//! Measures the memory that one verifier keeps after a million different valid tokens.
//!
//! ```text
//! cargo run --release --bin memory
//! ```
//!
//! The tokens use Ed25519, because a million RSA signatures would take an hour. Fails if the
//! process grows by more than 32 MiB, the limit for the cache of verified tokens.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tower::{Layer, Service};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m_benches::measure::resident;
use tower_m2m_benches::{Bare, Bench, SCOPE, now, request};

const TOKENS: usize = 1_000_000;
const THREADS: usize = 2;
/// The limit in KiB.
const BOUND: u64 = 32 * 1024;

fn main() -> ExitCode {
    let bench = Bench::new(SigningAlgorithm::EdDsa);
    let verifier = bench.verifier();
    let template = bench
        .issuer
        .org("org_ba4a2311eb1")
        .scopes(["read:users", "write:flags", "read:invoices"])
        .claim("jti", "JTI");
    let (header, payload) = (template.header_json(), template.payload_json());
    let (before_jti, after_jti) = payload.split_once("JTI").unwrap_or_default();
    let mint = |number: usize| {
        let payload = format!("{before_jti}f95ed3e0-cc4d-40c4-b95a-{number:012x}{after_jti}");
        bench.issuer.sign_raw(&header, payload.as_bytes())
    };
    let accept = |number: usize| {
        let answer = now(verifier
            .layer()
            .require(SCOPE)
            .layer(Bare)
            .call(request(&mint(number))));
        assert_eq!(
            answer.map(|answer| answer.status().as_u16()),
            Ok(200),
            "token {number} was rejected"
        );
    };
    // Allocates everything that is allocated once, before the count begins.
    (TOKENS..TOKENS + 10).for_each(accept);
    let Some(before) = resident() else {
        eprintln!("no VmRSS in /proc/self/status");
        return ExitCode::FAILURE;
    };
    println!(
        "before:          {before:7} KiB resident, a token has {} bytes",
        mint(0).len()
    );
    let next = AtomicUsize::new(0);
    let most = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= TOKENS {
                        break;
                    }
                    accept(number);
                    if number.is_multiple_of(1_000) {
                        most.fetch_max(
                            usize::try_from(resident().unwrap_or_default()).unwrap_or_default(),
                            Ordering::Relaxed,
                        );
                    }
                    if number.is_multiple_of(200_000) {
                        println!(
                            "{number:7} tokens: {:7} KiB, {} cached",
                            resident().unwrap_or_default(),
                            verifier.cached_tokens()
                        );
                    }
                }
            });
        }
    });
    let (after, most) = (resident().unwrap_or(u64::MAX), most.into_inner() as u64);
    println!(
        "after {TOKENS}: {after:7} KiB, {} cached",
        verifier.cached_tokens()
    );
    let growth = most.max(after).saturating_sub(before);
    println!(
        "growth at most {growth} KiB ({:.1} MiB), bound {} MiB",
        kib(growth),
        BOUND / 1024
    );
    if growth < BOUND {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn kib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
