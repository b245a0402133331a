//! 10,000 requests with one key at the same time: one introspection request.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use tower_m2m::SavedCredentials;

use super::scripted::{Scripted, UNAVAILABLE};

const KEY: &str = "k_live_customer0000000001";
const CALLERS: usize = 10_000;
/// The caller that begins the request needs no place. The others with the same credential take at
/// most half of the places: 256 for unknown credentials and 4,096 for known ones.
const SERVED_IF_UNKNOWN: usize = 1 + 256 / 2;
const SERVED_IF_KNOWN: usize = 1 + 4_096 / 2;

/// Returns how many of the callers were accepted and how many got 503.
async fn call_at_once(test: &Scripted) -> (usize, usize) {
    let calls: Vec<_> = (0..CALLERS)
        .map(|_| {
            let verifier = test.verifier.clone();
            tokio::spawn(async move { verifier.verify(KEY).await.map_err(|error| error.code()) })
        })
        .collect();
    let (mut accepted, mut unavailable) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(claims) => {
                assert_eq!(claims.org_code().unwrap().as_str(), "org_a");
                accepted += 1;
            }
            Err(code) => {
                assert_eq!(code, UNAVAILABLE);
                unavailable += 1;
            }
        }
    }
    (accepted, unavailable)
}

/// Returns a verifier that knows the key from an earlier start and has no response about it.
async fn after_a_restart() -> Scripted {
    let before = Scripted::new();
    before.issuer.add_key(KEY, "org_a");
    assert_eq!(before.outcome(KEY).await, "ok");
    let saved = before.verifier.export_known_credentials().unwrap();
    let saved = SavedCredentials::from_bytes(&saved.to_bytes()).unwrap();
    Scripted::with(|builder| builder.restore_known_credentials(saved))
}

/// Rule 171.
#[tokio::test(start_paused = true)]
async fn ten_thousand_first_requests_cause_one_introspection_request() {
    for (test, served) in [
        (Scripted::new(), SERVED_IF_UNKNOWN),
        (after_a_restart().await, SERVED_IF_KNOWN),
    ] {
        test.issuer.add_key(KEY, "org_a");
        let outcomes = call_at_once(&test).await;
        assert_eq!(outcomes, (served, CALLERS - served));
        assert_eq!(test.issuer.requests(), 1);
        // Those that got 503 try again after the second that `Retry-After` says.
        test.advance(1).await;
        assert_eq!(call_at_once(&test).await, (CALLERS, 0));
        assert_eq!(test.issuer.requests(), 1);
    }
}

/// Rule 171.
///
/// At an issuer that hangs.
#[tokio::test(start_paused = true)]
async fn ten_thousand_first_requests_at_a_failing_issuer_cause_one_introspection_request() {
    let test = Scripted::new();
    test.issuer.set_reply(super::scripted::Reply::Hang);
    let begun = tokio::time::Instant::now();
    assert_eq!(call_at_once(&test).await, (0, CALLERS));
    assert_eq!(test.issuer.requests(), 1);
    assert!(begun.elapsed() <= Duration::from_millis(1_200));
}

/// Rule 171.
///
/// On several threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_share_one_introspection_request() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    test.issuer.set_delay(Duration::ZERO);
    let barrier = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (verifier, barrier) = (test.verifier.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let calls: Vec<_> = (0..CALLERS / 4)
                    .map(|_| {
                        let verifier = verifier.clone();
                        tokio::spawn(async move { verifier.verify(KEY).await.is_ok() })
                    })
                    .collect();
                let mut accepted = 0;
                for call in calls {
                    accepted += usize::from(call.await.unwrap());
                }
                accepted
            })
        })
        .collect();
    let mut accepted = 0;
    for thread in threads {
        accepted += thread.await.unwrap();
    }
    // The response arrives meanwhile, so the number depends on the threads.
    assert!(accepted > 0, "{accepted}");
    assert_eq!(test.issuer.requests(), 1);
}
