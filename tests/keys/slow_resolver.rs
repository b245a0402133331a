//! Floods of invented issuers while the application's resolver is slow, so that its places are
//! scarcer than its rate.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_m2m::{BoxError, Clock, Issuer, Verifier};

use super::harness::{FakeIssuer, NOW, pass, secs, verdict};

const EVICTED: &str = "https://evicted.example";
const CACHED: &str = "https://cached.example";
const NEW: &str = "https://new.example";

/// A resolver that takes between half and one and a half of its latency.
struct SlowResolver {
    issuers: HashMap<&'static str, Arc<FakeIssuer>>,
    latency: Duration,
    calls: AtomicU64,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl SlowResolver {
    fn new(latency: Duration) -> Arc<Self> {
        let issuer = |iss| (iss, FakeIssuer::with_url(iss));
        Arc::new(Self {
            issuers: [EVICTED, CACHED, NEW].map(issuer).into(),
            latency,
            calls: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    async fn resolve(self: Arc<Self>, iss: String) -> Result<Option<Issuer>, BoxError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        let percent = 50 + u32::try_from(number * 37 % 101).unwrap();
        sleep(self.latency * percent / 100).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        Ok(self.issuers.get(iss.as_str()).map(FakeIssuer::trusted))
    }

    /// Returns a verifier that keeps one resolved issuer: another one was evicted.
    async fn verifier(self: &Arc<Self>) -> Verifier {
        let clock = Clock::manual(NOW);
        let resolver = Arc::clone(self);
        let verifier = Verifier::builder([])
            .resolve_issuers_with(move |iss| Arc::clone(&resolver).resolve(iss))
            .max_resolved_issuers(1)
            .clock(clock.clone())
            .build()
            .unwrap();
        for iss in [EVICTED, CACHED] {
            let token = self.issuers[iss].token();
            assert_eq!(verdict(&verifier, &token).await, "accepted");
            pass(&clock, secs(2)).await;
        }
        verifier
    }

    /// Sends tokens at odd times until one is accepted. Returns how many it took, and the time.
    async fn admitted(&self, verifier: &Verifier, iss: &str) -> (u64, Duration) {
        let started = Instant::now();
        for tries in 1..=30 {
            let token = self.issuers[iss].issuer.org("org_a");
            let token = token.claim("jti", tries.to_string()).token();
            if verdict(verifier, &token).await == "accepted" {
                return (tries, started.elapsed());
            }
            sleep(Duration::from_millis(1013 + tries * 389 % 500)).await;
        }
        panic!("{iss} was not admitted");
    }
}

/// Sends 500 tokens per second, each of another issuer, until the flag is set. Each name is sent
/// again after a second, if `repeats` is set.
async fn flood(verifier: Verifier, repeats: bool, is_over: Arc<AtomicBool>) {
    let mint = FakeIssuer::new();
    let mut number = 0_u64;
    while !is_over.load(Ordering::SeqCst) {
        let again = number.checked_sub(500).filter(|_| repeats);
        for number in [Some(number), again].into_iter().flatten() {
            let iss = format!("https://{number}.example");
            let token = mint.issuer.org("org_a").claim("iss", iss).token();
            let verifier = verifier.clone();
            tokio::spawn(async move { verdict(&verifier, &token).await });
        }
        number += 1;
        sleep(secs(1) / 500).await;
    }
}

/// Returns how many tries and how much time an issuer takes in a flood, and checks the number of
/// calls.
async fn admitted_in_flood(latency: Duration, repeats: bool, iss: &str) -> (u64, Duration) {
    let resolver = SlowResolver::new(latency);
    let verifier = resolver.verifier().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let flood = tokio::spawn(flood(verifier.clone(), repeats, Arc::clone(&is_over)));
    let (started, before) = (Instant::now(), resolver.calls.load(Ordering::SeqCst));
    sleep(secs(3)).await;
    let admitted = resolver.admitted(&verifier, iss).await;
    is_over.store(true, Ordering::SeqCst);
    flood.await.unwrap();
    let most = resolver.most_in_flight.load(Ordering::SeqCst);
    assert!(most <= 64, "{most} at once");
    let calls = resolver.calls.load(Ordering::SeqCst) - before;
    let bound = 200 * (started.elapsed().as_secs() + 2);
    assert!(calls <= bound, "{calls} calls, at most {bound}");
    admitted
}

/// Also if the flood sends its names again.
#[tokio::test(start_paused = true)]
async fn flood_with_a_slow_resolver_delays_no_issuer_that_was_trusted() {
    for latency in [500, 1000].map(Duration::from_millis) {
        for repeats in [false, true] {
            let (tries, time) = admitted_in_flood(latency, repeats, EVICTED).await;
            assert_eq!(tries, 1, "{latency:?}: {time:?}");
        }
    }
}

/// A new customer has a place at the second or third try.
#[tokio::test(start_paused = true)]
async fn flood_with_a_slow_resolver_delays_new_customers_by_seconds() {
    for latency in [400, 500, 1000].map(Duration::from_millis) {
        let (tries, time) = admitted_in_flood(latency, false, NEW).await;
        assert!(
            tries <= 3 && time <= secs(5),
            "{latency:?}: {tries} tries, {time:?}"
        );
    }
}
