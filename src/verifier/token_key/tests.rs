use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Response;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::jwks::SIGNATURE_CHECKS;
use crate::testing::{AUDIENCE, LocalIssuer, SigningAlgorithm, SigningKey};
use crate::{Algorithm, Profile, Verifier};

struct Flood {
    keys: usize,
    tokens: u64,
    max: Option<usize>,
    has_kid: bool,
    checks_each: u64,
}

/// Counts what forged tokens cost: signature checks, fetches and requests that wait. A request that
/// waits is verified again, so its checks count twice. No token costs more than
/// `max_keys_without_kid` checks.
#[tokio::test(start_paused = true)]
async fn forged_tokens_have_a_bounded_cost() {
    let [default, one, all] = [None, Some(1), Some(20)];
    for (keys, tokens, max, has_kid, checks_each) in [
        (1, 10_000, default, false, 1),
        (3, 10_000, default, false, 3),
        (20, 300, default, false, 16),
        (20, 300, one, false, 1),
        (20, 300, all, false, 20),
        (20, 300, default, true, 1),
    ] {
        flood(&Flood {
            keys,
            tokens,
            max,
            has_kid,
            checks_each,
        })
        .await;
    }
}

async fn flood(flood: &Flood) {
    let clock = Clock::manual(1_750_000_000);
    let mint = LocalIssuer::builder()
        .algorithm(SigningAlgorithm::EdDsa)
        .clock(clock.clone())
        .in_process("https://issuer.example")
        .unwrap();
    let key = || SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    let published: Vec<_> = (0..flood.keys).map(|_| key()).collect();
    let jwks: Vec<_> = published.iter().map(SigningKey::public_jwk).collect();
    let jwks = serde_json::json!({ "keys": jwks }).to_string();
    let fetches = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&fetches);
    let mut issuer = Verifier::issuer("https://issuer.example")
        .audience(AUDIENCE)
        .profile(Profile::GENERIC)
        .algorithms([Algorithm::EdDSA])
        .jwks_url("https://issuer.example/jwks")
        .fetch_with(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            let jwks = jwks.clone().into_bytes();
            async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(Response::new(jwks))
            }
        });
    if let Some(max) = flood.max {
        issuer = issuer.max_keys_without_kid(max);
    }
    let builder = Verifier::builder([issuer]).clock(clock.clone());
    let verifier = builder.build_ready().await.unwrap();
    let forger = key();
    let start = Instant::now();
    let (checks, first_fetches) = (SIGNATURE_CHECKS.get(), fetches.load(Ordering::Relaxed));
    let mut waited = 0;
    for number in 0..flood.tokens {
        let token = mint.org("org_a").client(format!("c{}", number % 50));
        let token = token.signed_with(&forger);
        let token = if flood.has_kid {
            token.header("kid", published[0].kid()).token()
        } else {
            token.without_header("kid").token()
        };
        let started = Instant::now();
        assert!(verifier.verify(&token).await.is_err());
        waited += u64::from(started != Instant::now());
        if number % 100 == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            clock.advance(Duration::from_secs(1));
        }
    }
    let checks = SIGNATURE_CHECKS.get() - checks;
    let fetches = fetches.load(Ordering::Relaxed) - first_fetches;
    println!(
        "{} forged tokens, {} keys: {checks} signature checks, {fetches} fetches, {waited} requests waited",
        flood.tokens, flood.keys
    );
    assert_eq!(checks, (flood.tokens + waited) * flood.checks_each);
    // One at first, one per cooldown, and none if the token names a known key.
    let allowed = if flood.has_kid {
        0
    } else {
        1 + start.elapsed().as_secs() / 10
    };
    assert!(fetches <= allowed, "{fetches} fetches, {allowed} allowed");
    assert!(waited <= fetches, "{waited} requests waited");
}
