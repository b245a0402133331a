//! The crate protects an API with tokens of `oidc-provider`.

use std::time::Duration;

use serde_json::json;
use tower_m2m::{Issuer, Verifier};

use super::api::Api;
use super::http::until;
use super::node::Node;
use super::provider::OidcProvider;

const AUDIENCE: &str = "https://api.example.test";

pub(crate) fn trusted(provider: &OidcProvider) -> Issuer {
    Verifier::issuer(provider.url()).audience(AUDIENCE)
}

/// Rules 39, 79.
///
/// RS256, ES256 and `Ed25519` by discovery, with the strict mode of RFC 9068.
#[tokio::test]
async fn discovery_works_for_every_algorithm() {
    let Some(node) = Node::here() else { return };
    let provider = OidcProvider::start(node).await;
    for (resource, scopes) in [
        (AUDIENCE, "orders:read orders:write"),
        ("https://es.example.test", "orders:read"),
        ("https://ed.example.test", "orders:read"),
    ] {
        let token = provider
            .token("svc-acme", &format!("resource={resource}&scope={scopes}"))
            .await;
        let facts = json!({
            "client": "svc-acme", "subject": "svc-acme", "org": "org_acme", "scopes": scopes, "audience": [resource],
        });
        let issuer = || Verifier::issuer(provider.url()).audience(resource);
        for issuer in [issuer(), issuer().require_rfc9068()] {
            let api = Api::behind(&issuer.build().unwrap()).await;
            assert_eq!(
                api.get("/me", &token)
                    .await
                    .assert_status(200)
                    .json()
                    .unwrap(),
                facts,
                "{resource}"
            );
            api.get("/orgs/org_acme/orders", &token)
                .await
                .assert_status(200);
        }
    }
}

/// Rules 109, 118.
///
/// A bound token is not a bearer token, even if an honest client sends it.
#[tokio::test]
async fn bound_token_is_rejected_as_bearer_token() {
    let Some(node) = Node::here() else { return };
    let provider = OidcProvider::start(node).await;
    let api = Api::behind(&trusted(&provider).build().unwrap()).await;

    let elsewhere = provider
        .token(
            "svc-acme",
            "resource=https://es.example.test&scope=orders:read",
        )
        .await;
    api.get("/me", &elsewhere)
        .await
        .assert_rejected(401, "invalid_token")
        .assert_does_not_contain(&elsewhere);

    let acme = provider.token("svc-acme", "scope=orders:read").await;
    assert_eq!(
        api.get("/orgs/org_acme/orders", &acme)
            .await
            .assert_status(200)
            .body(),
        b"orders of org_acme"
    );
    api.get("/orgs/org_globex/orders", &acme)
        .await
        .assert_status(403);
    let globex = provider.token("svc-globex", "scope=orders:read").await;
    api.get("/orgs/org_globex/orders", &globex)
        .await
        .assert_status(200);
    api.get("/orgs/org_acme/orders", &globex)
        .await
        .assert_status(403);

    let global = provider.token("svc-global", "scope=orders:read").await;
    api.get("/me", &global).await.assert_status(200);
    api.get("/orgs/org_acme/orders", &global)
        .await
        .assert_status(403);

    let wish = json!({ "issuer": provider.url(), "client_id": "svc-dpop", "client_secret": "secret-of-svc-dpop", "dpop": true });
    let said = node.run("client.mjs", &[wish]).await.remove(0);
    assert_eq!(said["token_type"], "dpop", "{said}");
    let bound = said["access_token"].as_str().unwrap();
    api.get("/me", bound)
        .await
        .assert_rejected(401, "invalid_token")
        .assert_does_not_contain(bound);
}

/// `oidc-provider` omits `scope` if it grants none. That means no scope and not every scope.
#[tokio::test]
async fn absent_scope_claim_grants_no_scope() {
    let Some(node) = Node::here() else { return };
    let provider = OidcProvider::start(node).await;
    let api = Api::behind(&trusted(&provider).build().unwrap()).await;
    for (asked, granted) in [
        ("orders:read", "orders:read"),
        ("orders:write", "orders:write"),
        ("", ""),
    ] {
        let token = provider.token("svc-acme", &format!("scope={asked}")).await;
        assert_eq!(claims(&token).get("scope").is_some(), !granted.is_empty());
        assert_eq!(
            api.get("/me", &token)
                .await
                .assert_status(200)
                .json()
                .unwrap()["scopes"],
            granted
        );
        let answer = api.get("/orgs/org_acme/orders", &token).await;
        if granted == "orders:read" {
            answer.assert_status(200);
        } else {
            answer
                .assert_rejected(403, "insufficient_scope")
                .assert_scope("orders:read");
        }
    }
}

/// Rules 143, 147.
///
/// A new key is accepted at its first token. A removed key is rejected, also for verified tokens.
#[tokio::test]
async fn new_key_is_accepted_and_removed_key_is_rejected() {
    let Some(node) = Node::here() else { return };
    let mut provider = OidcProvider::start(node).await;
    let api = Api::behind(&trusted(&provider).build().unwrap()).await;
    let first = provider.token("svc-acme", "").await;
    api.get("/me", &first).await.assert_status(200);

    provider.rotate().await;
    let second = provider.token("svc-acme", "").await;
    assert_ne!(kid(&second), kid(&first));
    api.get("/me", &second).await.assert_status(200);
    api.get("/me", &first).await.assert_status(200);

    // The first token of the third key causes a fetch of the set without the other two.
    provider.rotate().await;
    provider.retire().await;
    let third = provider.token("svc-acme", "").await;
    api.get("/me", &third).await.assert_status(200);
    for removed in [&first, &second] {
        api.get("/me", removed)
            .await
            .assert_rejected(401, "invalid_token");
    }
}

/// Rule 147.
///
/// A removed key is rejected even if no token names a new key.
#[tokio::test]
async fn scheduled_refresh_drops_removed_key() {
    let Some(node) = Node::here() else { return };
    let mut provider = OidcProvider::start(node).await;
    let verifier = trusted(&provider)
        .keys_time_to_live(Duration::from_secs(1))
        .build()
        .unwrap();
    let api = Api::behind(&verifier).await;
    let token = provider.token("svc-acme", "").await;
    api.get("/me", &token).await.assert_status(200);
    provider.rotate().await;
    provider.retire().await;
    until("the removed key is forgotten", async || {
        api.get("/me", &token).await.status() == 401
    })
    .await;
    api.get("/me", &token)
        .await
        .assert_rejected(401, "invalid_token");
}

/// Rules 21, 141, 142.
///
/// If there are no keys, the status is 503. Available keys are still used. No restart is needed.
#[tokio::test]
async fn service_survives_outages_and_recovers() {
    let Some(node) = Node::here() else { return };
    let mut provider = OidcProvider::start(node).await;
    let before = provider.token("svc-acme", "").await;
    provider.crash().await;
    let issuer = trusted(&provider)
        .keys_time_to_live(Duration::from_secs(1))
        .unknown_kid_cooldown(Duration::from_secs(1));
    let verifier = Verifier::builder([issuer])
        .without_token_cache()
        .build()
        .unwrap();
    let api = Api::behind(&verifier).await;

    let answer = api.get("/me", &before).await;
    answer.assert_status(503);
    assert!(
        answer.headers().contains_key("retry-after")
            && !answer.headers().contains_key("www-authenticate")
    );
    assert!(!verifier.is_ready());

    provider.start_again().await;
    let token = provider.token("svc-acme", "").await;
    until("the API heals", async || {
        api.get("/me", &token).await.status() == 200
    })
    .await;
    api.get("/me", &before)
        .await
        .assert_rejected(401, "invalid_token");

    provider.crash().await;
    until("the keys are stale", async || {
        verifier.status().iter().all(|issuer| issuer.is_stale)
    })
    .await;
    api.get("/me", &token).await.assert_status(200);

    provider.start_again().await;
    let after = provider.token("svc-acme", "").await;
    until("the new keys arrive", async || {
        api.get("/me", &after).await.status() == 200
    })
    .await;
    api.get("/me", &token)
        .await
        .assert_rejected(401, "invalid_token");
}

fn kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

fn claims(token: &str) -> serde_json::Value {
    part(token, 1)
}

/// Returns a part of a token, unverified.
fn part(token: &str, index: usize) -> serde_json::Value {
    use base64::Engine as _;
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part)
            .unwrap(),
    )
    .unwrap()
}
