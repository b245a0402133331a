//! Measures the receivers of events (goals S1 to S3): how long an event takes to reach another
//! replica, what a forged event costs over the raw signature check, and events per second.
//!
//! ```text
//! cargo run --release --bin events
//! ```
//!
//! It prints the goals and fails for none of them.

// CPU time and the clock of `Instant` never go back.
#![allow(clippy::unchecked_time_subtraction)]

use std::time::{Duration, Instant};

use http::Request;
use serde_json::json;
use tower::Service as _;
use tower_m2m::testing::{LocalIssuer, MemoryStore, SigningAlgorithm, SigningKey, events};
use tower_m2m::{Denylist, EventReceiver, Verifier};
use tower_m2m_benches::measure::{Rounds, nanoseconds, thread_cpu};
use tower_m2m_benches::raw_check;

const ISSUER: &str = "https://acme.kinde.com";
const AUDIENCE: &str = "https://api.example.com/events";
const SECRET: &str = "Bearer secret-of-the-stream";
const EVENTS: usize = 5_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let issuer = LocalIssuer::in_process(ISSUER).expect("a key can be generated");
    runtime.block_on(async {
        other_replica(&issuer).await;
        let raw = forged(&issuer).await;
        throughput(&issuer, raw).await;
    });
}

fn verifier(issuer: &LocalIssuer, denylist: &Denylist) -> Verifier {
    let trusted = Verifier::kinde("acme").audience(issuer.audience());
    Verifier::builder([trusted.jwk_set(issuer.jwks())])
        .denylist(denylist.clone())
        .build()
        .expect("valid settings")
}

fn receiver(issuer: &LocalIssuer, denylist: &Denylist) -> EventReceiver {
    EventReceiver::security_events(&verifier(issuer, denylist), denylist, ISSUER)
        .audience(AUDIENCE)
        .critical_subject_members(["device"])
        .authorization(SECRET)
        .expect("valid settings")
}

fn revoked(issuer: &LocalIssuer, number: usize) -> String {
    let subject = json!({ "format": "iss_sub", "iss": ISSUER, "sub": format!("user_{number}") });
    let event = issuer.security_event(events::SESSION_REVOKED, subject, json!({}));
    event.audience(AUDIENCE).token()
}

async fn send(receiver: &mut EventReceiver, event: String) -> u16 {
    let request = Request::post("/hooks/events")
        .header("content-type", "application/secevent+jwt")
        .header("authorization", SECRET)
        .body(event)
        .expect("a valid request");
    match receiver.call(request).await {
        Ok(response) => response.status().as_u16(),
        Err(never) => match never {},
    }
}

/// Goal S1: received at one replica → rejected at another one in less than 1 s.
async fn other_replica(issuer: &LocalIssuer) {
    let store = MemoryStore::new();
    let (one, two) = (
        Denylist::replicated(store.clone()),
        Denylist::replicated(store),
    );
    let (mut first, other) = (receiver(issuer, &one), verifier(issuer, &two));
    let token = issuer.org("org_a").claim("sub", "user_0").token();
    while other.verify(&token).await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The list of the first replica is loaded too.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    let status = send(&mut first, revoked(issuer, 0)).await;
    while other.verify(&token).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let passed = begun.elapsed();
    println!(
        "S1  {status}, rejected at another replica after {passed:?} (store in memory; goal: 1 s)"
    );
}

/// Goal S2: a forged event costs one signature check. Returns the cost of the raw check.
async fn forged(issuer: &LocalIssuer) -> f64 {
    const ROUNDS: usize = 100;
    let mut receiver = receiver(issuer, &Denylist::new());
    let attacker = SigningKey::generate(SigningAlgorithm::Rs256).expect("a key can be generated");
    let kid = issuer.signing_key().kid().to_owned();
    let subject = json!({ "format": "iss_sub", "iss": ISSUER, "sub": "user_1" });
    let event = issuer.security_event(events::SESSION_REVOKED, subject, json!({}));
    let event = event.audience(AUDIENCE);
    let signed = event.clone().signed_with(&attacker);
    let wrong = signed.header("kid", kid).token();
    let unknown = event.header("kid", "unknown").token();
    let check = raw_check(&issuer.signing_key(), &wrong);
    let (mut raw, mut forged, mut foreign): (Rounds, Rounds, Rounds) = Default::default();
    for _ in 0..ROUNDS {
        let begun = thread_cpu();
        for _ in 0..EVENTS / ROUNDS {
            assert!(!check(), "the signature is forged");
        }
        raw.push(nanoseconds(thread_cpu() - begun, EVENTS / ROUNDS));
        for (event, status, rounds) in [(&wrong, 400, &mut forged), (&unknown, 400, &mut foreign)] {
            let begun = thread_cpu();
            for _ in 0..EVENTS / ROUNDS {
                assert_eq!(send(&mut receiver, event.clone()).await, status);
            }
            rounds.push(nanoseconds(thread_cpu() - begun, EVENTS / ROUNDS));
        }
    }
    println!(
        "S2  raw check of its signature   {:>8.0} ns  1.00",
        raw.best()
    );
    for (name, rounds) in [("forged signature", forged), ("unknown key", foreign)] {
        let ratio = rounds.best() / raw.best();
        println!(
            "S2  {name:<28} {:>8.0} ns  {ratio:.2} (goal: one check)",
            rounds.best()
        );
    }
    raw.best()
}

/// Goal S3: 1,000 events per second on one core.
async fn throughput(issuer: &LocalIssuer, raw: f64) {
    let mut receiver = receiver(issuer, &Denylist::with_capacity(EVENTS));
    let events: Vec<String> = (0..EVENTS).map(|number| revoked(issuer, number)).collect();
    let begun = thread_cpu();
    for event in events {
        assert_eq!(send(&mut receiver, event).await, 202);
    }
    let passed = thread_cpu() - begun;
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    let rate = EVENTS as f64 / passed.as_secs_f64();
    let ratio = nanoseconds(passed, EVENTS) / raw;
    println!(
        "S3  {rate:.0} events per second on one core (goal: 1,000), {ratio:.2} raw checks each"
    );
}
