//! Freshness and outages, in virtual time.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tokio::time::Instant;
use tower_m2m::jwks::{FetchCause, JwksError};
use tower_m2m::{Rejection, Verifier};

use super::harness::{
    Behavior, FakeIssuer, NOW, fetches_by, last_error, pass, secs, settle, verdict,
};

/// Rule 139.
#[tokio::test(start_paused = true)]
async fn thousand_cold_requests_cause_one_fetch() {
    let fake = FakeIssuer::new();
    fake.set_behavior(Behavior::Slow(secs(1) / 2));
    let verifier = Verifier::builder([fake.trusted()])
        .clock(fake.clock.clone())
        .start_lazily()
        .build()
        .unwrap();
    assert_eq!(
        fake.fetches(),
        0,
        "lazy means that there is no fetch before the first token"
    );
    let token: Arc<str> = fake.token().into();
    let before = Instant::now();
    let requests: Vec<_> = (0..1000)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), Arc::clone(&token));
            tokio::spawn(async move { verdict(&verifier, &token).await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), "accepted");
    }
    assert_eq!((fake.fetches(), before.elapsed()), (1, secs(1) / 2));
}

/// Rule 140.
#[tokio::test(start_paused = true)]
async fn requests_never_wait_for_a_refresh() {
    let fake = FakeIssuer::new();
    let verifier = Verifier::builder([fake.trusted()])
        .clock(fake.clock.clone())
        .without_token_cache()
        .build()
        .unwrap();
    settle().await;
    fake.set_behavior(Behavior::Slow(secs(2)));
    for _ in 0..1500 {
        let before = Instant::now();
        assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
        assert_eq!(before, Instant::now(), "a request waited");
        pass(&fake.clock, secs(1)).await;
    }
    // 1,500 s: refreshes at 75 to 85 % of 600 s, and the first fetch.
    assert!(
        (3..=4).contains(&fake.fetches()),
        "{} fetches",
        fake.fetches()
    );
    assert_eq!(
        fetches_by(&verifier, FetchCause::Refresh),
        fake.fetches() - 1
    );
}

#[tokio::test(start_paused = true)]
async fn key_set_is_refreshed_without_requests() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    pass(&fake.clock, secs(3600)).await;
    assert!(
        (6..=9).contains(&fake.fetches()),
        "{} fetches",
        fake.fetches()
    );
    assert!(verifier.is_ready());
}

/// Rule 141.
#[tokio::test(start_paused = true)]
async fn stale_keys_expire_to_503_and_recover() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    let (token, fetched) = (fake.token(), Instant::now());
    assert_eq!(verdict(&verifier, &token).await, "accepted");

    fake.set_behavior(Behavior::Down);
    pass(&fake.clock, secs(600)).await;
    assert!(
        verifier.status()[0].is_stale
            && last_error(&verifier) == Some(JwksError::FetchFunctionFailed)
    );
    pass(&fake.clock, secs(3599)).await;
    assert_eq!(fetched.elapsed(), secs(4199));
    // The cached token, and a new one.
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");

    pass(&fake.clock, secs(1)).await;
    for token in [&token, &fake.token()] {
        let refused = verifier.verify(token).await.unwrap_err();
        let Rejection::KeysUnavailable { retry_after } = refused else {
            panic!("{refused:?}")
        };
        assert!(
            (secs(1)..=secs(10)).contains(&retry_after),
            "{retry_after:?}"
        );
    }
    assert!(!verifier.is_ready() && verifier.status()[0].keys.is_empty());

    fake.set_behavior(Behavior::Good);
    pass(&fake.clock, secs(10)).await;
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    assert!(verifier.is_ready() && verifier.status()[0].last_error.is_none());
}

/// Rule 153.
///
/// The stale limit uses monotonic time: a wall clock that stands still does not move it, not even
/// for cached tokens.
#[tokio::test(start_paused = true)]
async fn stale_limit_uses_monotonic_time() {
    let fake = FakeIssuer::new();
    let trusted = fake
        .trusted()
        .keys_time_to_live(secs(100))
        .keys_max_stale(secs(0));
    let verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build_ready()
        .await
        .unwrap();
    let token = fake.token();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    fake.set_behavior(Behavior::Down);
    tokio::time::sleep(secs(99)).await;
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    tokio::time::sleep(secs(1)).await;
    settle().await;
    assert_eq!(verdict(&verifier, &token).await, "keys_unavailable");
}

#[tokio::test(start_paused = true)]
async fn stale_limit_applies_during_a_fetch() {
    let fake = FakeIssuer::new();
    let trusted = fake
        .trusted()
        .keys_time_to_live(secs(10))
        .keys_max_stale(secs(0))
        .fetch_timeout(secs(30));
    let verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build()
        .unwrap();
    settle().await;
    let token = fake.token();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    fake.set_behavior(Behavior::Hang);
    pass(&fake.clock, secs(9)).await;
    assert_eq!(fake.fetches(), 2, "the refresh hangs");
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    pass(&fake.clock, secs(1)).await;
    assert_eq!(verdict(&verifier, &token).await, "keys_unavailable");
}

/// Rule 142.
#[tokio::test(start_paused = true)]
async fn verifier_starts_without_issuer_and_recovers() {
    let fake = FakeIssuer::new();
    fake.set_behavior(Behavior::Down);
    let required = Verifier::builder([fake.trusted()])
        .clock(fake.clock.clone())
        .build_ready()
        .await
        .unwrap_err();
    assert_eq!(
        required.to_string(),
        "failed to fetch keys from https://issuer.example: https://issuer.example/jwks: \
         the function of fetch_with returned an error"
    );

    let verifier = fake.verifier();
    settle().await;
    assert!(!verifier.is_ready());
    assert_eq!(verdict(&verifier, &fake.token()).await, "keys_unavailable");
    fake.set_behavior(Behavior::Good);
    pass(&fake.clock, secs(10)).await;
    assert!(verifier.is_ready());
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn request_waits_at_most_one_second_for_initial_keys() {
    let fake = FakeIssuer::new();
    fake.set_behavior(Behavior::Hang);
    let (verifier, token, start) = (fake.verifier(), fake.token(), Instant::now());
    assert_eq!(verdict(&verifier, &token).await, "keys_unavailable");
    assert_eq!(start.elapsed(), secs(1));
}

/// Between two attempts, a request waits for the next one if that is soon enough. Otherwise it gets
/// its response at once.
#[tokio::test(start_paused = true)]
async fn request_waits_for_a_retry_only_within_its_deadline() {
    for (pause, waits) in [("1", true), ("9", false)] {
        let fake = FakeIssuer::new();
        fake.set_behavior(Behavior::Status(
            503,
            vec![("retry-after", pause.to_owned())],
        ));
        let trusted = fake.trusted().initial_keys_timeout(secs(2));
        let verifier = Verifier::builder([trusted])
            .clock(fake.clock.clone())
            .build()
            .unwrap();
        settle().await;
        fake.set_behavior(Behavior::Good);
        let before = Instant::now();
        match verifier.verify(&fake.token()).await {
            Ok(_) => assert_eq!(
                (before.elapsed(), fake.fetches(), waits),
                (secs(1), 2, true)
            ),
            Err(Rejection::KeysUnavailable { retry_after }) => {
                assert_eq!(
                    (before.elapsed(), retry_after, waits),
                    (secs(0), secs(9), false)
                );
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// If requests arrive meanwhile, they do not treat the refresh task as stuck.
#[tokio::test(start_paused = true)]
async fn slow_fetch_is_not_restarted() {
    for (timeout, asked_after, answered_after) in [
        (secs(30), secs(20), secs(5)),
        (secs(1), secs(1) / 4, secs(1) / 4),
    ] {
        let fake = FakeIssuer::new();
        fake.set_behavior(Behavior::Slow(asked_after + answered_after));
        let trusted = fake
            .trusted()
            .fetch_timeout(timeout)
            .initial_keys_timeout(timeout);
        let verifier = Verifier::builder([trusted])
            .clock(fake.clock.clone())
            .build()
            .unwrap();
        pass(&fake.clock, asked_after).await;
        let before = Instant::now();
        assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
        assert_eq!((before.elapsed(), fake.fetches()), (answered_after, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn key_set_response_is_limited_to_one_mib() {
    for (size, read) in [(1024 * 1024, true), (1024 * 1024 + 1, false)] {
        let fake = FakeIssuer::new();
        let mut jwks = fake.issuer.jwks().into_bytes();
        jwks.resize(size, b' ');
        fake.set_behavior(Behavior::Body(jwks));
        let verifier = fake.verifier();
        settle().await;
        assert_eq!(verifier.is_ready(), read, "{size} bytes");
    }
}

/// Rule 146.
#[tokio::test(start_paused = true)]
async fn failed_fetch_never_removes_valid_keys() {
    let fake = FakeIssuer::new();
    let verifier = Verifier::builder([fake.trusted()])
        .clock(fake.clock.clone())
        .without_token_cache()
        .build()
        .unwrap();
    settle().await;
    let token = fake.token();
    let mut oversized = fake.issuer.jwks().into_bytes();
    oversized.resize(1024 * 1024 + 1, b' ');
    let says = |body: &[u8]| Behavior::Body(body.to_vec());
    let weak = br#"{"keys":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}]}"#;
    for (behavior, error) in [
        (Behavior::Down, JwksError::FetchFunctionFailed),
        (Behavior::Panic, JwksError::FetchFunctionPanicked),
        (Behavior::Hang, JwksError::TimedOut),
        (Behavior::Slow(secs(4)), JwksError::TimedOut),
        (
            Behavior::Status(500, vec![]),
            JwksError::UnexpectedStatus(500),
        ),
        (
            Behavior::Status(204, vec![]),
            JwksError::UnexpectedStatus(204),
        ),
        (
            Behavior::Status(304, vec![]),
            JwksError::UnexpectedStatus(304),
        ),
        (
            Behavior::Status(302, vec![("location", "https://elsewhere.example".into())]),
            JwksError::UnexpectedStatus(302),
        ),
        (says(b""), JwksError::Malformed),
        (
            says(b"<html><body>Sign in</body></html>"),
            JwksError::Malformed,
        ),
        (says(b"{\"keys\":"), JwksError::Malformed),
        (says(b"{\"keys\":{}}"), JwksError::Malformed),
        (says(b"[]"), JwksError::Malformed),
        (says(b"\xff\xfe\x00"), JwksError::Malformed),
        (says(b"{\"keys\":[]}"), JwksError::NoUsableKey),
        (says(weak), JwksError::NoUsableKey),
        (says(&oversized), JwksError::TooLarge),
    ] {
        fake.set_behavior(behavior.clone());
        let failures = fake.fetches();
        pass(&fake.clock, secs(620)).await;
        assert!(
            fake.fetches() > failures,
            "{behavior:?}: no fetch reached the issuer"
        );
        assert_eq!(last_error(&verifier), Some(error), "{behavior:?}");
        assert_eq!(verdict(&verifier, &token).await, "accepted", "{behavior:?}");
        fake.set_behavior(Behavior::Good);
        pass(&fake.clock, secs(120)).await;
        assert_eq!(verifier.status()[0].last_error, None, "{behavior:?}");
    }
}

/// Rule 151.
#[tokio::test(start_paused = true)]
async fn cache_control_is_bounded_and_overridden_by_explicit_ttl() {
    for (value, own, life) in [
        ("max-age=300", None, 300),
        ("max-age=0", None, 60),
        ("no-store", None, 60),
        ("max-age=31536000", None, 3600),
        ("max-age=many", None, 600),
        ("max-age=300", Some(secs(900)), 900),
    ] {
        let fake = FakeIssuer::new();
        fake.set_headers(&[("cache-control", value)]);
        let trusted = own
            .into_iter()
            .fold(fake.trusted(), tower_m2m::Issuer::keys_time_to_live);
        let verifier = Verifier::builder([trusted])
            .clock(fake.clock.clone())
            .build()
            .unwrap();
        settle().await;
        let status = &verifier.status()[0];
        let held = status
            .fresh_until
            .unwrap()
            .duration_since(status.fetched_at.unwrap())
            .unwrap();
        assert_eq!(held, secs(life), "{value}");
        pass(&fake.clock, secs(life) * 74 / 100).await;
        assert_eq!(fake.fetches(), 1, "{value}: no sooner than at 75 %");
        pass(&fake.clock, secs(life) * 12 / 100).await;
        assert_eq!(fake.fetches(), 2, "{value}: no later than at 85 %");
    }
}

#[tokio::test(start_paused = true)]
async fn not_modified_renews_lifetime_and_keeps_generation() {
    let fake = FakeIssuer::new();
    fake.set_headers(&[("etag", "\"1\""), ("cache-control", "max-age=100")]);
    let verifier = fake.verifier();
    settle().await;
    let token = fake.token();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    for _ in 0..20 {
        pass(&fake.clock, secs(80)).await;
        assert_eq!(verdict(&verifier, &token).await, "accepted");
        let status = &verifier.status()[0];
        assert!(!status.is_stale && status.last_error.is_none());
    }
    assert!(fake.fetches() > 15);
    assert_eq!(verifier.cached_tokens(), 1);
    let confirmed = verifier.status()[0].fetched_at.unwrap();
    assert!(
        confirmed > UNIX_EPOCH + secs(NOW.unsigned_abs() + 19 * 70),
        "its age counts from the last confirmation"
    );
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honored_up_to_five_minutes() {
    for (header, seconds, pause) in [
        ("retry-after", 120, 120),
        ("ratelimit-reset", 90, 90),
        ("retry-after", 86_400, 300),
    ] {
        let fake = FakeIssuer::new();
        let verifier = fake.verifier();
        settle().await;
        fake.set_behavior(Behavior::Status(429, vec![(header, seconds.to_string())]));
        while fetches_by(&verifier, FetchCause::Refresh) == 0 {
            pass(&fake.clock, secs(1)).await;
        }
        let before = fake.fetches();
        assert_eq!(
            verdict(&verifier, &fake.invented("k")).await,
            "key_unavailable"
        );
        pass(&fake.clock, secs(pause - 2)).await;
        assert_eq!(fake.fetches(), before, "{header}: {seconds}");
        pass(&fake.clock, secs(64)).await;
        assert!(fake.fetches() > before, "{header}: {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_delays_are_short_without_keys() {
    let fake = FakeIssuer::new();
    fake.set_behavior(Behavior::Status(429, vec![("retry-after", "3600".into())]));
    let trusted = fake.trusted().unknown_kid_cooldown(secs(4));
    let verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build()
        .unwrap();
    pass(&fake.clock, secs(61)).await;
    assert!(
        (15..=17).contains(&fake.fetches()),
        "{} fetches",
        fake.fetches()
    );
    assert!(!verifier.is_ready());
}

/// The delay is 250 ms, doubled up to 10 s, if no keys are available, and 1 s, doubled up to 60 s,
/// if a set is. Each delay is random between zero and that value, so that the instances of a
/// service do not fetch at the same time.
#[tokio::test(start_paused = true)]
async fn retry_delays_grow_with_jitter_within_limits() {
    for (holds, first, longest) in [(false, secs(1) / 4, secs(10)), (true, secs(1), secs(60))] {
        let mut means = [0.0; 12];
        for seed in 0..64 {
            let fake = FakeIssuer::new();
            fake.set_behavior(if holds {
                Behavior::Good
            } else {
                Behavior::Down
            });
            let trusted = fake
                .trusted()
                .jitter_seed(seed)
                .keys_max_stale(secs(7 * 86_400));
            let verifier = Verifier::builder([trusted])
                .clock(fake.clock.clone())
                .build()
                .unwrap();
            settle().await;
            fake.set_behavior(Behavior::Down);
            while holds && verifier.status()[0].last_error.is_none() {
                fake.wait_for_fetch().await;
            }
            for (failures, mean) in means.iter_mut().enumerate() {
                let before = Instant::now();
                fake.wait_for_fetch().await;
                let (pause, most) = (
                    before.elapsed(),
                    longest.min(first * 2_u32.pow(failures.try_into().unwrap())),
                );
                assert!(
                    first / 10 <= pause && pause <= most + secs(1) / 100,
                    "pause {failures}: {pause:?}, at most {most:?}"
                );
                *mean += pause.as_secs_f64() / most.as_secs_f64() / 64.0;
            }
        }
        // Full jitter: the average is half of the maximum.
        assert!(
            means.iter().all(|mean| (0.3..0.7).contains(mean)),
            "{means:?}"
        );
    }
}

/// Rule 153.
#[tokio::test(start_paused = true)]
async fn wall_clock_jumps_do_not_disturb_refresh() {
    for jump in [-10_000_000, -3_600, 3_600, 10_000_000] {
        let fake = FakeIssuer::new();
        let verifier = fake.verifier();
        settle().await;
        fake.clock.set(super::harness::NOW + jump);
        let token = fake.token();
        assert_eq!(verdict(&verifier, &token).await, "accepted", "{jump}");
        assert_eq!(fake.fetches(), 1, "{jump}");
        pass(&fake.clock, secs(3600)).await;
        assert!(
            (6..=9).contains(&fake.fetches()),
            "{jump}: {} fetches",
            fake.fetches()
        );
        // The stale limit still applies, also to cached tokens.
        fake.set_behavior(Behavior::Down);
        assert_eq!(verdict(&verifier, &token).await, "accepted", "{jump}");
        let removed = fake.clock.unix_seconds();
        pass(&fake.clock, secs(4201)).await;
        fake.clock.set(removed);
        assert_eq!(
            verdict(&verifier, &token).await,
            "keys_unavailable",
            "{jump}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn clock_before_the_epoch_causes_no_error() {
    for seconds in [-1, -1_000_000_000, i64::MIN, i64::MAX] {
        let fake = FakeIssuer::new();
        fake.clock.set(seconds);
        let verifier = fake.verifier();
        settle().await;
        assert!(verifier.is_ready() && verifier.status()[0].fetched_at.is_some());
        let _ = verifier.export_keys();
    }
}
