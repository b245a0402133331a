//! A canary request that fails: when the next one is sent.

use super::protected::{Protected, good};
use super::scripted::{UNAVAILABLE, invented, outcomes, send};

fn issuer(canary: (u16, u64)) -> Protected {
    let test = Protected::new((403, "ACCESS_DENIED"), (400, "UNKNOWN_KEY"));
    test.set(|issuer| issuer.canary = Some(canary));
    test
}

/// Rule 322.
///
/// Requests that waited for a canary request that failed do not send their own.
#[tokio::test(start_paused = true)]
async fn one_canary_request_fails_in_ten_seconds() {
    for canary in [(500, 0), (503, 0), (302, 0), (0, 0)] {
        let test = issuer(canary);
        for round in 1..=3 {
            let keys = (0..20).map(|number| invented(round * 20 + number));
            let requests = keys.map(|key| send(&test.verifier, key)).collect();
            let outcomes = outcomes(requests).await;
            assert_eq!(outcomes, [UNAVAILABLE; 20], "{canary:?}");
            let canaries = test.count(|issuer| issuer.canaries);
            assert_eq!(canaries, round, "{canary:?}");
            test.advance(11).await;
        }
        test.set(|issuer| issuer.canary = None);
        let outcome = test.outcome(&invented(0)).await;
        assert_eq!(outcome, "inactive_credential", "{canary:?}");
    }
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn pause_in_the_response_to_the_canary_request_is_honored() {
    for status in [429, 503] {
        let test = issuer((status, 120));
        assert_eq!(test.outcome(&invented(0)).await, UNAVAILABLE, "{status}");
        no_request_in_the_pause(&test).await;
    }
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn pause_that_the_issuer_requests_at_start_is_honored() {
    for status in [429, 503] {
        let test = issuer((status, 120)).with_ready_verifier().await;
        assert_eq!(test.count(|issuer| issuer.canaries), 1, "{status}");
        no_request_in_the_pause(&test).await;
    }
}

async fn no_request_in_the_pause(test: &Protected) {
    let sent = test.count(|issuer| issuer.requests);
    for number in 1..10 {
        test.advance(12).await;
        assert_eq!(test.outcome(&invented(number)).await, UNAVAILABLE);
    }
    assert_eq!(test.count(|issuer| issuer.requests), sent);
    test.set(|issuer| issuer.canary = None);
    test.advance(13).await;
    let outcome = test.outcome(&invented(11)).await;
    assert_eq!(outcome, "inactive_credential");
}

/// Rule 173.
///
/// The pause for unknown keys does not concern known ones, but it concerns the canary request.
#[tokio::test(start_paused = true)]
async fn known_keys_send_no_canary_request_in_its_pause() {
    let test = issuer((429, 120));
    assert_eq!(test.outcome(&good(0)).await, "ok");
    assert_eq!(test.outcome(&invented(0)).await, UNAVAILABLE);
    for _ in 0..3 {
        test.advance(31).await;
        assert_eq!(test.outcome(&good(0)).await, "ok");
    }
    assert_eq!(test.count(|issuer| issuer.canaries), 1);
}
