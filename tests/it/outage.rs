//! The issuer fails and recovers: real sockets, no sleeping.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tower_m2m::testing::{AUDIENCE, Endpoint, Fault, LocalIssuer};
use tower_m2m::{Issuer, OrgCode, Verifier};

use crate::support::{Api, assert_says};

fn trusted(issuer: &LocalIssuer) -> Issuer {
    Verifier::kinde(issuer.url())
        .audience(AUDIENCE)
        .unknown_kid_cooldown(Duration::from_millis(50))
        .fetch_timeout(Duration::from_secs(1))
}

async fn api(verifier: &Verifier) -> Api {
    let protected = Router::new()
        .route("/", get(|org: OrgCode| async move { org.to_string() }))
        .route_layer(verifier.layer());
    Api::serve(protected.route("/healthz", get(|| async { "ok" }))).await
}

/// Rules 22, 141, 142.
///
/// The service starts, reports the outage, verifies the tokens that it can, and recovers by itself.
#[tokio::test]
async fn service_starts_without_issuer_and_recovers() {
    let issuer = LocalIssuer::start().await.unwrap();
    let good = issuer.org("org_a");
    issuer.go_down().await;
    let verifier = trusted(&issuer).build().unwrap();
    let api = api(&verifier).await;

    assert_says(&api.get_bare("/healthz").await, "ok");
    assert!(!verifier.is_ready());
    let unavailable = api.get("/", &good).await;
    let retry_after = unavailable.assert_status(503).headers()["retry-after"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        (1..=10).contains(&retry_after.parse::<u64>().unwrap()),
        "{retry_after}"
    );
    assert!(unavailable.challenge().is_err());
    unavailable.assert_problem();
    unavailable.assert_does_not_contain(&good.token());
    for (name, token, error) in [
        (
            "expired",
            good.clone().expired_by(Duration::from_secs(3_600)),
            "invalid_token",
        ),
        (
            "another audience",
            good.clone().audience("https://other.example.com"),
            "invalid_token",
        ),
        (
            "another issuer",
            good.clone().claim("iss", "https://evil.example"),
            "invalid_token",
        ),
        (
            "no such algorithm",
            good.clone().header("alg", "HS256"),
            "invalid_token",
        ),
        ("a user's", good.clone().without("gty"), "invalid_token"),
        (
            "another type",
            good.clone().header("typ", "logout+jwt"),
            "invalid_token",
        ),
        (
            "malformed organization",
            good.clone().claim("org_code", ""),
            "invalid_token",
        ),
        (
            "malformed scopes",
            good.clone().claim("scope", "a\tb"),
            "invalid_token",
        ),
    ] {
        let answer = api.get("/", &token).await;
        assert_eq!(answer.status(), 401, "{name}");
        answer.assert_rejected(401, error);
    }
    api.send("GET", "/", &[("authorization", "Bearer garbage")])
        .await
        .assert_rejected(401, "invalid_token");
    api.send("GET", "/", &[("authorization", "Bearer")])
        .await
        .assert_rejected(400, "invalid_request");
    api.get_bare("/").await.assert_challenged();
    assert!(verifier.status()[0].last_error.is_some());

    issuer.come_back().await.unwrap();
    issuer.wait_for_hits(Endpoint::Jwks, 1).await;
    heals(api, &good).await;
    assert!(verifier.is_ready());
}

/// A request waits for the first key set no longer than the configured time, so a few attempts
/// suffice.
async fn heals(api: Api, token: &tower_m2m::testing::TokenBuilder) {
    for _ in 0..10 {
        if api.get("/", token).await.status() == 200 {
            return;
        }
    }
    panic!("it does not heal");
}

/// If an issuer accepts the connection and does not respond, a request waits only for the
/// configured time.
#[tokio::test]
async fn service_recovers_after_hanging_or_garbage_responses() {
    for fault in [
        Fault::Hang,
        Fault::Garbage,
        Fault::Html,
        Fault::EmptySet,
        Fault::Reset,
        Fault::Oversized(1_100 * 1024),
    ] {
        let issuer = LocalIssuer::start().await.unwrap();
        issuer.set_fault(Endpoint::Jwks, fault.clone());
        let verifier = trusted(&issuer)
            .initial_keys_timeout(Duration::ZERO)
            .fetch_timeout(Duration::from_millis(200))
            .build()
            .unwrap();
        let api = api(&verifier).await;
        let good = issuer.org("org_a");
        issuer.wait_for_hits(Endpoint::Jwks, 1).await;
        api.get("/", &good).await.assert_status(503);
        issuer.set_fault(Endpoint::Jwks, None);
        issuer.wait_for_hits(Endpoint::Jwks, 2).await;
        let healed = tokio::time::timeout(Duration::from_secs(5), async {
            while !verifier.is_ready() {
                tokio::task::yield_now().await;
            }
        });
        healed.await.unwrap_or_else(|_| panic!("{fault:?}"));
        assert_says(&api.get("/", &good).await, "org_a");
    }
}

/// Rule 141.
///
/// Available keys are still used during every kind of outage.
#[tokio::test]
async fn available_keys_are_used_while_issuer_is_down() {
    let issuer = LocalIssuer::start().await.unwrap();
    let verifier = Verifier::builder([trusted(&issuer)])
        .without_token_cache()
        .build_ready()
        .await
        .unwrap();
    let api = api(&verifier).await;
    assert_says(&api.get("/", &issuer.org("org_a")).await, "org_a");
    issuer.go_down().await;
    assert_says(&api.get("/", &issuer.org("org_b")).await, "org_b");
    // A forged token of a key that is available gets 401 then, and not 503.
    let forged = issuer.org("org_a").token();
    let forged = format!("Bearer {}AAAA", &forged[..forged.len() - 4]);
    api.send("GET", "/", &[("authorization", &forged)])
        .await
        .assert_rejected(401, "invalid_token");
    // No fetch can decide whether this key exists.
    let response = api
        .get("/", &issuer.org("org_a").header("kid", "unknown"))
        .await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
}
