//! `KindeCallerCheck`: caching, one query per organization, outages, and invalidation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tower_m2m::testing::LocalIssuer;
use tower_m2m::{Caller, CallerStatus, EventReceiver, KindeCallerCheck, Verifier};

use super::fake_kinde::{FakeKinde, Scenario, UNAVAILABLE, advance};
use super::support::hook;

/// Rule 227.
/// A suspended organization gets 403, others are admitted.
#[tokio::test(start_paused = true)]
async fn suspended_organization_is_rejected() {
    let test = Scenario::new();
    assert_eq!(test.call("org_a").await, "ok");
    test.kinde.suspend(true);
    assert_eq!(test.call("org_b").await, "suspended");
    // Cached for org_a.
    assert_eq!(test.call("org_a").await, "ok");
    // A global client has no organization.
    assert_eq!(test.verify(&test.issuer.global().token()).await, "ok");
    assert_eq!(
        (
            test.kinde.queries(),
            test.kinde.tokens.load(Ordering::Relaxed)
        ),
        (2, 1)
    );
}

/// Rule 227.
/// Fresh for 60 s, refreshed in the background before.
#[tokio::test(start_paused = true)]
async fn result_is_fresh_for_60_seconds() {
    let test = Scenario::new();
    assert_eq!(test.call("org_a").await, "ok");
    test.kinde.suspend(true);
    advance(47.9).await;
    assert_eq!((test.call("org_a").await, test.kinde.queries()), ("ok", 1));
    advance(0.2).await;
    assert_eq!(test.call("org_a").await, "ok");
    advance(0.0).await;
    assert_eq!(test.kinde.queries(), 2);
    assert_eq!(test.call("org_a").await, "suspended");
    test.kinde.suspend(false);
    advance(60.0).await;
    assert_eq!(test.call("org_a").await, "ok");
}

/// Rule 227.
/// A stale result is used while Kinde fails, up to the limit. Then 503.
#[tokio::test(start_paused = true)]
async fn stale_result_is_used_up_to_the_limit() {
    let test = Scenario::new();
    test.kinde.suspend(true);
    assert_eq!(test.call("org_a").await, "suspended");
    test.kinde.fail(500);
    advance(61.0).await;
    assert_eq!(test.call("org_a").await, "suspended");
    advance(298.0).await;
    assert_eq!(test.call("org_a").await, "suspended");
    advance(2.0).await;
    assert_eq!(test.call("org_a").await, UNAVAILABLE);
    test.kinde.suspend(false);
    advance(1.0).await;
    assert_eq!(test.call("org_a").await, "ok");
}

/// Rule 227.
/// Without a result, every failure is 503.
#[tokio::test(start_paused = true)]
async fn every_failure_without_a_result_is_503() {
    for status in [204, 301, 400, 401, 403, 404, 429, 500, 503] {
        let test = Scenario::new();
        test.kinde.fail(status);
        assert_eq!(test.call("org_a").await, UNAVAILABLE, "{status}");
    }
    for body in [
        "",
        "[]",
        "{}",
        r#"{"code":"org_a"}"#,
        r#"{"code":"org_a","is_suspended":null}"#,
        r#"{"code":"org_a","is_suspended":"false"}"#,
        r#"{"code":"org_a","is_suspended":0}"#,
        r#"{"code":"org_b","is_suspended":false}"#,
        r#"{"code":null,"is_suspended":false}"#,
        r#"{"code":"org_a","is_suspended":true,"is_suspended":false}"#,
    ] {
        let test = Scenario::new();
        test.kinde.set(|reply| reply.body = Some(body.to_owned()));
        assert_eq!(test.call("org_a").await, UNAVAILABLE, "{body}");
    }
    let test = Scenario::new();
    test.kinde
        .set(|reply| reply.delay = Duration::from_secs(3600));
    assert_eq!(test.call("org_a").await, UNAVAILABLE);
}

/// Rule 227.
/// One request at a time per organization, and 64 at most.
#[tokio::test(start_paused = true)]
async fn queries_are_shared_and_bounded() {
    let test = Arc::new(Scenario::new());
    test.kinde
        .set(|reply| reply.delay = Duration::from_millis(300));
    let call = |org: String| {
        let test = Arc::clone(&test);
        tokio::spawn(async move { test.call(&org).await })
    };
    let same: Vec<_> = (0..20).map(|_| call("org_a".into())).collect();
    for call in same {
        assert_eq!(call.await.unwrap(), "ok");
    }
    assert_eq!(test.kinde.queries(), 1);
    let many: Vec<_> = (0..100)
        .map(|number| call(format!("org_{number}")))
        .collect();
    let mut admitted = 0;
    for call in many {
        admitted += usize::from(call.await.unwrap() == "ok");
    }
    assert_eq!((admitted, test.kinde.queries()), (64, 65));
}

/// A rate limit stops queries for as long as Kinde says.
#[tokio::test(start_paused = true)]
async fn retry_after_pauses_all_queries() {
    let test = Scenario::new();
    test.kinde.fail(429);
    test.kinde.set(|reply| reply.retry_after = Some(30));
    assert_eq!(test.call("org_a").await, UNAVAILABLE);
    test.kinde.suspend(false);
    advance(29.0).await;
    assert_eq!(test.call("org_b").await, UNAVAILABLE);
    assert_eq!(test.kinde.queries(), 1);
    advance(1.0).await;
    assert_eq!(test.call("org_b").await, "ok");
}

/// A query that was in flight when Kinde required a pause does not shorten the pause.
#[tokio::test(start_paused = true)]
async fn later_failure_does_not_shorten_a_pause() {
    for (status, retry_after) in [(429, None), (401, None), (503, Some(2))] {
        let test = Scenario::new();
        test.kinde.fail(429);
        test.kinde.set(|reply| {
            reply.delay = Duration::from_millis(100);
            reply.retry_after = Some(30);
        });
        let second = async {
            advance(0.0).await;
            assert_eq!(test.kinde.queries(), 1);
            test.kinde.fail(status);
            test.kinde.set(|reply| {
                reply.delay = Duration::from_millis(200);
                reply.retry_after = retry_after;
            });
            test.call("org_b").await
        };
        let both = tokio::join!(test.call("org_a"), second);
        assert_eq!(both, (UNAVAILABLE, UNAVAILABLE), "{status}");
        test.kinde.suspend(false);
        test.kinde.set(|reply| reply.delay = Duration::ZERO);
        advance(29.0).await;
        assert_eq!(test.call("org_c").await, UNAVAILABLE, "{status}");
        assert_eq!(test.kinde.queries(), 2, "{status}");
        advance(1.0).await;
        assert_eq!(test.call("org_c").await, "ok", "{status}");
    }
}

/// Rule 225.
/// `organization.updated` makes the check query again. A query that began before is
/// repeated.
#[tokio::test(start_paused = true)]
async fn webhook_makes_the_check_query_again() {
    let test = Arc::new(Scenario::new());
    let receiver = EventReceiver::kinde_webhooks(&test.verifier, &test.denylist).unwrap();
    let receiver = receiver.invalidates(&test.check);
    let updated = || {
        let data = json!({ "organization": { "code": "org_a" } });
        test.issuer.kinde_webhook("organization.updated", data)
    };
    assert_eq!(test.call("org_a").await, "ok");
    test.kinde.suspend(true);
    assert_eq!(test.call("org_a").await, "ok");
    assert_eq!(hook(&receiver, &updated()).await.status, 200);
    assert_eq!(test.call("org_a").await, "suspended");
    assert_eq!(test.kinde.queries(), 2);
    assert_eq!(receiver.status().applied, 1);

    // The status changes while a query waits for the old one.
    advance(61.0).await;
    test.kinde
        .set(|reply| reply.delay = Duration::from_millis(100));
    let waiting = tokio::spawn({
        let test = Arc::clone(&test);
        async move { test.call("org_a").await }
    });
    advance(0.05).await;
    test.kinde.suspend(false);
    assert_eq!(hook(&receiver, &updated()).await.status, 200);
    assert_eq!(waiting.await.unwrap(), "ok");
    assert_eq!(test.kinde.queries(), 4);
    // An organization that nobody called is not queried.
    let data = json!({ "organization": { "code": "org_z" } });
    hook(
        &receiver,
        &test.issuer.kinde_webhook("organization.updated", data),
    )
    .await;
    advance(1.0).await;
    assert_eq!(test.kinde.queries(), 4);
}

/// `and` adds a check, which runs for active callers only.
#[tokio::test(start_paused = true)]
async fn second_check_runs_for_active_callers() {
    let test = Scenario::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let own = move |caller: Caller| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move {
            Ok(if caller.client_id() == "retired" {
                CallerStatus::ClientNotAllowed
            } else {
                CallerStatus::Active
            })
        }
    };
    let send = test.kinde.clone();
    let check = KindeCallerCheck::client_credentials("id", "secret")
        .send_with(move |request| send.clone().send(request));
    let trusted = Verifier::kinde("acme").audience(test.issuer.audience());
    let verifier = Verifier::builder([trusted.jwk_set(test.issuer.jwks())])
        .check_caller(check.and(own))
        .build()
        .unwrap();
    let token = test.issuer.org("org_a");
    assert!(verifier.verify(&token.token()).await.is_ok());
    let retired = verifier.verify(&token.client("retired").token()).await;
    assert_eq!(retired.unwrap_err().code(), "client_not_allowed");
    test.kinde.suspend(true);
    let suspended = verifier.verify(&test.issuer.org("org_b").token()).await;
    assert_eq!(suspended.unwrap_err().code(), "suspended");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

/// The check needs one Kinde issuer. Callers of other issuers are active.
#[tokio::test(start_paused = true)]
async fn check_belongs_to_one_kinde_issuer() {
    let other = LocalIssuer::in_process("https://idp.example").unwrap();
    let trusted = |name: &str| Verifier::kinde(name).audience("https://api.example.com");
    let partner = || {
        Verifier::issuer(other.url())
            .audience(other.audience())
            .jwk_set(other.jwks())
    };
    let check = || KindeCallerCheck::client_credentials("id", "secret");
    let error = |issuers: Vec<tower_m2m::Issuer>, check: KindeCallerCheck| {
        let error = Verifier::builder(issuers)
            .check_caller(check)
            .build()
            .unwrap_err();
        assert_eq!(error.setting(), "check_caller");
        error.problem().to_owned()
    };
    assert!(error(vec![partner()], check()).contains("needs a listed issuer"));
    let two = || vec![trusted("acme"), trusted("beta")];
    assert!(error(two(), check()).contains("KindeCallerCheck::issuer"));
    assert!(error(two(), check().issuer("https://gamma.kinde.com")).contains("not listed"));
    Verifier::builder(two())
        .check_caller(check().issuer("https://beta.kinde.com"))
        .build()
        .unwrap();
    for invalid in [
        check().time_to_live(Duration::from_millis(999)),
        check().time_to_live(Duration::from_secs(61)),
        check().max_stale(Duration::from_secs(86_401)),
        check().timeout(Duration::ZERO),
        check().timeout(Duration::from_secs(61)),
    ] {
        assert!(error(vec![trusted("acme")], invalid).contains("time_to_live"));
    }
    let custom = || {
        let issuer = Verifier::issuer("https://login.acme.com").audience("https://api.example.com");
        issuer.profile(tower_m2m::Profile::KINDE)
    };
    assert!(error(vec![custom()], check()).contains("kinde_domain"));
    Verifier::builder([custom()])
        .check_caller(check().kinde_domain("acme"))
        .build()
        .unwrap();

    let kinde = FakeKinde::default();
    kinde.fail(500);
    let check = check().send_with(move |request| kinde.clone().send(request));
    let verifier = Verifier::builder([trusted("acme"), partner()])
        .start_lazily()
        .check_caller(check.clone())
        .build()
        .unwrap();
    assert!(verifier.verify(&other.org("org_a").token()).await.is_ok());
    // One check for verifiers of different issuers would query the wrong business.
    assert!(error(vec![trusted("beta")], check).contains("different issuers"));
}

/// Rule 227.
/// If Kinde fails after `organization.updated`, a known suspension stays. An admission does not.
#[tokio::test(start_paused = true)]
async fn changed_organization_stays_suspended_while_kinde_fails() {
    for (suspended, before, after) in [(true, "suspended", "suspended"), (false, "ok", UNAVAILABLE)]
    {
        let test = Scenario::new();
        test.kinde.suspend(suspended);
        assert_eq!(test.call("org_a").await, before);
        let receiver = EventReceiver::kinde_webhooks(&test.verifier, &test.denylist).unwrap();
        let receiver = receiver.invalidates(&test.check);
        test.kinde.fail(500);
        let organization = json!({ "organization": { "code": "org_a" } });
        let updated = test
            .issuer
            .kinde_webhook("organization.updated", organization);
        assert_eq!(hook(&receiver, &updated).await.status, 200);
        advance(0.0).await;
        assert_eq!((test.call("org_a").await, test.kinde.queries()), (after, 2));
        test.kinde.suspend(false);
        advance(1.1).await;
        assert_eq!(test.call("org_a").await, "ok");
    }
}
