//! The pause that the issuer requests: which requests are sent within it.

use std::time::Duration;

use super::scripted::{Reply, Scripted, UNAVAILABLE, customer, outcomes, send};

const GOOD: &str = "k_live_goodgood000000000001";
const STRANGER: &str = "k_live_invented000000000001";
const PAUSE: Reply = Reply::Header(429, "retry-after", "300");
/// Requests that are sent before the first response arrives.
const AT_ONCE: usize = 64;

/// Returns a verifier that knows one customer, whose response is too old.
async fn with_idle_customer() -> Scripted {
    let test = Scripted::new();
    test.issuer.add_key(GOOD, "org_a");
    assert_eq!(test.outcome(GOOD).await, "ok");
    test.advance(420).await;
    test
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn no_refresh_is_sent_within_the_pause() {
    let test = Scripted::with_customers(200).await;
    test.advance(44).await;
    test.issuer.set_reply(PAUSE);
    test.advance(1).await;
    let sent = test.issuer.requests();
    for second in 0..60 {
        for number in 0..200 {
            assert_eq!(test.outcome(&customer(number)).await, "ok", "{second}");
        }
        test.advance(1).await;
    }
    assert!(test.issuer.requests() - sent <= AT_ONCE);
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn requests_that_wait_for_their_turn_are_not_sent_within_the_pause() {
    let test = Scripted::with_customers(1_000).await;
    test.advance(400).await;
    test.issuer.set_reply(PAUSE);
    let sent = test.issuer.requests();
    let requests = (0..1_000).map(|number| send(&test.verifier, customer(number)));
    assert_eq!(outcomes(requests.collect()).await, [UNAVAILABLE; 1_000]);
    assert_eq!(test.issuer.requests() - sent, AT_ONCE);
    assert_eq!(test.verifier.introspection_status()[0].failures, 64);
}

/// Rules 172, 173.
///
/// A request that is not sent does not use the budget up.
#[tokio::test(start_paused = true)]
async fn unknown_key_whose_request_is_not_sent_gives_the_budget_back() {
    let test = Scripted::new();
    test.issuer
        .set_reply(Reply::Header(429, "retry-after", "1"));
    let requests = (0..50).map(|number| send(&test.verifier, customer(number)));
    assert!(!outcomes(requests.collect()).await.contains(&"ok"));
    assert_eq!(test.issuer.requests(), 32);
    assert_eq!(test.verifier.introspection_status()[0].budget_left, 50 - 32);
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn response_about_a_stranger_does_not_reject_known_customers() {
    let test = with_idle_customer().await;
    test.issuer.set_reply(PAUSE);
    assert_eq!(test.outcome(STRANGER).await, UNAVAILABLE);
    test.issuer.set_reply(Reply::Regular);
    assert_eq!(test.outcome(GOOD).await, "ok");
    // The pause continues for unknown ones, and known ones are queried as usual.
    for _ in 0..3 {
        test.advance(61).await;
        let sent = test.issuer.requests();
        assert_eq!(test.outcome(STRANGER).await, UNAVAILABLE);
        assert_eq!(test.outcome(GOOD).await, "ok");
        assert_eq!(test.issuer.requests(), sent + 1);
    }
    test.advance(130).await;
    assert_eq!(test.outcome(STRANGER).await, "inactive_credential");
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn known_customers_send_one_probe_in_ten_seconds() {
    let test = with_idle_customer().await;
    test.issuer.set_reply(PAUSE);
    assert_eq!(test.outcome(STRANGER).await, UNAVAILABLE);
    // The issuer does not respond, so it is not known whether the pause concerns known customers.
    test.issuer.set_reply(Reply::Fail);
    let sent = test.issuer.requests();
    for second in 0..100 {
        for _ in 0..10 {
            assert_eq!(test.outcome(GOOD).await, UNAVAILABLE);
        }
        let probes = test.issuer.requests() - sent;
        assert!(probes <= second / 10 + 1, "{probes} in {second} s");
        test.advance(1).await;
    }
    assert!(test.issuer.requests() - sent >= 9);
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn response_about_a_known_customer_pauses_all_requests() {
    let test = with_idle_customer().await;
    test.issuer.set_reply(PAUSE);
    assert_eq!(test.outcome(STRANGER).await, UNAVAILABLE);
    assert_eq!(test.outcome(GOOD).await, UNAVAILABLE);
    test.issuer.set_reply(Reply::Regular);
    let sent = test.issuer.requests();
    for _ in 0..29 {
        test.advance(10).await;
        assert_eq!(test.outcome(GOOD).await, UNAVAILABLE);
        assert_eq!(test.outcome(STRANGER).await, UNAVAILABLE);
    }
    assert_eq!(test.issuer.requests(), sent);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(test.outcome(GOOD).await, "ok");
}
