//! The responses for keys that are not in the current set, and how long their requests wait, in
//! virtual time.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use tokio::time::Instant;
use tower_m2m::jwks::JwksError;
use tower_m2m::{BoxError, Rejection, Verifier};

use super::harness::{
    Behavior, FakeIssuer, NOW, code, key, pass, secs, settle, unknown_kid_fetches, verdict,
};

/// A verifier that has verified a token of the client `known`, with all keys loaded.
async fn ready(fake: &Arc<FakeIssuer>) -> Verifier {
    let verifier = fake.verifier();
    settle().await;
    let token = fake.issuer.org("org_a").client("known").token();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    verifier
}

fn token_of(fake: &FakeIssuer, client: &str) -> String {
    fake.issuer.org("org_a").client(client).token()
}

fn invented_by(fake: &FakeIssuer, client: &str, kid: &str) -> String {
    let token = fake.issuer.org("org_a").client(client);
    token.header("kid", kid).token()
}

async fn retry_after(verifier: &Verifier, token: &str) -> Duration {
    match verifier.verify(token).await {
        Err(Rejection::KeyUnavailable { retry_after }) => retry_after,
        other => panic!("{}", code(&other)),
    }
}

/// Rule 22.
///
/// The issuer rotates, and then its key endpoint fails in one of several ways.
#[tokio::test(start_paused = true)]
async fn new_key_gets_503_for_every_client_while_fetches_fail() {
    for behavior in [
        Behavior::Status(500, vec![]),
        Behavior::Status(429, vec![("retry-after", "30".to_owned())]),
        Behavior::Hang,
        Behavior::Down,
        Behavior::Body(b"<html>".to_vec()),
    ] {
        let fake = FakeIssuer::new();
        let verifier = ready(&fake).await;
        fake.issuer.rotate_key().unwrap();
        fake.set_behavior(behavior.clone());
        for client in ["known", "stranger"] {
            let start = Instant::now();
            let pause = retry_after(&verifier, &token_of(&fake, client)).await;
            assert!(start.elapsed() <= secs(3), "{behavior:?}");
            let expected = if matches!(behavior, Behavior::Status(429, _)) {
                secs(29)..=secs(31)
            } else {
                secs(1)..=secs(2)
            };
            assert!(expected.contains(&pause), "{behavior:?}: {pause:?}");
        }
        // An available key is used without a wait.
        let before = Instant::now();
        let first = fake.issuer.org("org_a").client("known").token();
        assert_ne!(verdict(&verifier, &first).await, "keys_unavailable");
        assert!(before.elapsed() <= secs(3));
        fake.set_behavior(Behavior::Good);
        pass(&fake.clock, secs(32)).await;
        assert_eq!(
            verdict(&verifier, &token_of(&fake, "known")).await,
            "accepted",
            "{behavior:?}"
        );
    }
}

/// Rules 22, 144.
///
/// A healthy issuer, and 10,000 invented `kid`s of unknown clients: no 5xx, and a removed key gets
/// 401 during the flood.
#[tokio::test(start_paused = true)]
async fn flood_of_unknown_clients_at_a_healthy_issuer_causes_no_5xx() {
    let fake = FakeIssuer::new();
    let verifier = ready(&fake).await;
    let old = token_of(&fake, "known");
    let removed = fake.issuer.signing_key();
    fake.issuer.rotate_key().unwrap();
    fake.issuer.remove_key(removed.kid()).unwrap();
    assert_eq!(
        verdict(&verifier, &token_of(&fake, "known")).await,
        "accepted"
    );
    for number in 0..10_000 {
        let token = invented_by(&fake, &format!("c{}", number % 700), &format!("k{number}"));
        assert_eq!(verdict(&verifier, &token).await, "unknown_key");
        if number % 100 == 0 {
            assert_eq!(verdict(&verifier, &old).await, "unknown_key");
            pass(&fake.clock, secs(1)).await;
        }
    }
    assert!(unknown_kid_fetches(&verifier) <= 3 + 10);
}

/// Rule 22.
///
/// If a key was in an earlier set, it is missing now, even while the issuer is down. So is a key
/// that a published one would be.
#[tokio::test(start_paused = true)]
async fn removed_key_gets_401_while_fetches_fail() {
    let fake = FakeIssuer::new();
    let verifier = ready(&fake).await;
    let old = token_of(&fake, "stranger");
    let removed = fake.issuer.signing_key();
    fake.issuer.rotate_key().unwrap();
    fake.issuer.remove_key(removed.kid()).unwrap();
    assert_eq!(
        verdict(&verifier, &token_of(&fake, "known")).await,
        "accepted"
    );
    fake.set_behavior(Behavior::Down);
    assert_eq!(
        verdict(&verifier, &invented_by(&fake, "stranger", "new")).await,
        "key_unavailable"
    );
    assert_eq!(verdict(&verifier, &old).await, "unknown_key");
}

/// Rule 22.
#[tokio::test(start_paused = true)]
async fn token_older_than_the_last_fetch_gets_401_while_fetches_fail() {
    // A minute and the leeway, exact to the second.
    for (age, expected) in [(90, "key_unavailable"), (91, "unknown_key")] {
        for client in ["known", "stranger"] {
            let fake = FakeIssuer::new();
            let verifier = ready(&fake).await;
            fake.set_behavior(Behavior::Down);
            let token = fake.issuer.org("org_a").client(client);
            let token = token.header("kid", "k").issued_at(NOW - age).token();
            assert_eq!(verdict(&verifier, &token).await, expected, "{age} {client}");
        }
    }
    // The token has no `iat`.
    let fake = FakeIssuer::new();
    let verifier = ready(&fake).await;
    fake.set_behavior(Behavior::Down);
    let token = fake.issuer.org("org_a").header("kid", "k");
    let token = token.without("iat").token();
    assert_eq!(verdict(&verifier, &token).await, "key_unavailable");
}

/// Rules 22, 153.
///
/// The wall clock was ahead when the keys were fetched, and was corrected since. The issuer may
/// have published the key of a new token after this fetch.
#[tokio::test(start_paused = true)]
async fn wall_clock_set_back_does_not_make_a_new_token_an_old_one() {
    for ahead in [100, 3600] {
        for is_restored in [false, true] {
            let fake = FakeIssuer::new();
            fake.clock.set(NOW + ahead);
            let saved = ready(&fake).await.export_keys();
            let builder = Verifier::builder([fake.trusted()]).clock(fake.clock.clone());
            let verifier = if is_restored {
                fake.set_behavior(Behavior::Down);
                builder.restore_keys(saved).build().unwrap()
            } else {
                let verifier = builder.build().unwrap();
                settle().await;
                fake.set_behavior(Behavior::Down);
                verifier
            };
            fake.clock.set(NOW);
            pass(&fake.clock, secs(5)).await;
            let known = token_of(&fake, "known");
            assert_eq!(verdict(&verifier, &known).await, "accepted", "{ahead}");
            for client in ["known", "stranger"] {
                // A minute, the leeway and the age of the set, exact to the second.
                for (age, expected) in [(95, "key_unavailable"), (96, "unknown_key")] {
                    let token = fake.issuer.org("org_a").client(client).header("kid", "k");
                    let token = token.issued_at(NOW + 5 - age).token();
                    let outcome = verdict(&verifier, &token).await;
                    assert_eq!(outcome, expected, "{ahead} {is_restored} {client} {age}");
                }
            }
        }
    }
}

/// Rule 22.
///
/// The same at a healthy issuer if the budget is used up.
#[tokio::test(start_paused = true)]
async fn exhausted_budget_is_503_for_known_clients_after_the_clock_was_set_back() {
    for ahead in [100, 3600] {
        let fake = FakeIssuer::new();
        fake.clock.set(NOW + ahead);
        let verifier = ready(&fake).await;
        for (client, kid) in [("stranger", "1"), ("stranger", "2"), ("known", "3")] {
            let token = invented_by(&fake, client, kid);
            assert_eq!(verdict(&verifier, &token).await, "unknown_key");
        }
        fake.clock.set(NOW);
        fake.issuer.rotate_key().unwrap();
        assert_eq!(
            retry_after(&verifier, &token_of(&fake, "known")).await,
            secs(10),
            "{ahead}"
        );
    }
}

/// Rule 22.
///
/// For restored keys, the fetch began at their original fetch time.
#[tokio::test(start_paused = true)]
async fn restored_keys_count_as_a_successful_fetch() {
    let fake = FakeIssuer::new();
    let saved = ready(&fake).await.export_keys();
    fake.set_behavior(Behavior::Down);
    pass(&fake.clock, secs(1000)).await;
    let restored = || Verifier::builder([fake.trusted()]).restore_keys(saved.clone());
    let verifier = restored().clock(fake.clock.clone()).build().unwrap();
    for (issued_at, expected) in [(NOW - 91, "unknown_key"), (NOW - 90, "key_unavailable")] {
        let token = fake.issuer.org("org_a").header("kid", "k");
        let token = token.issued_at(issued_at).token();
        assert_eq!(verdict(&verifier, &token).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn exhausted_budget_is_503_for_known_and_401_for_unknown_clients() {
    let fake = FakeIssuer::new();
    let verifier = ready(&fake).await;
    for number in 0..2 {
        let token = invented_by(&fake, "stranger", &format!("k{number}"));
        assert_eq!(verdict(&verifier, &token).await, "unknown_key");
    }
    // The reserved fetch.
    let token = invented_by(&fake, "known", "k2");
    assert_eq!(verdict(&verifier, &token).await, "unknown_key");
    assert_eq!(unknown_kid_fetches(&verifier), 3);
    pass(&fake.clock, secs(4)).await;
    // The whole cooldown, and not the 6 s that remain.
    assert_eq!(
        retry_after(&verifier, &invented_by(&fake, "known", "k3")).await,
        secs(10)
    );
    let token = invented_by(&fake, "stranger", "k3");
    assert_eq!(verdict(&verifier, &token).await, "unknown_key");
    assert_eq!(unknown_kid_fetches(&verifier), 3);
}

#[tokio::test(start_paused = true)]
async fn kid_of_an_unusable_key_gets_401_without_a_fetch() {
    let fake = FakeIssuer::new();
    let mut set: serde_json::Value = serde_json::from_str(&fake.issuer.jwks()).unwrap();
    let keys = set["keys"].as_array_mut().unwrap();
    keys.extend(
        (0..1_000).map(|number| serde_json::json!({"kty": "oct", "kid": format!("weak-{number}")})),
    );
    fake.set_behavior(Behavior::Body(set.to_string().into_bytes()));
    let verifier = ready(&fake).await;
    fake.set_behavior(Behavior::Down);
    for number in [0, 99, 100, 999] {
        let token = invented_by(&fake, "known", &format!("weak-{number}"));
        assert_eq!(verdict(&verifier, &token).await, "unknown_key");
    }
    assert_eq!(fake.fetches(), 1);
    let token = invented_by(&fake, "known", "weak-1000");
    assert_eq!(verdict(&verifier, &token).await, "key_unavailable");
}

/// The issuer hangs, and a request arrives at different times of the fetch.
#[tokio::test(start_paused = true)]
async fn request_waits_at_most_one_fetch_timeout() {
    for millis in [0, 1, 1_500, 2_999, 3_000, 3_500] {
        let fake = FakeIssuer::new();
        let verifier = ready(&fake).await;
        fake.set_behavior(Behavior::Hang);
        let first = tokio::spawn({
            let (verifier, token) = (verifier.clone(), invented_by(&fake, "known", "first"));
            async move { verdict(&verifier, &token).await }
        });
        settle().await;
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let start = Instant::now();
        let token = invented_by(&fake, "stranger", "second");
        assert_eq!(verdict(&verifier, &token).await, "key_unavailable");
        assert!(
            start.elapsed() <= secs(3),
            "{millis}: {:?}",
            start.elapsed()
        );
        assert_eq!(first.await.unwrap(), "key_unavailable");
    }
}

/// A fetch that fails while a request waits for it ends the wait.
#[tokio::test(start_paused = true)]
async fn failed_fetch_is_not_waited_for_twice() {
    let fake = FakeIssuer::new();
    let verifier = ready(&fake).await;
    fake.issuer.rotate_key().unwrap();
    fake.set_behavior(Behavior::Hang);
    let first = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token_of(&fake, "known"));
        async move { verdict(&verifier, &token).await }
    });
    tokio::time::sleep(secs(2)).await;
    let start = Instant::now();
    let token = token_of(&fake, "known");
    assert_eq!(verdict(&verifier, &token).await, "key_unavailable");
    assert_eq!(start.elapsed(), secs(1));
    assert_eq!(first.await.unwrap(), "key_unavailable");
}

fn slow_discovery(fake: &Arc<FakeIssuer>, pauses: [Duration; 2]) -> tower_m2m::Issuer {
    let jwks = fake.issuer.jwks();
    let issuer = Verifier::issuer("https://issuer.example").audience(tower_m2m::testing::AUDIENCE);
    issuer
        .profile(tower_m2m::Profile::KINDE)
        .algorithms([tower_m2m::Algorithm::EdDSA])
        .fetch_with(move |request| {
            let jwks = jwks.clone();
            async move {
                let is_metadata = request.uri().path().contains("well-known");
                let metadata = r#"{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/jwks"}"#;
                let [first, second] = pauses;
                tokio::time::sleep(if is_metadata { first } else { second }).await;
                let body = if is_metadata { metadata.to_owned() } else { jwks };
                Ok::<_, BoxError>(Response::new(body.into_bytes()))
            }
        })
}

/// A fetch and its metadata share one deadline.
#[tokio::test(start_paused = true)]
async fn metadata_and_keys_share_one_fetch_timeout() {
    for (pauses, error) in [
        ([1_500, 1_400], None),
        ([1_500, 1_600], Some(JwksError::TimedOut)),
        ([3_100, 0], Some(JwksError::TimedOut)),
    ] {
        let fake = FakeIssuer::new();
        let trusted = slow_discovery(&fake, pauses.map(Duration::from_millis));
        let start = Instant::now();
        let built = Verifier::builder([trusted])
            .clock(fake.clock.clone())
            .build_ready()
            .await;
        assert_eq!(built.is_err(), error.is_some(), "{pauses:?}");
        assert!(start.elapsed() <= secs(3), "{:?}", start.elapsed());
    }
}

/// The time of the application's resolver counts toward the same deadline. Keys get 250 ms at
/// least.
#[tokio::test(start_paused = true)]
async fn time_of_the_resolver_counts() {
    for (resolver, expected) in [(200, 1_000), (800, 1_050), (2_000, 2_250)] {
        let fake = FakeIssuer::new();
        fake.set_behavior(Behavior::Hang);
        let issuer = Arc::clone(&fake);
        let verifier = Verifier::builder([])
            .clock(fake.clock.clone())
            .resolve_issuers_with(move |_| {
                let trusted = issuer.trusted();
                async move {
                    tokio::time::sleep(Duration::from_millis(resolver)).await;
                    Ok(Some(trusted))
                }
            })
            .build()
            .unwrap();
        let start = Instant::now();
        let token = token_of(&fake, "stranger");
        assert_eq!(verdict(&verifier, &token).await, "keys_unavailable");
        assert_eq!(start.elapsed(), Duration::from_millis(expected));
    }
}

/// An outcome that an unknown client caused never applies to a known one.
#[tokio::test(start_paused = true)]
async fn kid_named_too_early_by_an_unknown_client_binds_no_known_one() {
    let fake = FakeIssuer::new();
    let verifier = ready(&fake).await;
    let next = key();
    let token = fake.issuer.org("org_a").client("stranger");
    let early = token.signed_with(&next).token();
    assert_eq!(verdict(&verifier, &early).await, "unknown_key");
    tokio::time::sleep(Duration::from_millis(5)).await;
    fake.issuer.publish_key(next.clone());
    let token = fake.issuer.org("org_a").client("known");
    let good = token.signed_with(&next).token();
    assert_eq!(verdict(&verifier, &good).await, "accepted");
    // The set has changed, so the other client is admitted too.
    assert_eq!(verdict(&verifier, &early).await, "accepted");
}

/// The issuer signs with a key before its key endpoint returns it: two nodes, or a CDN.
#[tokio::test(start_paused = true)]
async fn late_key_is_accepted_after_one_cooldown() {
    for cooldown in [secs(10), secs(4)] {
        let fake = FakeIssuer::new();
        let verifier = Verifier::builder([fake.trusted().unknown_kid_cooldown(cooldown)])
            .clock(fake.clock.clone())
            .build()
            .unwrap();
        settle().await;
        assert_eq!(
            verdict(&verifier, &token_of(&fake, "known")).await,
            "accepted"
        );
        let next = key();
        let token = fake.issuer.org("org_a").client("known");
        let token = token.signed_with(&next).token();
        let start = Instant::now();
        assert_eq!(verdict(&verifier, &token).await, "unknown_key");
        pass(&fake.clock, secs(1)).await;
        fake.issuer.publish_key(next);
        while verdict(&verifier, &token).await != "accepted" {
            pass(&fake.clock, secs(1) / 2).await;
        }
        assert!(start.elapsed() <= cooldown, "{:?}", start.elapsed());
    }
}

/// 10 s, 20 s, 30 s by default; the settings change both ends.
#[tokio::test(start_paused = true)]
async fn missing_kid_is_cached_longer_with_each_fetch() {
    for (max, expected) in [(None, [10, 20, 30, 30]), (Some(secs(15)), [10, 15, 15, 15])] {
        let fake = FakeIssuer::new();
        let trusted = max
            .into_iter()
            .fold(fake.trusted(), tower_m2m::Issuer::unknown_kid_max_ttl);
        let verifier = Verifier::builder([trusted])
            .clock(fake.clock.clone())
            .build()
            .unwrap();
        settle().await;
        let token = invented_by(&fake, "stranger", "k");
        assert_eq!(verdict(&verifier, &token).await, "unknown_key");
        for seconds in expected {
            let fetches = unknown_kid_fetches(&verifier);
            let start = Instant::now();
            while unknown_kid_fetches(&verifier) == fetches {
                pass(&fake.clock, secs(1)).await;
                assert_eq!(verdict(&verifier, &token).await, "unknown_key");
            }
            assert_eq!(start.elapsed(), secs(seconds), "{max:?}");
        }
    }
}

/// While keys are available, a rotation is detected within 5 s after the issuer responds again.
#[tokio::test(start_paused = true)]
async fn rotation_is_picked_up_soon_after_a_failed_fetch() {
    for behavior in [
        Behavior::Down,
        Behavior::Hang,
        Behavior::Status(500, vec![]),
    ] {
        let fake = FakeIssuer::new();
        let verifier = ready(&fake).await;
        fake.issuer.rotate_key().unwrap();
        fake.set_behavior(behavior.clone());
        let token = token_of(&fake, "known");
        assert_eq!(verdict(&verifier, &token).await, "key_unavailable");
        fake.set_behavior(Behavior::Good);
        let fetches = fake.fetches();
        let start = Instant::now();
        while fake.fetches() == fetches {
            pass(&fake.clock, secs(1) / 10).await;
        }
        assert!(start.elapsed() <= secs(1) + secs(1) / 10, "{behavior:?}");
        assert_eq!(verdict(&verifier, &token).await, "accepted");
    }
}
