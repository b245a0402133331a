//! Uses each part of the test utilities with the unchanged API.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use testing_your_api::app;
use tower::ServiceExt as _;
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::testing::{App, Endpoint, Fault, LocalIssuer, forged};
use tower_m2m::{Clock, Issuer, Profile, Rejection, Verifier};

const INVOICES_OF_A: &str = "/orgs/org_a/invoices";

/// Creates an issuer without a socket and gives its keys to the verifier. This is the fastest way
/// for tests of tokens.
fn in_process() -> (LocalIssuer, Router) {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = trusting(&issuer).jwk_set(issuer.jwks()).build().unwrap();
    (issuer, app(&verifier))
}

/// Configures the issuer as in production, except for its URL: Kinde's shape of tokens, and keys by
/// discovery.
fn trusting(issuer: &LocalIssuer) -> Issuer {
    Verifier::issuer(issuer.url())
        .audience(issuer.audience())
        .profile(Profile::KINDE)
}

/// Sends one request. `authorization` is the value of the header. If it is empty, the header is
/// omitted.
async fn call(app: &Router, method: &str, path: &str, authorization: &str) -> TestResponse {
    let request = Request::builder().method(method).uri(path);
    let request = if authorization.is_empty() {
        request
    } else {
        request.header(header::AUTHORIZATION, authorization)
    };
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    TestResponse::read(response).await.unwrap()
}

#[tokio::test]
async fn token_is_minted_in_one_line() {
    let (issuer, app) = in_process();
    let reader = issuer.org("org_a").scopes(["read:invoices"]).bearer();
    let answer = call(&app, "GET", INVOICES_OF_A, &reader).await;
    assert_eq!(answer.assert_status(200).body(), b"invoices of org_a");

    let answer = call(&app, "POST", INVOICES_OF_A, &reader).await;
    answer
        .assert_rejected(403, "insufficient_scope")
        .assert_scope("write:invoices");
    assert_eq!(
        answer.assert_problem()["title"],
        "The access token lacks a scope"
    );

    call(&app, "GET", INVOICES_OF_A, "")
        .await
        .assert_challenged();
    call(&app, "GET", "/healthz", "").await.assert_status(200);
    call(&app, "GET", "/whoami", &issuer.global().bearer())
        .await
        .assert_status(200);
}

#[tokio::test]
async fn client_cannot_read_invoices_of_another_organization() {
    let (issuer, app) = in_process();
    let stranger = issuer
        .org("org_b")
        .scopes(["read:invoices", "write:invoices"])
        .bearer();
    let global = issuer
        .global()
        .scopes(["read:invoices", "write:invoices"])
        .bearer();
    for authorization in [stranger, global] {
        for method in ["GET", "POST"] {
            call(&app, method, INVOICES_OF_A, &authorization)
                .await
                .assert_status(403);
        }
    }
}

/// Sends over a hundred forgeries of a valid token to each route. The report names those with a
/// wrong response.
#[tokio::test]
async fn api_rejects_every_forged_token() {
    let (issuer, app) = in_process();
    let good = issuer
        .org("org_a")
        .scopes(["read:invoices", "write:invoices"]);
    for (method, path) in [
        ("GET", INVOICES_OF_A),
        ("POST", INVOICES_OF_A),
        ("GET", "/whoami"),
    ] {
        let report = forged::attack(&good, async |authorization| {
            call(&app, method, path, &authorization).await
        })
        .await;
        report.assert_all_rejected();
    }
}

/// The test moves the time: a token expires without a wait, even if it is cached.
#[tokio::test]
async fn token_expires_on_manual_clock() {
    let clock = Clock::manual(1_750_000_000);
    let issuer = LocalIssuer::builder()
        .clock(clock.clone())
        .in_process("https://acme.kinde.com")
        .unwrap();
    let verifier = Verifier::builder([trusting(&issuer).jwk_set(issuer.jwks())])
        .clock(clock.clone())
        .build()
        .unwrap();
    let app = app(&verifier);
    let token = issuer
        .org("org_a")
        .scopes(["read:invoices"])
        .expires_in(Duration::from_secs(600))
        .bearer();
    call(&app, "GET", INVOICES_OF_A, &token)
        .await
        .assert_status(200);

    // The last second of the verifier's leeway of 30 s, and the next one.
    clock.advance(Duration::from_secs(600 + 29));
    call(&app, "GET", INVOICES_OF_A, &token)
        .await
        .assert_status(200);
    clock.advance(Duration::from_secs(1));
    call(&app, "GET", INVOICES_OF_A, &token)
        .await
        .assert_rejected(401, "invalid_token");
}

/// Uses a real server with discovery, keys and a token endpoint, like a real client.
#[tokio::test]
async fn client_gets_token_over_http() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.add_app(
        App::org("svc-a", "s3cret", "org_a")
            .audience(issuer.audience())
            .scopes(["read:invoices"]),
    );
    let app = app(&trusting(&issuer).build().unwrap());

    let form = [
        ("grant_type", "client_credentials"),
        ("audience", issuer.audience()),
    ];
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(issuer.token_endpoint())
        .basic_auth("svc-a", Some("s3cret"))
        .form(&form);
    let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    let token = answer["access_token"].as_str().unwrap();
    call(&app, "GET", INVOICES_OF_A, &format!("Bearer {token}"))
        .await
        .assert_status(200);
    call(
        &app,
        "GET",
        "/orgs/org_b/invoices",
        &format!("Bearer {token}"),
    )
    .await
    .assert_status(403);
}

/// The first token with a new key is accepted. After the old key is withdrawn, its tokens are
/// rejected.
#[tokio::test]
async fn api_follows_key_rotation() {
    let issuer = LocalIssuer::start().await.unwrap();
    let app = app(&trusting(&issuer).build().unwrap());
    let token = || issuer.org("org_a").scopes(["read:invoices"]).bearer();
    let before = token();
    call(&app, "GET", INVOICES_OF_A, &before)
        .await
        .assert_status(200);

    let old = issuer.signing_key();
    issuer.rotate_key().unwrap();
    issuer.remove_key(old.kid()).unwrap();
    call(&app, "GET", INVOICES_OF_A, &token())
        .await
        .assert_status(200);
    assert_eq!(issuer.hits(Endpoint::Jwks), 2);
    call(&app, "GET", INVOICES_OF_A, &before)
        .await
        .assert_rejected(401, "invalid_token");
}

/// While the issuer has faults, the API responds with 503 only if it has no keys. Later faults have
/// no effect.
#[tokio::test]
async fn api_survives_issuer_outage() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.org("org_a").scopes(["read:invoices"]).bearer();
    for fault in [
        Fault::Reset,
        Fault::Html,
        Fault::EmptySet,
        Fault::too_many_requests(60),
    ] {
        issuer.set_fault(Endpoint::Jwks, fault);
        let app = app(&trusting(&issuer).build().unwrap());
        let answer = call(&app, "GET", INVOICES_OF_A, &token).await;
        assert!(
            answer
                .assert_status(503)
                .headers()
                .contains_key(header::RETRY_AFTER)
        );
        // A token that is invalid with every key does not get 503.
        let expired = issuer
            .org("org_a")
            .expired_by(Duration::from_secs(3600))
            .bearer();
        call(&app, "GET", INVOICES_OF_A, &expired)
            .await
            .assert_rejected(401, "invalid_token");
    }

    issuer.set_fault(Endpoint::Jwks, None);
    let app = app(&trusting(&issuer).build().unwrap());
    call(&app, "GET", INVOICES_OF_A, &token)
        .await
        .assert_status(200);
    issuer.go_down().await;
    call(&app, "GET", INVOICES_OF_A, &token)
        .await
        .assert_status(200);
}

/// The response's extensions contain the full reason, for the logs and metrics of the API.
#[tokio::test]
async fn response_extensions_contain_the_rejection() {
    let (issuer, app) = in_process();
    let forgery = forged::wrong_audience(&issuer.org("org_a"));
    let request =
        Request::get(INVOICES_OF_A).header(header::AUTHORIZATION, forgery.authorization());
    let response = app
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(
        response.extensions().get().map(Rejection::code),
        Some("invalid_audience")
    );
}
