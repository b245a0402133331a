//! Measures a verifier of 20,000 resolved issuers (goal G12): the memory of each, the time of a
//! cached request, and the fetches that forged tokens cause.
//!
//! ```text
//! cargo run --release --bin resolved_issuers [KEYS]
//! ```
//!
//! Each issuer publishes one RSA key, or as many as the argument says. Fails if an issuer takes
//! more than 16 KiB, if a cached request takes 1.25 times the time with one issuer, or if the
//! fetches for one name exceed its budget.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m::{Algorithm, Issuer, Profile, Verifier};
use tower_m2m_benches::measure::{Rounds, nanoseconds, resident, thread_cpu};
use tower_m2m_benches::{AUDIENCE, Bare, Bench, SCOPE, now, request};

const ISSUERS: usize = 20_000;
/// The limit in KiB for one issuer.
const BOUND: f64 = 16.0;

/// The requests of one turn, and the turns.
const TURN: usize = 2_000;
const TURNS: usize = 200;

/// The issuers that are kept while forged tokens name all of them, and how often each is named.
const KEPT: usize = 1_000;
const FORGED_ROUNDS: usize = 3;
/// The first fetch, and those that the budget has for unknown clients at once.
const BUDGET: u64 = 3;

type Fetches = Arc<Mutex<HashMap<String, u64>>>;

fn name(number: usize) -> String {
    format!("https://customer-{number}.example")
}

fn trusted(iss: &str, jwks: &Arc<[u8]>, fetches: &Fetches) -> Issuer {
    let (jwks, fetches, counted) = (Arc::clone(jwks), Arc::clone(fetches), iss.to_owned());
    Verifier::issuer(iss)
        .audience(AUDIENCE)
        .profile(Profile::KINDE)
        .algorithms([Algorithm::RS256])
        .jwks_url(format!("{iss}/jwks"))
        .fetch_with(move |_| {
            let mut fetches = fetches.lock().expect("no panic");
            *fetches.entry(counted.clone()).or_default() += 1;
            let jwks = jwks.to_vec();
            async move { Ok(http::Response::new(jwks)) }
        })
}

fn verifier(kept: usize, jwks: &Arc<[u8]>, fetches: &Fetches) -> Verifier {
    let (jwks, fetches) = (Arc::clone(jwks), Arc::clone(fetches));
    Verifier::builder([])
        .resolve_issuers_with(move |iss| {
            let issuer = trusted(&iss, &jwks, &fetches);
            async move { Ok(Some(issuer)) }
        })
        .max_resolved_issuers(kept)
        .max_issuer_resolutions_per_second(u32::MAX)
        // So that the memory of cached tokens does not count.
        .token_cache(64, 1 << 20)
        .build()
        .expect("a verifier")
}

/// Returns the time of a cached request in nanoseconds, over a service without the layer: the best
/// turn.
fn cached_request(runtime: &Runtime, verifier: &Verifier, token: &str) -> f64 {
    let _entered = runtime.enter();
    let mut service = verifier.layer().require(SCOPE).layer(Bare);
    let (mut layer, mut bare) = (Rounds::default(), Rounds::default());
    for _ in 0..TURNS {
        let mut spent = [std::time::Duration::ZERO; 2];
        for _ in 0..TURN / 20 {
            let with_layer: Vec<_> = (0..20).map(|_| request(token)).collect();
            let without: Vec<_> = (0..20).map(|_| request(token)).collect();
            let start = thread_cpu();
            for request in with_layer {
                let response = now(service.call(request));
                assert!(response.is_ok_and(|response| response.status() == 200));
            }
            let middle = thread_cpu();
            for request in without {
                let response = now(Bare.call(request));
                assert!(response.is_ok_and(|response| response.status() == 200));
            }
            spent[0] += middle.saturating_sub(start);
            spent[1] += thread_cpu().saturating_sub(middle);
        }
        layer.push(nanoseconds(spent[0], TURN));
        bare.push(nanoseconds(spent[1], TURN));
    }
    layer.best() - bare.best()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn main() -> ExitCode {
    // The background tasks of the issuers run here too, between the measurements.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let bench = Bench::new(SigningAlgorithm::Rs256);
    let keys = std::env::args().nth(1).and_then(|keys| keys.parse().ok());
    let further = (1..keys.unwrap_or(1_u8)).map(|number| {
        let mut key = bench.issuer.signing_key().public_jwk();
        key["kid"] = format!("key {number}").into();
        key
    });
    let first = bench.issuer.signing_key().public_jwk();
    let keys: Vec<_> = std::iter::once(first).chain(further).collect();
    let jwks: Arc<[u8]> = serde_json::json!({ "keys": keys })
        .to_string()
        .into_bytes()
        .into();
    let token = |number: usize| {
        let token = bench
            .issuer
            .org("org_ba4a2311eb1")
            .claim("iss", name(number));
        token.scopes([SCOPE.as_str()]).token()
    };
    println!("{ISSUERS} issuers with {} keys each", keys.len());
    let tokens: Vec<_> = (0..ISSUERS).map(token).collect();

    let fetches = Fetches::default();
    let all = verifier(ISSUERS, &jwks, &fetches);
    let (mut is_good, mut first_time, mut accepted) = (true, None, 0);
    // Allocates everything that is allocated once, before the count begins.
    fetches.lock().expect("no panic").reserve(ISSUERS);
    let before = resident().unwrap_or_default();
    for known in [1, 1_000, ISSUERS] {
        runtime.block_on(async {
            for token in &tokens[accepted..known] {
                assert!(all.verify(token).await.is_ok(), "a token was rejected");
            }
            // The cache keeps the first token, because it comes often.
            for _ in 0..100 {
                assert!(all.verify(&tokens[0]).await.is_ok());
            }
        });
        accepted = known;
        let each = resident().unwrap_or(u64::MAX).saturating_sub(before) as f64 / known as f64;
        let time = cached_request(&runtime, &all, &tokens[0]);
        let first = *first_time.get_or_insert(time);
        println!(
            "{known:6} issuers: {each:5.1} KiB each, a cached request {time:.0} ns, {:.2} of the first",
            time / first
        );
        is_good &= time <= first * 1.25 && (known < ISSUERS || each <= BOUND);
    }
    assert_eq!(all.status().len(), ISSUERS);
    drop(all);

    fetches.lock().expect("no panic").clear();
    let some = verifier(KEPT, &jwks, &fetches);
    runtime.block_on(async {
        for _ in 0..FORGED_ROUNDS {
            for token in &tokens {
                let (signed, _) = token.rsplit_once('.').unwrap_or_default();
                assert!(some.verify(&format!("{signed}.AAAA")).await.is_err());
            }
        }
    });
    let fetches = fetches.lock().expect("no panic");
    let most = fetches.values().max().copied().unwrap_or_default();
    let total: u64 = fetches.values().sum();
    println!(
        "{} forged tokens for {ISSUERS} names, {KEPT} kept: {total} fetches, {most} for one name at most",
        FORGED_ROUNDS * ISSUERS
    );
    // What is earned while this runs, one per 10 s.
    is_good &= most <= BUDGET + 6;
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
