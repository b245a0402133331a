//! The crate protects an API with opaque access tokens of `oidc-provider`: introspection (RFC 7662)
//! and revocation (RFC 7009) over HTTP.

use std::time::Duration;

use serde_json::json;
use tower_m2m::{Introspection, Verifier};

use super::api::Api;
use super::http::until;
use super::node::Node;
use super::provider::OidcProvider;

const AUDIENCE: &str = "https://opaque.example.test";
/// Characters that a form encodes (RFC 6749 §2.3.1).
const SECRET: &str = "secret of the api: 100% & +";

fn verifier(provider: &OidcProvider, introspection: Introspection) -> Verifier {
    let issuer = Verifier::issuer(provider.url()).audience(AUDIENCE);
    issuer
        .introspection(introspection.timeout(Duration::from_secs(30)))
        .build()
        .unwrap()
}

fn basic() -> Introspection {
    Introspection::from_metadata().client_credentials("api", SECRET)
}

/// Rules 164–167.
#[tokio::test]
async fn opaque_token_is_accepted_with_both_client_authentications() {
    let Some(node) = Node::here() else { return };
    let provider = OidcProvider::start(node).await;
    let token = provider.opaque_token("svc-acme").await;
    assert!(!token.contains('.') && token.len() == 43);
    let endpoint = format!("{}/token/introspection", provider.url());
    for introspection in [
        basic(),
        Introspection::from_metadata().client_credentials_in_body("api-post", SECRET),
        Introspection::endpoint(endpoint).client_credentials("api", SECRET),
    ] {
        let verifier = verifier(&provider, introspection);
        let api = Api::behind(&verifier).await;
        let facts = api.get("/me", &token).await.assert_status(200).json();
        let expected = json!({
            "client": "svc-acme", "subject": null, "org": "org_acme", "scopes": "orders:read", "audience": [AUDIENCE],
        });
        assert_eq!(facts.unwrap(), expected);
        api.get("/orgs/org_acme/orders", &token)
            .await
            .assert_status(200);
        api.get("/orgs/org_globex/orders", &token)
            .await
            .assert_status(403);
        assert_eq!(verifier.introspection_status()[0].requests, 1);
    }
}

/// Rules 166, 170, 172: the token is used for the fresh time, and not longer.
#[tokio::test]
async fn revoked_token_is_rejected_after_the_fresh_time() {
    let Some(node) = Node::here() else { return };
    let provider = OidcProvider::start(node).await;
    let introspection = basic().time_to_live(Duration::from_secs(1));
    let api = Api::behind(&verifier(&provider, introspection)).await;
    let (token, other) = (
        provider.opaque_token("svc-acme").await,
        provider.opaque_token("svc-acme").await,
    );
    api.get("/me", &token).await.assert_status(200);
    provider.revoke("svc-acme", &token).await;
    until("the revoked token is rejected", async || {
        api.get("/me", &token).await.status() == 401
    })
    .await;
    api.get("/me", &token)
        .await
        .assert_rejected(401, "invalid_token")
        .assert_does_not_contain(&token);
    api.get("/me", &other).await.assert_status(200);
    provider.revoke("svc-acme", &other).await;
}

/// Rules 161, 167, 168.
#[tokio::test]
async fn tokens_that_are_no_opaque_access_tokens_are_rejected() {
    let Some(node) = Node::here() else { return };
    let mut provider = OidcProvider::start(node).await;
    let verifier = verifier(&provider, basic());
    let api = Api::behind(&verifier).await;

    let invented = "0".repeat(43);
    let refresh = provider.refresh_token().await;
    let wish = json!({
        "issuer": provider.url(), "client_id": "svc-dpop", "client_secret": "secret-of-svc-dpop", "dpop": true,
        "parameters": { "resource": AUDIENCE },
    });
    let said = node.run("client.mjs", &[wish]).await.remove(0);
    let bound = said["access_token"].as_str().unwrap().to_owned();
    assert!(!bound.contains('.'), "{said}");
    let requests = || verifier.introspection_status()[0].requests;
    for (number, token) in [invented, refresh, bound].iter().enumerate() {
        api.get("/me", token)
            .await
            .assert_rejected(401, "invalid_token")
            .assert_does_not_contain(token);
        assert_eq!(requests(), u64::try_from(number).unwrap() + 1);
    }
    // The JWT of another API causes no introspection request.
    let jwt = provider.token("svc-acme", "scope=orders:read").await;
    api.get("/me", &jwt)
        .await
        .assert_rejected(401, "invalid_token");
    assert_eq!(requests(), 3);
}

/// Rule 173: an outage and wrong credentials of the API are 503, never 401.
#[tokio::test]
async fn outage_of_the_issuer_is_not_the_fault_of_the_token() {
    let Some(node) = Node::here() else { return };
    let mut provider = OidcProvider::start(node).await;
    let introspection = basic().time_to_live(Duration::from_secs(1));
    let wrong = Introspection::from_metadata().client_credentials("api", "wrong");
    let known = provider.opaque_token("svc-acme").await;
    let unknown = provider.opaque_token("svc-acme").await;

    let rejected = Api::behind(&verifier(&provider, wrong)).await;
    rejected.get("/me", &known).await.assert_status(503);

    let trusted = verifier(&provider, introspection);
    let api = Api::behind(&trusted).await;
    api.get("/me", &known).await.assert_status(200);
    provider.crash().await;
    let answer = api.get("/me", &unknown).await;
    answer.assert_status(503);
    assert!(answer.headers().contains_key("retry-after"));
    // The response becomes stale and is still used.
    until("the stale response is used", async || {
        api.get("/me", &known).await.assert_status(200);
        trusted.introspection_status()[0].stale_uses > 0
    })
    .await;
}
