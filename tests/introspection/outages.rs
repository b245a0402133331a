//! Fresh, stale and revoked credentials while time passes.

use std::time::Duration;

use tower_m2m::Rejection;

use super::scripted::{Reply, Scripted, UNAVAILABLE};

const KEY: &str = "k_live_0000000000000001";
const OTHER: &str = "k_live_0000000000000002";

/// Rules 169, 180.
#[tokio::test(start_paused = true)]
async fn key_that_is_not_used_is_not_refreshed() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    assert_eq!(test.outcome(KEY).await, "ok");
    test.advance(3_600).await;
    assert_eq!(test.issuer.requests(), 1);
}

/// Rules 169, 180.
#[tokio::test(start_paused = true)]
async fn key_that_is_used_is_refreshed_in_the_last_quarter() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    for (seconds, requests) in [(0, 1), (44, 1), (2, 2), (14, 2), (29, 2), (2, 3)] {
        test.advance(seconds).await;
        assert_eq!(test.outcome(KEY).await, "ok");
        // The refresh is in the background.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(test.issuer.requests(), requests, "after {seconds} s");
    }
}

/// A revoked key is accepted until the fresh time ends.
#[tokio::test(start_paused = true)]
async fn revoked_key_is_rejected_when_its_fresh_time_ends() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    assert_eq!(test.outcome(KEY).await, "ok");
    test.issuer.revoke(KEY);
    test.advance(44).await;
    assert_eq!(test.outcome(KEY).await, "ok");
    assert_eq!(test.issuer.requests(), 1);
    test.advance(16).await;
    assert_eq!(test.outcome(KEY).await, "inactive_credential");
    assert_eq!(test.issuer.requests(), 2);
    // The rejection is cached for 10 s.
    test.advance(9).await;
    assert_eq!(test.outcome(KEY).await, "inactive_credential");
    assert_eq!(test.issuer.requests(), 2);
    test.issuer.add_key(KEY, "org_a");
    test.advance(2).await;
    assert_eq!(test.outcome(KEY).await, "ok");
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn known_key_is_used_until_the_stale_limit_and_then_503() {
    for reply in [
        Reply::Fail,
        Reply::Hang,
        Reply::Json(500, ""),
        Reply::Json(401, ""),
        Reply::Json(200, "{"),
        Reply::Header(302, "location", "/"),
    ] {
        let test = Scripted::new();
        test.issuer.add_key(KEY, "org_a");
        assert_eq!(test.outcome(KEY).await, "ok");
        test.issuer.set_reply(reply.clone());
        test.advance(70).await;
        let begun = tokio::time::Instant::now();
        assert_eq!(test.outcome(KEY).await, "ok", "{reply:?}");
        assert!(begun.elapsed() <= Duration::from_millis(1_200), "{reply:?}");
        // Now the failure is known, so no request waits.
        let begun = tokio::time::Instant::now();
        assert_eq!(test.outcome(KEY).await, "ok", "{reply:?}");
        assert!(begun.elapsed().is_zero(), "{reply:?}");
        assert_eq!(test.outcome(OTHER).await, UNAVAILABLE, "{reply:?}");
        test.advance(280).await;
        assert_eq!(test.outcome(KEY).await, "ok", "{reply:?}");
        test.advance(15).await;
        assert_eq!(test.outcome(KEY).await, UNAVAILABLE, "{reply:?}");
        // The issuer is back.
        test.issuer.set_reply(Reply::Regular);
        test.advance(11).await;
        assert_eq!(test.outcome(KEY).await, "ok", "{reply:?}");
    }
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn stale_key_is_refreshed_as_soon_as_the_issuer_is_back() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    assert_eq!(test.outcome(KEY).await, "ok");
    test.issuer.set_reply(Reply::Fail);
    test.advance(61).await;
    assert_eq!(test.outcome(KEY).await, "ok");
    test.issuer.set_reply(Reply::Regular);
    test.issuer.revoke(KEY);
    // One attempt in 5 s, in the background.
    test.advance(4).await;
    let requests = test.issuer.requests();
    assert_eq!(test.outcome(KEY).await, "ok");
    assert_eq!(test.issuer.requests(), requests);
    test.advance(2).await;
    assert_eq!(test.outcome(KEY).await, "ok");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(test.outcome(KEY).await, "inactive_credential");
}

/// Rule 173.
#[tokio::test(start_paused = true)]
async fn pause_that_the_issuer_requests_is_honored() {
    for header in ["retry-after", "ratelimit-reset"] {
        let test = Scripted::new();
        test.issuer.add_key(KEY, "org_a");
        test.issuer.set_reply(Reply::Header(429, header, "30"));
        let Err(Rejection::IntrospectionUnavailable { retry_after }) = test.verify(KEY).await
        else {
            panic!("{header}");
        };
        assert_eq!(retry_after, Duration::from_secs(30));
        test.issuer.set_reply(Reply::Regular);
        test.advance(29).await;
        assert_eq!(test.outcome(KEY).await, UNAVAILABLE);
        assert_eq!(test.issuer.requests(), 1);
        test.advance(2).await;
        assert_eq!(test.outcome(KEY).await, "ok");
    }
}

/// A failing issuer gets one request in a second about a known key whose response is too old.
#[tokio::test(start_paused = true)]
async fn known_key_does_not_flood_a_failing_issuer() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    assert_eq!(test.outcome(KEY).await, "ok");
    test.advance(3_600).await;
    test.issuer.set_reply(Reply::Fail);
    for _ in 0..1_000 {
        assert_eq!(test.outcome(KEY).await, UNAVAILABLE);
    }
    assert_eq!(test.issuer.requests(), 2);
}

/// Rule 173.
///
/// The wait of a request is bounded.
#[tokio::test(start_paused = true)]
async fn request_waits_one_second_at_most() {
    let test = Scripted::new();
    test.issuer.set_reply(Reply::Hang);
    let begun = tokio::time::Instant::now();
    assert_eq!(test.outcome(KEY).await, UNAVAILABLE);
    assert!(
        begun.elapsed() <= Duration::from_millis(1_200),
        "{:?}",
        begun.elapsed()
    );
}

/// The claims say until when they are used.
#[tokio::test(start_paused = true)]
async fn claims_expire_with_the_response() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    let claims = test.verify(KEY).await.unwrap();
    assert_eq!(claims.expires_at(), test.clock.unix_seconds() + 60);
}
