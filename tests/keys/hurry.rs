//! Attempts before their schedule while no keys are available, in virtual time.

use std::sync::Arc;

use tokio::time::Instant;
use tower_m2m::{Rejection, Verifier};

use super::harness::{Behavior, FakeIssuer, key, pass, secs, settle, verdict};

/// An issuer that is down, and a verifier of it that was started then.
fn down(seed: u64) -> (Arc<FakeIssuer>, Verifier) {
    let fake = FakeIssuer::new();
    fake.set_behavior(Behavior::Down);
    let trusted = fake.trusted().jitter_seed(seed);
    let verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build()
        .unwrap();
    (fake, verifier)
}

/// Rule 142.
#[tokio::test(start_paused = true)]
async fn first_request_after_an_outage_hurries_the_next_attempt() {
    for seed in 0..40 {
        let (fake, verifier) = down(seed);
        pass(&fake.clock, secs(60)).await;
        fake.set_behavior(Behavior::Good);
        let before = Instant::now();
        assert_eq!(
            verdict(&verifier, &fake.token()).await,
            "accepted",
            "{seed}"
        );
        assert!(
            before.elapsed() <= secs(1),
            "{seed}: {:?}",
            before.elapsed()
        );
    }
}

/// A flood of requests causes at most one further attempt per cooldown.
#[tokio::test(start_paused = true)]
async fn requests_hurry_one_attempt_per_cooldown() {
    for seed in 0..10 {
        let attempts = async |has_requests: bool| {
            let fake = FakeIssuer::new();
            fake.set_behavior(Behavior::Down);
            let trusted = fake
                .trusted()
                .jitter_seed(seed)
                .unknown_kid_cooldown(secs(60))
                .initial_keys_timeout(secs(0));
            let verifier = Verifier::builder([trusted])
                .clock(fake.clock.clone())
                .build()
                .unwrap();
            let token = fake.invented("k");
            for _ in 0..600 {
                if has_requests {
                    assert_eq!(verdict(&verifier, &token).await, "keys_unavailable");
                }
                pass(&fake.clock, secs(1)).await;
            }
            fake.fetches()
        };
        let (scheduled, hurried) = (attempts(false).await, attempts(true).await);
        // 600 s are ten cooldowns. Each hurried attempt cuts one pause short.
        assert!(hurried > scheduled, "{seed}: {scheduled}, {hurried}");
        assert!(hurried <= scheduled + 22, "{seed}: {scheduled}, {hurried}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_when_the_next_attempt_begins() {
    for seed in 0..40 {
        let (fake, verifier) = down(seed);
        pass(&fake.clock, secs(60)).await;
        // The first one may hurry an attempt, which fails.
        let _ = verdict(&verifier, &fake.token()).await;
        let Err(Rejection::KeysUnavailable { retry_after }) = verifier.verify(&fake.token()).await
        else {
            panic!("no keys are available")
        };
        assert!(retry_after >= secs(1) && retry_after <= secs(10));
        let fetches = fake.fetches();
        fake.set_behavior(Behavior::Good);
        if retry_after > secs(1) {
            pass(&fake.clock, retry_after.saturating_sub(secs(1) / 100)).await;
            assert_eq!(fake.fetches(), fetches, "{seed}: it began earlier");
            pass(&fake.clock, secs(1) / 100).await;
        } else {
            pass(&fake.clock, secs(1)).await;
        }
        assert!(verifier.is_ready(), "{seed}: it began later");
    }
}

/// The issuer said when to come back.
#[tokio::test(start_paused = true)]
async fn requests_do_not_hurry_an_issuer_that_sent_retry_after() {
    let fake = FakeIssuer::new();
    fake.set_behavior(Behavior::Status(503, vec![("retry-after", "9".to_owned())]));
    let verifier = fake.verifier();
    settle().await;
    for _ in 0..8 {
        assert_eq!(verdict(&verifier, &fake.token()).await, "keys_unavailable");
        pass(&fake.clock, secs(1)).await;
    }
    assert_eq!(fake.fetches(), 1);
}

/// While keys are available, a failed fetch is repeated within about a second, so that a rotation
/// is found soon.
#[tokio::test(start_paused = true)]
async fn first_retry_with_keys_begins_within_a_second() {
    for seed in 0..40 {
        let fake = FakeIssuer::new();
        let trusted = fake.trusted().jitter_seed(seed);
        let verifier = Verifier::builder([trusted])
            .clock(fake.clock.clone())
            .build_ready()
            .await
            .unwrap();
        assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
        fake.issuer.rotate_key().unwrap();
        fake.set_behavior(Behavior::Status(500, Vec::new()));
        assert_eq!(verdict(&verifier, &fake.token()).await, "key_unavailable");
        let failed = fake.fetches();
        fake.set_behavior(Behavior::Good);
        pass(&fake.clock, secs(1)).await;
        assert_eq!(fake.fetches(), failed + 1, "{seed}");
        assert_eq!(
            verdict(&verifier, &fake.token()).await,
            "accepted",
            "{seed}"
        );
    }
}

/// A long outage while keys are available, with a rotation in it. The pauses between attempts have
/// grown, and still a known client's token of the new key is accepted within 5 s after the issuer
/// responds again.
#[tokio::test(start_paused = true)]
async fn rotation_is_picked_up_soon_after_many_failed_fetches() {
    let mut longest = secs(0);
    for (seed, behavior) in [
        Behavior::Down,
        Behavior::Hang,
        Behavior::Status(500, Vec::new()),
        Behavior::Body(b"<html>".to_vec()),
    ]
    .into_iter()
    .cycle()
    .take(8)
    .enumerate()
    {
        // A client that tries again and again, one that obeys `Retry-After`, and one that comes
        // only after the outage. The last two meet a budget that other clients used up.
        for (client, first_try) in [("eager", Some(0)), ("patient", None), ("late", Some(600))] {
            let fake = FakeIssuer::new();
            let trusted = fake.trusted().jitter_seed(seed as u64);
            let verifier = Verifier::builder([trusted])
                .clock(fake.clock.clone())
                .build_ready()
                .await
                .unwrap();
            for known in [client, "other"] {
                let token = fake.issuer.org("org_a").client(known).token();
                assert_eq!(verdict(&verifier, &token).await, "accepted");
            }
            fake.issuer.rotate_key().unwrap();
            fake.set_behavior(behavior.clone());
            let token = fake.issuer.org("org_a").client(client).token();
            let others = ["other", "stranger"].map(|name| {
                let token = fake.issuer.org("org_a").client(name);
                token.signed_with(&key()).token()
            });
            let (start, mut ends) = (Instant::now(), None);
            let mut next = start + secs(first_try.unwrap_or(0));
            let accepted = loop {
                // The outage lasts 10 minutes.
                if ends.is_none() && start.elapsed() >= secs(600) {
                    fake.set_behavior(Behavior::Good);
                    ends = Some(Instant::now());
                }
                if Instant::now() >= next {
                    let result = verifier.verify(&token).await;
                    next = match result {
                        Ok(_) => break ends.expect("it ended").elapsed(),
                        Err(Rejection::KeyUnavailable { retry_after }) if first_try.is_none() => {
                            Instant::now() + retry_after
                        }
                        Err(Rejection::KeyUnavailable { .. }) => Instant::now() + secs(1) / 10,
                        Err(other) => panic!("{other}"),
                    };
                }
                if client != "eager" {
                    for other in &others {
                        assert_ne!(verdict(&verifier, other).await, "accepted");
                    }
                }
                let tick = if ends.is_some() {
                    secs(1) / 10
                } else {
                    secs(1)
                };
                pass(&fake.clock, tick).await;
                assert!(start.elapsed() < secs(700), "{client} {behavior:?}");
            };
            longest = longest.max(accepted);
            assert!(
                accepted <= secs(5),
                "{client} {behavior:?} {seed}: {accepted:?}"
            );
        }
    }
    println!("longest time until the new key is accepted: {longest:?}");
}

/// Only known clients shorten the pauses, and an issuer that fails gets a bounded number of fetches
/// from either.
#[tokio::test(start_paused = true)]
async fn only_known_clients_shorten_the_pauses_of_a_failing_issuer() {
    for (client, most) in [("stranger", 100), ("known", 450)] {
        let fake = FakeIssuer::new();
        let trusted = fake.trusted().jitter_seed(1);
        let verifier = Verifier::builder([trusted])
            .clock(fake.clock.clone())
            .build_ready()
            .await
            .unwrap();
        let token_of = |client: &str| fake.issuer.org("org_a").client(client);
        let known = token_of("known").token();
        assert_eq!(verdict(&verifier, &known).await, "accepted");
        fake.set_behavior(Behavior::Down);
        for second in 0..600 {
            let token = token_of(client).header("kid", format!("k{second}")).token();
            assert_eq!(verdict(&verifier, &token).await, "key_unavailable");
            pass(&fake.clock, secs(1)).await;
        }
        let fetches = fake.fetches();
        println!("{client}: {fetches} fetches in 10 minutes");
        assert!((60..=most).contains(&fetches), "{client}: {fetches}");
        // Retry-After still counts.
        let behavior = Behavior::Status(429, vec![("retry-after", "200".to_owned())]);
        fake.set_behavior(behavior);
        let mut limited = fake.fetches();
        while fake.fetches() == limited {
            pass(&fake.clock, secs(1)).await;
        }
        limited = fake.fetches();
        for second in 0..198 {
            let token = token_of(client).header("kid", format!("l{second}")).token();
            assert_eq!(verdict(&verifier, &token).await, "key_unavailable");
            pass(&fake.clock, secs(1)).await;
        }
        assert_eq!(fake.fetches(), limited, "{client}");
    }
}
