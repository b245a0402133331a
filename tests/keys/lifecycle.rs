//! Start, stop, another runtime, another process.

use std::sync::Arc;

use tokio::time::Instant;
use tower_m2m::jwks::SavedKeys;
use tower_m2m::{Rejection, Verifier};

use super::harness::{Behavior, FakeIssuer, code, last_error, pass, secs, settle, verdict};
use super::paused_runtime::paused_runtime;

/// Rule 150.
#[tokio::test(start_paused = true)]
async fn dropping_the_last_verifier_stops_background_tasks() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    let token = fake.token();
    // Three times: into the shared cache, and into the thread's own cache, which outlives the
    // verifier.
    for _ in 0..3 {
        assert_eq!(verdict(&verifier, &token).await, "accepted");
    }
    let clone = verifier.clone();
    drop(verifier);
    pass(&fake.clock, secs(600)).await;
    assert_eq!(fake.fetches(), 2, "a clone keeps it going");
    fake.set_behavior(Behavior::Hang);
    pass(&fake.clock, secs(600) * 3 / 4).await;
    drop(clone);
    settle().await;
    assert_eq!(
        Arc::strong_count(&fake),
        1,
        "a task or a cache holds on to the fetch function"
    );
    let fetches = fake.fetches();
    pass(&fake.clock, secs(7200)).await;
    assert_eq!(fake.fetches(), fetches);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn refresh_continues_in_the_next_runtime() {
    let fake = FakeIssuer::new();
    let trusted = fake.trusted().unknown_kid_cooldown(secs(1));
    let verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build()
        .unwrap();
    // The verifier was built outside a runtime, so there was no fetch yet.
    assert_eq!(fake.fetches(), 0);
    for _ in 0..5 {
        let runtime = runtime();
        assert_eq!(
            runtime.block_on(verdict(&verifier, &fake.token())),
            "accepted"
        );
        drop(runtime);
    }
    assert_eq!(fake.fetches(), 1, "another runtime is no reason to fetch");
    // The runtime ends during a fetch.
    fake.set_behavior(Behavior::Hang);
    fake.issuer.rotate_key().unwrap();
    let token = fake.token();
    runtime().block_on(async {
        let waiting = tokio::spawn({
            let (verifier, token) = (verifier.clone(), token.clone());
            async move { verdict(&verifier, &token).await }
        });
        while fake.fetches() < 2 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
    });
    fake.set_behavior(Behavior::Good);
    assert_eq!(runtime().block_on(verdict(&verifier, &token)), "accepted");
    assert_eq!(fake.most_in_flight(), 1);
}

/// The schedule outlives the runtime. A new runtime for each request does not cause a fetch for
/// each.
#[test]
fn refresh_schedule_outlives_the_runtime() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    for _ in 0..3 {
        let runtime = paused_runtime();
        runtime.block_on(async {
            assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
            pass(&fake.clock, secs(1)).await;
        });
    }
    assert_eq!(fake.fetches(), 1);
}

/// If a runtime exists and does not run, it counts as dropped.
#[test]
fn refresh_task_of_an_idle_runtime_is_replaced() {
    let fake = FakeIssuer::new();
    let idle = paused_runtime();
    let verifier = idle.block_on(async {
        Verifier::builder([fake.trusted()])
            .clock(fake.clock.clone())
            .build_ready()
            .await
            .unwrap()
    });
    assert_eq!(fake.fetches(), 1);
    let busy = paused_runtime();
    busy.block_on(async {
        for _ in 0..20 {
            assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
            pass(&fake.clock, secs(60)).await;
        }
    });
    assert!(fake.fetches() >= 3, "{} fetches", fake.fetches());
}

#[test]
fn verification_without_runtime_returns_and_does_not_panic() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    let token = fake.token();
    let mut future = std::pin::pin!(verifier.verify(&token));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(result) = future.as_mut().poll(&mut context) else {
        panic!("it waits")
    };
    assert!(matches!(result, Err(Rejection::KeysUnavailable { .. })));
    assert_eq!(
        last_error(&verifier),
        Some(tower_m2m::jwks::JwksError::NoRuntime)
    );
    assert_eq!(runtime().block_on(verdict(&verifier, &token)), "accepted");
}

#[tokio::test(start_paused = true)]
async fn restored_keys_work_in_outage_and_keep_their_age() {
    let fake = FakeIssuer::new();
    fake.set_headers(&[("cache-control", "max-age=120")]);
    let verifier = fake.verifier();
    settle().await;
    let token = fake.token();
    let saved = serde_json::to_string(&verifier.export_keys()).unwrap();
    drop(verifier);
    fake.set_behavior(Behavior::Down);
    pass(&fake.clock, secs(1000)).await;

    let restore = || serde_json::from_str::<Vec<SavedKeys>>(&saved).unwrap();
    let begin = || {
        Verifier::builder([fake.trusted()])
            .clock(fake.clock.clone())
            .restore_keys(restore())
    };
    let before = Instant::now();
    let verifier = begin().build_ready().await.unwrap();
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    assert_eq!(before, Instant::now());
    assert!(verifier.status()[0].is_stale);
    // A lifetime of 120 s, from the issuer, and an hour.
    pass(&fake.clock, secs(2719)).await;
    assert_eq!(verdict(&verifier, &token).await, "accepted");
    pass(&fake.clock, secs(1)).await;
    assert_eq!(verdict(&verifier, &token).await, "keys_unavailable");
    // One is too old, and one has a time in the future.
    assert!(!begin().build().unwrap().is_ready());
    fake.clock.set(super::harness::NOW - 1);
    assert!(!begin().build().unwrap().is_ready());
}

/// Rule 54.
///
/// Rule 54, across processes: saved keys of one issuer verify no token of another.
#[tokio::test(start_paused = true)]
async fn restored_keys_verify_only_their_own_issuer() {
    let (a, b) = (
        FakeIssuer::with_url("https://a.example"),
        FakeIssuer::with_url("https://b.example"),
    );
    let saved = {
        let verifier = Verifier::builder([b.trusted()])
            .clock(b.clock.clone())
            .build_ready()
            .await
            .unwrap();
        verifier.export_keys()
    };
    a.set_behavior(Behavior::Down);
    let verifier = Verifier::builder([a.trusted()])
        .clock(a.clock.clone())
        .restore_keys(saved)
        .build()
        .unwrap();
    let foreign = b
        .issuer
        .org("org_a")
        .claim("iss", "https://a.example")
        .token();
    assert_eq!(verdict(&verifier, &foreign).await, "keys_unavailable");
    assert!(!verifier.is_ready());
}

#[tokio::test(start_paused = true)]
async fn restored_key_set_has_the_limits_of_a_fetched_one() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    let saved = serde_json::to_value(verifier.export_keys()).unwrap();
    let jwks = saved[0]["jwks"].as_str().unwrap();
    fake.set_behavior(Behavior::Down);
    for (size, taken) in [
        (1024 * 1024, true),
        (1024 * 1024 + 1, false),
        (1024 * 1024 + 2, false),
    ] {
        let mut saved = saved.clone();
        saved[0]["jwks"] = (jwks.to_owned() + &" ".repeat(size - jwks.len())).into();
        let saved: Vec<SavedKeys> = serde_json::from_value(saved).unwrap();
        let verifier = Verifier::builder([fake.trusted()])
            .clock(fake.clock.clone())
            .restore_keys(saved)
            .build()
            .unwrap();
        assert_eq!(verifier.is_ready(), taken, "{size} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn newest_restored_key_set_is_used() {
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    let (old, mut saved) = (fake.token(), verifier.export_keys());
    fake.issuer.replace_key_same_kid().unwrap();
    for _ in 0..10 {
        pass(&fake.clock, secs(60)).await;
    }
    saved.extend(verifier.export_keys());
    drop(verifier);
    fake.set_behavior(Behavior::Down);
    for _ in 0..2 {
        saved.reverse();
        let verifier = Verifier::builder([fake.trusted()]).clock(fake.clock.clone());
        let verifier = verifier.restore_keys(saved.clone()).build().unwrap();
        assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
        assert_eq!(verdict(&verifier, &old).await, "invalid_signature");
    }
}

#[tokio::test(start_paused = true)]
async fn restored_key_set_is_refreshed_at_once() {
    let fake = FakeIssuer::new();
    let saved = {
        let verifier = fake.verifier();
        settle().await;
        verifier.export_keys()
    };
    let old = fake.token();
    fake.issuer.replace_key_same_kid().unwrap();
    let verifier = Verifier::builder([fake.trusted()])
        .clock(fake.clock.clone())
        .restore_keys(saved)
        .build()
        .unwrap();
    settle().await;
    assert_eq!(code(&verifier.verify(&fake.token()).await), "accepted");
    assert_eq!(verdict(&verifier, &old).await, "invalid_signature");
}

/// Two faults at once: the refresh task ended with its runtime, and the wall clock stands still.
#[test]
fn cached_token_expires_at_stale_limit_without_runtime() {
    let fake = FakeIssuer::new();
    let trusted = fake
        .trusted()
        .keys_time_to_live(secs(100))
        .keys_max_stale(secs(0));
    let verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build()
        .unwrap();
    let token = fake.token();
    runtime().block_on(async {
        for _ in 0..3 {
            assert_eq!(verdict(&verifier, &token).await, "accepted");
        }
    });
    fake.set_behavior(Behavior::Hang);
    let later = paused_runtime();
    later.block_on(async {
        tokio::time::sleep(secs(101)).await;
        assert_eq!(verdict(&verifier, &token).await, "keys_unavailable");
    });
}
