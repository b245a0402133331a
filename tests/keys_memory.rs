//! Goal G6 and rule 154: invented keys and issuers use bounded memory.
//!
//! `cargo test --all-features --test keys_memory -- --nocapture` prints the numbers.
//! `KEYS_FLOOD=1000000` sends a million tokens (in a minute of virtual time). The default is
//! smaller because a debug build is slow.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

#[path = "support/memory.rs"]
mod memory;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tower_m2m::jwks::FetchCause;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, SigningAlgorithm};
use tower_m2m::{Algorithm, BoxError, Clock, Issuer, Profile, Verifier};

use memory::resident;

/// Tests run one at a time, because they measure the memory of the process.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const NOW: i64 = 1_750_000_000;

fn flood(usually: u64) -> u64 {
    std::env::var("KEYS_FLOOD")
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(usually)
}

fn assert_bounded(what: &str, before: Option<u64>) {
    let (Some(before), Some(after)) = (before, resident()) else {
        return;
    };
    let grown = after.saturating_sub(before);
    println!("{what}: {} KiB of growth", grown / 1024);
    assert!(grown < 8 * 1024 * 1024, "{what}: {grown} bytes of growth");
}

fn base64url(bytes: &[u8], text: &mut String) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        text.extend(
            (0..=chunk.len()).map(|at| char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63])),
        );
    }
}

/// Creates a token with an invalid signature.
fn forged(header: &str, payload: &str) -> String {
    let mut token = String::with_capacity(600);
    base64url(header.as_bytes(), &mut token);
    token.push('.');
    base64url(payload.as_bytes(), &mut token);
    token.push('.');
    base64url(&[7; 64], &mut token);
    token
}

fn trusted(issuer: &Arc<LocalIssuer>, fetches: &Arc<AtomicU64>) -> Issuer {
    let (source, fetches) = (Arc::clone(issuer), Arc::clone(fetches));
    Verifier::issuer(issuer.url())
        .audience(AUDIENCE)
        .profile(Profile::KINDE)
        .algorithms([Algorithm::EdDSA])
        .jwks_url("https://issuer.example/jwks")
        .fetch_with(move |_| {
            fetches.fetch_add(1, Ordering::SeqCst);
            let set = source.jwks().into_bytes();
            async move { Ok::<_, BoxError>(http::Response::new(set)) }
        })
}

fn issuer(clock: &Clock) -> Arc<LocalIssuer> {
    let issuer = LocalIssuer::builder()
        .algorithm(SigningAlgorithm::EdDsa)
        .clock(clock.clone());
    Arc::new(issuer.in_process("https://issuer.example").unwrap())
}

/// G6: different unknown `kid`s for a minute cause at most 2 + 6 fetches and less than 8 MiB of
/// growth. A real rotation in that minute is detected at its first token.
#[tokio::test(start_paused = true)]
async fn minute_of_invented_kids_uses_bounded_memory() {
    let _alone = ALONE.lock().await;
    let (clock, fetches) = (Clock::manual(NOW), Arc::new(AtomicU64::new(0)));
    let issuer = issuer(&clock);
    let verifier = Verifier::builder([trusted(&issuer, &fetches)])
        .clock(clock.clone())
        .build_ready()
        .await
        .unwrap();
    assert!(verifier.verify(&issuer.org("org_a").token()).await.is_ok());
    let payload = issuer.org("org_a").client("stranger").payload_json();
    let mut header = String::new();
    let mut invent = |number: u64| {
        header.clear();
        write!(header, r#"{{"alg":"EdDSA","kid":"invented-{number}"}}"#).unwrap();
        forged(&header, &payload)
    };
    for number in 0..2_000 {
        assert!(verifier.verify(&invent(number)).await.is_err());
    }
    let (before, total) = (resident(), flood(100_000));
    // One hundredth of the flood in each 600 ms, and the rotation in the middle.
    let mut rotated = None;
    for part in 0..100 {
        for number in 0..total / 100 {
            assert!(
                verifier
                    .verify(&invent(10_000 + part * total + number))
                    .await
                    .is_err()
            );
        }
        if part == 50 {
            issuer.rotate_key().unwrap();
            let spent = fetches.load(Ordering::SeqCst);
            assert!(
                verifier.verify(&issuer.org("org_a").token()).await.is_ok(),
                "the rotation was not picked up"
            );
            rotated = Some(fetches.load(Ordering::SeqCst) - spent);
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let status = &verifier.status()[0];
    let spent = status
        .fetches
        .iter()
        .find(|(cause, _)| *cause == FetchCause::UnknownKid)
        .map_or(0, |(_, count)| *count);
    println!(
        "G6: {total} invented kids in a minute: {spent} fetches, {rotated:?} of them for the rotation"
    );
    assert!(spent <= 8, "{spent} fetches");
    assert_bounded("G6", before);
}

/// Rule 154.
///
/// Invented issuers are looked up and removed again.
#[tokio::test(start_paused = true)]
async fn invented_issuers_use_bounded_memory_and_no_fetch() {
    let _alone = ALONE.lock().await;
    let (clock, fetches, asked) = (
        Clock::manual(NOW),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let issuer = issuer(&clock);
    let verifier = Verifier::builder([])
        .resolve_issuers_with({
            let (issuer, fetches, asked) = (
                Arc::clone(&issuer),
                Arc::clone(&fetches),
                Arc::clone(&asked),
            );
            move |iss| {
                asked.fetch_add(1, Ordering::SeqCst);
                let answer = (iss == issuer.url()).then(|| trusted(&issuer, &fetches));
                async move { Ok(answer) }
            }
        })
        .clock(clock.clone())
        .build()
        .unwrap();
    let genuine = issuer.org("org_a").token();
    assert!(verifier.verify(&genuine).await.is_ok());
    let payload = issuer
        .org("org_a")
        .claim("iss", "https://invented-000000.example")
        .payload_json();
    let invent = |number: u64| {
        let name = format!("invented-{number:06}");
        forged(
            r#"{"alg":"EdDSA","kid":"k"}"#,
            &payload.replace("invented-000000", &name),
        )
    };
    for number in 0..12_000 {
        assert!(verifier.verify(&invent(number)).await.is_err());
    }
    let (before, total) = (resident(), flood(20_000));
    for number in 100_000..100_000 + total {
        assert!(verifier.verify(&invent(number)).await.is_err());
    }
    println!(
        "rule 154: {total} invented issuers, {} questions, {} fetches",
        asked.load(Ordering::SeqCst),
        fetches.load(Ordering::SeqCst)
    );
    assert_eq!(
        fetches.load(Ordering::SeqCst),
        1,
        "only the trusted issuer's keys are fetched"
    );
    assert!(verifier.verify(&genuine).await.is_ok());
    assert_eq!(verifier.status().len(), 1);
    assert_bounded("rule 154", before);
}
