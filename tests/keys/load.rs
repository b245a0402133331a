//! Tests of goals, with a command for each: `cargo test --all-features --test keys goal_ --
//! --nocapture`, and for memory `cargo test --all-features --test keys_memory -- --nocapture`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;
use tower_m2m::Verifier;

use super::harness::{Behavior, FakeIssuer, pass, secs, settle, unknown_kid_fetches, verdict};

/// G7: rotation every second under load: no request is rejected, and no request waits for a fetch.
///
/// The issuer publishes a key from 20 s before its first signature until 20 s after its last one.
/// The set's lifetime is 10 s.
#[tokio::test(start_paused = true)]
async fn rotation_every_second_rejects_no_request() {
    let fake = FakeIssuer::new();
    let trusted = fake.trusted().keys_time_to_live(secs(10));
    let verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build()
        .unwrap();
    settle().await;
    fake.set_behavior(Behavior::Slow(secs(1) / 10));
    let mut kids = std::collections::VecDeque::from([fake.issuer.signing_key().kid().to_owned()]);
    for _ in 0..20 {
        kids.push_back(fake.issuer.publish_next_key().unwrap());
    }
    pass(&fake.clock, secs(10)).await;

    let (mut requests, mut longest) = (0_u64, secs(0));
    for second in 0..120 {
        kids.push_back(fake.issuer.publish_next_key().unwrap());
        fake.issuer.use_key(&kids[kids.len() - 21]).unwrap();
        if kids.len() > 41 {
            fake.issuer.remove_key(&kids.pop_front().unwrap()).unwrap();
        }
        for _ in 0..20 {
            let (token, before) = (fake.token(), Instant::now());
            assert_eq!(
                verdict(&verifier, &token).await,
                "accepted",
                "second {second}"
            );
            longest = longest.max(before.elapsed());
            requests += 1;
            pass(&fake.clock, secs(1) / 20).await;
        }
    }
    println!(
        "G7: {requests} requests, 120 rotations, {} fetches, longest wait {longest:?}",
        fake.fetches()
    );
    assert_eq!(longest, secs(0));
    assert_eq!(unknown_kid_fetches(&verifier), 0);
}

/// G7 without announcement: each key signs from its publication on. The budget of one fetch per
/// second finds it at its first token. Only that token waits, and only for its own key.
#[tokio::test(start_paused = true)]
async fn unannounced_rotation_is_found_at_first_token() {
    let fake = FakeIssuer::new();
    let trusted = fake.trusted().unknown_kid_cooldown(secs(1));
    let verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build()
        .unwrap();
    settle().await;
    let mut last = fake.token();
    for _ in 0..120 {
        fake.issuer.rotate_key().unwrap();
        let token = fake.token();
        assert_eq!(verdict(&verifier, &token).await, "accepted");
        assert_eq!(
            verdict(&verifier, &last).await,
            "accepted",
            "the key before is still published"
        );
        last = token;
        pass(&fake.clock, secs(1)).await;
    }
    println!(
        "G7, unannounced: 120 rotations, {} fetches",
        unknown_kid_fetches(&verifier)
    );
}

/// G10: with an issuer that hangs, 4,096 requests of one tenant that turned hostile and 256 of
/// unknown clients wait at most one `fetch_timeout`, do not delay a known client's cached token,
/// and do not keep another client's rotated key from being accepted at its first token after the
/// issuer responds again.
#[tokio::test(start_paused = true)]
async fn hostile_tenant_at_a_hanging_issuer_harms_only_itself() {
    for rounds in [1, 5] {
        let fake = FakeIssuer::new();
        let verifier = fake.verifier();
        settle().await;
        let token_of = |client: &str| fake.issuer.org("org_a").client(client);
        for client in ["hostile", "good"] {
            let token = token_of(client).token();
            assert_eq!(verdict(&verifier, &token).await, "accepted");
        }
        let cached = token_of("good").token();
        assert_eq!(verdict(&verifier, &cached).await, "accepted");
        fake.set_behavior(Behavior::Hang);
        let (mut longest, mut answers) = (secs(0), std::collections::BTreeMap::new());
        for round in 0..rounds {
            let hostile =
                (0..4_096).map(|n| token_of("hostile").header("kid", format!("{round}-{n}")));
            let unknown =
                (0..256).map(|n| token_of(&format!("c{n}")).header("kid", format!("{round}-{n}")));
            let waiting: Vec<_> = hostile
                .chain(unknown)
                .map(|token| {
                    let (verifier, token) = (verifier.clone(), token.token());
                    tokio::spawn(async move {
                        let start = Instant::now();
                        (verdict(&verifier, &token).await, start.elapsed())
                    })
                })
                .collect();
            settle().await;
            for _ in 0..100 {
                let start = Instant::now();
                assert_eq!(verdict(&verifier, &cached).await, "accepted");
                assert_eq!(start, Instant::now(), "a cached token waited");
            }
            for request in waiting {
                let (answer, waited) = request.await.unwrap();
                longest = longest.max(waited);
                *answers.entry(answer).or_insert(0_u32) += 1;
            }
        }
        assert!(longest <= secs(3), "{longest:?}");
        settle().await;
        fake.set_behavior(Behavior::Good);
        fake.issuer.rotate_key().unwrap();
        let rotated = token_of("good").token();
        assert_eq!(verdict(&verifier, &rotated).await, "accepted");
        println!(
            "G10: {rounds} rounds of 4,352 requests: {answers:?}, longest wait {longest:?}, {} fetches",
            fake.fetches()
        );
    }
}

#[cfg(feature = "reqwest")]
/// G7 on real threads and sockets: workers send without a pause while the keys rotate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_under_http_load_rejects_no_request() {
    use tower_m2m::testing::{AUDIENCE, LocalIssuer, SigningAlgorithm};
    let issuer = Arc::new(
        LocalIssuer::builder()
            .algorithm(SigningAlgorithm::EdDsa)
            .start()
            .await
            .unwrap(),
    );
    let trusted = Verifier::kinde(issuer.url())
        .audience(AUDIENCE)
        .algorithms([tower_m2m::Algorithm::EdDSA]);
    let trusted = trusted
        .jwks_url(issuer.jwks_uri())
        .unknown_kid_cooldown(secs(1) / 100)
        .without_proxy();
    let verifier = Verifier::builder([trusted]).build_ready().await.unwrap();
    let accepted = Arc::new(AtomicU64::new(0));
    let rotations = 20;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (verifier, issuer, accepted, stopped) = (
                verifier.clone(),
                Arc::clone(&issuer),
                Arc::clone(&accepted),
                stopped.clone(),
            );
            tokio::spawn(async move {
                while !*stopped.borrow() {
                    assert_eq!(
                        verdict(&verifier, &issuer.org("org_a").token()).await,
                        "accepted"
                    );
                    accepted.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for rotation in 1..=rotations {
        issuer.rotate_key().unwrap();
        // The next rotation starts after tokens of all workers had this key, even on a slow
        // machine, and after the budget allows another fetch.
        while accepted.load(Ordering::Relaxed) < rotation * 20 {
            tokio::time::sleep(secs(1) / 50).await;
        }
    }
    stop.send_replace(true);
    for worker in workers {
        worker.await.unwrap();
    }
    println!(
        "G7 over HTTP: {rotations} rotations, {} requests, none rejected",
        accepted.load(Ordering::Relaxed)
    );
}

/// While 4,096 requests of one tenant and 256 of unknown clients wait for a slow fetch, another
/// known client still gets a place, and its rotated key is accepted as soon as the fetch ends.
#[tokio::test(start_paused = true)]
async fn known_client_waits_beside_a_hostile_tenant() {
    for hostile_names in [1, 8] {
        let fake = FakeIssuer::new();
        let verifier = fake.verifier();
        settle().await;
        let token_of = |client: &str| fake.issuer.org("org_a").client(client);
        let names: Vec<_> = (0..hostile_names).map(|n| format!("hostile-{n}")).collect();
        for client in names.iter().map(String::as_str).chain(["good"]) {
            let token = token_of(client).token();
            assert_eq!(verdict(&verifier, &token).await, "accepted");
        }
        fake.set_behavior(Behavior::Slow(secs(2)));
        fake.issuer.rotate_key().unwrap();
        let hostile =
            (0..4_096).map(|n| token_of(&names[n % names.len()]).header("kid", format!("{n}")));
        let unknown = (0..256).map(|n| token_of(&format!("c{n}")).header("kid", format!("{n}")));
        for token in hostile.chain(unknown) {
            let (verifier, token) = (verifier.clone(), token.token());
            tokio::spawn(async move { verdict(&verifier, &token).await });
        }
        settle().await;
        let start = Instant::now();
        let rotated = token_of("good").token();
        assert_eq!(verdict(&verifier, &rotated).await, "accepted");
        assert!(start.elapsed() <= secs(2), "{:?}", start.elapsed());
    }
}
