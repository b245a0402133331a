//! Several runtimes, of which some do not run any more, and runtimes without timers. Each has
//! tokio's paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tower_m2m::jwks::JwksError;
use tower_m2m::{BoxError, StartError, Verifier};

use super::harness::{Behavior, FakeIssuer, code, last_error, pass, secs, settle, verdict};
use super::paused_runtime::paused_runtime;

fn without_timers() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Runs a verification, and returns how long it took on the clock of its runtime.
fn verify_in(runtime: &Runtime, verifier: &Verifier, token: &str) -> (&'static str, Duration) {
    runtime.block_on(async {
        let start = tokio::time::Instant::now();
        let result = verdict(verifier, token).await;
        (result, start.elapsed())
    })
}

/// The runtime that built the verifier never runs its refresh task.
#[test]
fn verifier_of_an_idle_runtime_is_served_by_the_one_that_asks() {
    let fake = FakeIssuer::new();
    let idle = paused_runtime();
    let verifier = idle.block_on(async { fake.verifier() });
    let busy = paused_runtime();
    let (result, waited) = verify_in(&busy, &verifier, &fake.token());
    assert_eq!(result, "accepted");
    assert!(waited <= secs(1), "{waited:?}");
    assert_eq!(fake.fetches(), 1);
    // The old task wakes up, and leaves the fetches to the new one.
    idle.block_on(settle());
    assert_eq!(fake.fetches(), 1);
}

/// The runtime that loaded the keys does not run any more, and then the issuer rotates.
#[test]
fn rotation_is_found_although_the_first_runtime_is_idle() {
    let fake = FakeIssuer::new();
    let idle = paused_runtime();
    let builder = Verifier::builder([fake.trusted()]).clock(fake.clock.clone());
    let verifier = idle.block_on(builder.build_ready()).unwrap();
    fake.issuer.rotate_key().unwrap();
    let busy = paused_runtime();
    let (result, waited) = verify_in(&busy, &verifier, &fake.token());
    assert_eq!(result, "accepted");
    assert!(waited <= secs(3), "{waited:?}");
    fake.issuer.rotate_key().unwrap();
    assert_eq!(
        verify_in(&busy, &verifier, &fake.token()),
        ("accepted", secs(0))
    );
}

/// No task removes the set at its stale limit, because its runtime does not run, and the wall clock
/// is set back. A cached token is still rejected.
#[test]
fn stale_limit_holds_in_an_idle_runtime_with_a_clock_that_was_set_back() {
    for set_back in [secs(10), secs(200_000)] {
        let fake = FakeIssuer::new();
        let idle = paused_runtime();
        let builder = Verifier::builder([fake.trusted()]).clock(fake.clock.clone());
        let verifier = idle.block_on(builder.build_ready()).unwrap();
        let token = fake
            .issuer
            .org("org_a")
            .issued_at(1)
            .expires_in(secs(1 << 32))
            .token();
        assert_eq!(verify_in(&idle, &verifier, &token).0, "accepted");
        fake.set_behavior(Behavior::Down);
        // 600 s of lifetime, and an hour.
        let busy = paused_runtime();
        busy.block_on(async {
            tokio::time::sleep(secs(4_201)).await;
            let now = fake.clock.unix_seconds();
            fake.clock
                .set(now - i64::try_from(set_back.as_secs()).unwrap());
            assert_eq!(
                verdict(&verifier, &token).await,
                "keys_unavailable",
                "{set_back:?}"
            );
        });
    }
}

/// Issuers whose fetches began in a runtime that does not run take no place of other issuers for
/// good, whether a request there waits for them or not.
#[test]
fn issuers_of_an_idle_runtime_are_evicted() {
    for is_request_kept in [false, true] {
        let fakes: Vec<_> = (0..4)
            .map(|at| FakeIssuer::with_url(&format!("https://{at}.example")))
            .collect();
        let directory = fakes.clone();
        let verifier = Verifier::builder([])
            .resolve_issuers_with(move |iss| {
                let fake = directory.iter().find(|fake| fake.issuer.url() == iss);
                std::future::ready(Ok(fake.map(FakeIssuer::trusted)))
            })
            .max_resolved_issuers(2)
            .clock(fakes[0].clock.clone())
            .build()
            .unwrap();
        let idle = paused_runtime();
        idle.block_on(async {
            for fake in &fakes[..2] {
                fake.set_behavior(Behavior::Hang);
                let (verifier, token) = (verifier.clone(), fake.token());
                let request = tokio::spawn(async move { verdict(&verifier, &token).await });
                settle().await;
                if !is_request_kept {
                    request.abort();
                    settle().await;
                }
            }
        });
        let busy = paused_runtime();
        let limit = if is_request_kept { secs(600) } else { secs(4) };
        busy.block_on(async {
            assert_eq!(
                verdict(&verifier, &fakes[2].token()).await,
                "keys_unavailable"
            );
            pass(&fakes[0].clock, limit).await;
            for fake in &fakes[2..] {
                assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
            }
        });
    }
}

/// A fetch that begins in a runtime that then does not run counts when it arrives.
#[test]
fn late_result_of_a_replaced_task_counts() {
    let fake = FakeIssuer::new();
    fake.set_behavior(Behavior::Slow(secs(2)));
    let first = paused_runtime();
    let verifier = first.block_on(async {
        let verifier = fake.verifier();
        settle().await;
        verifier
    });
    assert_eq!(fake.fetches(), 1, "the fetch has begun");
    fake.set_behavior(Behavior::Down);
    let second = paused_runtime();
    // The second runtime has its own clock, and waits for the fetch of the first until it is
    // overdue.
    second.block_on(async {
        for _ in 0..10 {
            verdict(&verifier, &fake.token()).await;
            pass(&fake.clock, secs(1)).await;
        }
    });
    assert!(fake.fetches() >= 2, "it is begun anew");
    assert!(!verifier.is_ready());
    first.block_on(async { tokio::time::sleep(secs(2) + secs(1) / 2).await });
    assert!(verifier.is_ready(), "the result of the first fetch counts");
}

/// Keys are available, and a fetch for a rotated key hangs in a runtime that does not run any more.
#[test]
fn fetch_that_began_in_an_idle_runtime_is_begun_anew() {
    let fake = FakeIssuer::new();
    let idle = paused_runtime();
    let builder = Verifier::builder([fake.trusted()]).clock(fake.clock.clone());
    let verifier = idle.block_on(builder.build_ready()).unwrap();
    fake.set_behavior(Behavior::Hang);
    fake.issuer.rotate_key().unwrap();
    let token = fake.token();
    idle.block_on(async {
        let (verifier, token) = (verifier.clone(), token.clone());
        tokio::spawn(async move { verdict(&verifier, &token).await });
        settle().await;
    });
    assert_eq!(fake.fetches(), 2, "the fetch has begun");
    fake.set_behavior(Behavior::Good);
    let busy = paused_runtime();
    // Within its deadline the fetch is waited for.
    let (result, waited) = verify_in(&busy, &verifier, &token);
    assert_eq!((result, waited), ("key_unavailable", secs(3)));
    assert_eq!(fake.fetches(), 2);
    busy.block_on(async { tokio::time::sleep(secs(2)).await });
    assert_eq!(verify_in(&busy, &verifier, &token).0, "accepted");
}

/// Two runtimes take turns. A fetch that has begun in one is not begun in the other before its
/// deadline.
#[test]
fn runtimes_in_turn_make_few_fetches() {
    let fake = FakeIssuer::new();
    fake.set_behavior(Behavior::Hang);
    let runtimes = [paused_runtime(), paused_runtime()];
    let verifier = runtimes[0].block_on(async { fake.verifier() });
    let token = fake.token();
    for turn in 0..20 {
        let runtime = &runtimes[turn % 2];
        runtime.block_on(async {
            verdict(&verifier, &token).await;
            tokio::time::sleep(secs(1) / 10).await;
        });
    }
    // Each turn takes 1 s of its runtime's clock, and a fetch that hangs takes 3 s and its grace.
    assert!(fake.fetches() <= 10, "{} fetches", fake.fetches());
    fake.set_behavior(Behavior::Good);
    // A runtime's paused clock stands still while no task sleeps.
    let accepted = (0..40).any(|turn| {
        runtimes[turn % 2].block_on(async {
            tokio::time::sleep(secs(1)).await;
            verdict(&verifier, &token).await == "accepted"
        })
    });
    assert!(accepted);
}

#[test]
fn runtime_without_timers_is_an_error() {
    let fake = FakeIssuer::new();
    let runtime = without_timers();
    let builder = Verifier::builder([fake.trusted()]).clock(fake.clock.clone());
    let error = runtime.block_on(builder.build_ready()).unwrap_err();
    assert!(matches!(
        &error,
        StartError::KeyFetch { error, .. } if error.cause() == &JwksError::NoTimers
    ));
    assert!(error.to_string().contains("enable_time"), "{error}");

    // A request in such a runtime is rejected at once, without a panic.
    let verifier = runtime.block_on(async { fake.verifier() });
    let result = runtime.block_on(verifier.verify(&fake.token()));
    assert_eq!(code(&result), "keys_unavailable");
    assert_eq!(last_error(&verifier), Some(JwksError::NoTimers));
    // Keys that another runtime has loaded are used there, and an unknown key is not waited for.
    let other = paused_runtime();
    assert_eq!(verify_in(&other, &verifier, &fake.token()).0, "accepted");
    let result = runtime.block_on(verifier.verify(&fake.token()));
    assert_eq!(code(&result), "accepted");
    let result = runtime.block_on(verifier.verify(&fake.invented("k")));
    assert_eq!(code(&result), "key_unavailable");
}

/// The application's resolver, in runtimes of the same kinds.
#[test]
fn resolver_in_an_idle_runtime_or_without_timers_is_asked_anew() {
    let fake = FakeIssuer::new();
    let asked = Arc::new(AtomicU64::new(0));
    let build = || {
        let (fake, asked) = (Arc::clone(&fake), Arc::clone(&asked));
        Verifier::builder([])
            .clock(fake.clock.clone())
            .resolve_issuers_with(move |_| {
                asked.fetch_add(1, Ordering::SeqCst);
                let trusted = fake.trusted();
                async move { Ok::<_, BoxError>(Some(trusted)) }
            })
            .build()
            .unwrap()
    };
    let verifier = build();
    let idle = paused_runtime();
    // The request goes away before its question has begun.
    idle.block_on(async {
        let token = fake.token();
        let mut request = Box::pin(verifier.verify(&token));
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        assert!(request.as_mut().poll(&mut context).is_pending());
    });
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let busy = paused_runtime();
    let (result, waited) = verify_in(&busy, &verifier, &fake.token());
    assert_eq!(result, "accepted");
    assert!(waited <= secs(3), "{waited:?}");

    let verifier = build();
    let result = without_timers().block_on(verifier.verify(&fake.token()));
    assert_eq!(code(&result), "keys_unavailable");
}

/// The caller check needs a timer for its limit.
#[test]
fn caller_check_without_timers_fails_closed() {
    use tower_m2m::{Caller, CallerStatus};
    let fake = FakeIssuer::new();
    let check = async |_: Caller| Ok::<_, BoxError>(CallerStatus::Active);
    let verifier = Verifier::builder([fake.trusted()])
        .clock(fake.clock.clone())
        .check_caller(check)
        .build()
        .unwrap();
    assert_eq!(
        verify_in(&paused_runtime(), &verifier, &fake.token()).0,
        "accepted"
    );
    let result = without_timers().block_on(verifier.verify(&fake.token()));
    assert_eq!(code(&result), "caller_status_unavailable");
}
