//! `KindeCallerCheck`: the pauses of its queries after failures.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tower_m2m::{EventReceiver, Verifier};

use super::fake_kinde::{Scenario, UNAVAILABLE, advance};
use super::support::{hook, verify};

/// Rule 227.
/// A failure about one organization pauses no query about another one, also if Kinde says for how
/// long. One that concerns the client pauses all.
#[tokio::test(start_paused = true)]
async fn failure_pauses_the_organizations_that_it_concerns() {
    let unknown: Option<&[&str]> = Some(&["org_unknown"]);
    for (status, retry_after, other) in [
        (400, None::<u32>, "ok"),
        (403, None, "ok"),
        (404, None, "ok"),
        (404, Some(30), "ok"),
        (403, Some(30), "ok"),
        (500, None, "ok"),
        (401, None, UNAVAILABLE),
        (429, None, UNAVAILABLE),
        (503, Some(2), UNAVAILABLE),
    ] {
        let test = Scenario::new();
        test.kinde.fail(status);
        test.kinde.set(|reply| {
            reply.only = unknown;
            reply.retry_after = retry_after.map(u64::from);
        });
        assert_eq!(test.call("org_unknown").await, UNAVAILABLE, "{status}");
        assert_eq!(test.call("org_a").await, other, "{status}");
        // The organization itself is paused.
        let queries = test.kinde.queries();
        assert_eq!(test.call("org_unknown").await, UNAVAILABLE, "{status}");
        assert_eq!(test.kinde.queries(), queries, "{status}");
        advance(f64::from(retry_after.unwrap_or(1)) - 0.1).await;
        assert_eq!(test.call("org_unknown").await, UNAVAILABLE, "{status}");
        assert_eq!(test.kinde.queries(), queries, "{status}");
        advance(0.1).await;
        assert_eq!(test.call("org_unknown").await, UNAVAILABLE, "{status}");
        assert_eq!(test.kinde.queries(), queries + 1, "{status}");
    }
}

/// Organizations that Kinde does not know cost no access tokens and pause no query about others.
/// If Kinde denies access to several in a row, it rejects the client.
#[tokio::test(start_paused = true)]
async fn forbidden_organizations_in_a_row_pause_all_queries() {
    let test = Scenario::new();
    test.kinde.fail(403);
    test.kinde
        .set(|reply| reply.only = Some(&["org_1", "org_2", "org_3"]));
    let tokens = || test.kinde.tokens.load(Ordering::Relaxed);
    for seconds in [0.0, 1.0, 1.0, 1.0] {
        advance(seconds).await;
        assert_eq!(test.call("org_1").await, UNAVAILABLE);
        assert_eq!(test.call("org_2").await, UNAVAILABLE);
    }
    assert_eq!((test.kinde.queries(), tokens()), (8, 1));
    // A success between them.
    assert_eq!(test.call("org_a").await, "ok");
    assert_eq!(test.call("org_3").await, UNAVAILABLE);
    assert_eq!(test.call("org_b").await, "ok");
    // Three in a row.
    advance(1.0).await;
    for org in ["org_1", "org_2", "org_3", "org_c"] {
        assert_eq!(test.call(org).await, UNAVAILABLE);
    }
    assert_eq!(test.kinde.queries(), 14);
    advance(1.0).await;
    assert_eq!(test.call("org_c").await, "ok");
    // An older access token is replaced, because Kinde may have rejected it.
    advance(60.0).await;
    assert_eq!(test.call("org_1").await, UNAVAILABLE);
    assert_eq!(tokens(), 1);
    assert_eq!(test.call("org_d").await, "ok");
    assert_eq!(tokens(), 2);
}

/// A token endpoint that fails pauses all queries. The queries that waited for the token do not
/// try again, each for itself.
#[tokio::test(start_paused = true)]
async fn failed_token_endpoint_pauses_all_queries() {
    for status in [400, 401, 500, 429] {
        let test = Arc::new(Scenario::new());
        test.kinde.set(|reply| {
            reply.token_status = StatusCode::from_u16(status).ok();
            reply.token_delay = Duration::from_millis(100);
        });
        let calls: Vec<_> = (0..20)
            .map(|number| {
                let test = Arc::clone(&test);
                tokio::spawn(async move { test.call(&format!("org_{number}")).await })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), UNAVAILABLE);
        }
        assert_eq!(test.call("org_z").await, UNAVAILABLE);
        let tokens = || test.kinde.tokens.load(Ordering::Relaxed);
        assert_eq!((test.kinde.queries(), tokens()), (0, 1), "{status}");
        test.kinde.set(|reply| reply.token_status = None);
        advance(1.0).await;
        assert_eq!(test.call("org_z").await, "ok");
    }
}

/// A token endpoint that hangs: queries that wait for another one's token end at their own deadline
/// too.
#[tokio::test(start_paused = true)]
async fn wait_for_an_access_token_has_a_deadline() {
    let test = Arc::new(Scenario::new());
    test.kinde
        .set(|reply| reply.token_delay = Duration::from_secs(3600));
    let begun = tokio::time::Instant::now();
    let calls: Vec<_> = (0..5)
        .map(|number| {
            let test = Arc::clone(&test);
            tokio::spawn(async move { test.call(&format!("org_{number}")).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), UNAVAILABLE);
    }
    advance(1.0).await;
    assert_eq!(test.kinde.tokens.load(Ordering::Relaxed), 1);
    assert!(begun.elapsed() < Duration::from_secs(3));
    // All queries have ended, so a new one can begin.
    test.kinde.set(|reply| reply.token_delay = Duration::ZERO);
    advance(1.0).await;
    assert_eq!(test.call("org_0").await, "ok");
}

/// A query that waits for its access token while Kinde pauses all queries is not sent.
#[tokio::test(start_paused = true)]
async fn begun_query_honors_a_pause() {
    let test = Arc::new(Scenario::new());
    test.kinde.set(|reply| {
        reply.status = Some(StatusCode::TOO_MANY_REQUESTS);
        reply.token_delay = Duration::from_millis(100);
    });
    let calls = ["org_a", "org_b", "org_c"].map(|org| {
        let test = Arc::clone(&test);
        tokio::spawn(async move { test.call(org).await })
    });
    for call in calls {
        assert_eq!(call.await.unwrap(), UNAVAILABLE);
    }
    assert_eq!(test.kinde.queries(), 1);
}

/// A query that became outdated is repeated if it succeeded. If it failed, or if all queries were
/// paused meanwhile, the pause comes first.
#[tokio::test(start_paused = true)]
async fn outdated_query_honors_a_pause() {
    for (status, queries) in [(None, 2), (Some(429), 1), (Some(500), 1), (Some(404), 1)] {
        let test = Arc::new(Scenario::new());
        let receiver = EventReceiver::kinde_webhooks(&test.verifier, &test.denylist).unwrap();
        let receiver = receiver.invalidates(&test.check);
        test.kinde.set(|reply| {
            reply.status = status.and_then(|status| StatusCode::from_u16(status).ok());
            reply.delay = Duration::from_millis(100);
        });
        let call = tokio::spawn({
            let test = Arc::clone(&test);
            async move { test.call("org_a").await }
        });
        advance(0.05).await;
        let data = json!({ "organization": { "code": "org_a" } });
        let updated = test.issuer.kinde_webhook("organization.updated", data);
        assert_eq!(hook(&receiver, &updated).await.status, 200);
        let expected = if status.is_none() { "ok" } else { UNAVAILABLE };
        assert_eq!(call.await.unwrap(), expected, "{status:?}");
        assert_eq!(test.kinde.queries(), queries, "{status:?}");
        test.kinde.suspend(false);
        advance(1.0).await;
        assert_eq!(test.call("org_a").await, "ok");
    }
}

/// Two verifiers share a check. A stale result is used within the shorter timeout of both.
#[tokio::test(start_paused = true)]
async fn stale_result_is_used_within_the_shortest_timeout() {
    let test = Scenario::new();
    let trusted = Verifier::kinde("acme").audience(test.issuer.audience());
    let hurried = Verifier::builder([trusted.jwk_set(test.issuer.jwks())])
        .check_caller(test.check.clone())
        .caller_check_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let token = test.issuer.org("org_a").token();
    assert_eq!(verify(&hurried, &token).await, "ok");
    advance(61.0).await;
    test.kinde
        .set(|reply| reply.delay = Duration::from_secs(3600));
    assert_eq!(verify(&hurried, &token).await, "ok");
}
