//! Independent DPoP clients call an API: npm `oauth4webapi` and npm `dpop`, with tokens of npm
//! `oidc-provider`, which requires nonces at its own endpoints.

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_m2m::{OrgCode, ProofOfPossession, Verifier};

use super::node::Node;
use super::oidc_provider::trusted;
use super::provider::OidcProvider;

/// Starts an API that requires bound tokens, and returns the responses that the clients got.
async fn call_with_both(nonce_key: Option<[u8; 32]>) -> Option<Value> {
    let node = Node::here()?;
    let provider = OidcProvider::start(node).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let issuer = trusted(&provider).proof_of_possession(ProofOfPossession::dpop(&url));
    let mut builder = Verifier::builder([issuer]);
    if let Some(key) = nonce_key {
        builder = builder.dpop_nonce_key(key);
    }
    let verifier = builder.build().unwrap();
    let layer = verifier
        .layer()
        .allow_global()
        .require_proof_of_possession();
    let nested = Router::new().route(
        "/orders",
        get(|org: Option<OrgCode>| async move {
            if org.is_some() {
                "orders"
            } else {
                "all orders"
            }
        }),
    );
    let app = Router::new().nest("/v1", nested.route_layer(layer));
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let wish = json!({
        "issuer": provider.url(), "client_id": "svc-dpop", "client_secret": "secret-of-svc-dpop",
        "api": format!("{url}/v1/orders?page=2"),
    });
    let said = node.run("dpop_clients.mjs", &[wish]).await.remove(0);
    server.abort();
    assert_eq!(said["token_type"], "dpop", "{said}");
    Some(said)
}

fn statuses(attempts: &Value) -> Vec<u64> {
    let attempts = attempts.as_array().unwrap().iter();
    attempts
        .map(|attempt| attempt["status"].as_u64().unwrap_or_default())
        .collect()
}

/// Rules 96–108, 117.
#[tokio::test]
async fn independent_dpop_clients_are_admitted() {
    let Some(said) = call_with_both(None).await else {
        return;
    };
    assert_eq!(statuses(&said["oauth4webapi"]), [200], "{said}");
    assert_eq!(statuses(&said["dpop"]), [200, 401, 401], "{said}");
    assert_eq!(said["dpop"][0]["nonce"], false);
    for rejected in [1, 2] {
        let challenge = said["dpop"][rejected]["challenge"].as_str().unwrap();
        assert!(
            challenge.contains(r#"error="invalid_dpop_proof""#),
            "{challenge}"
        );
    }
}

/// Rules 113, 245.
#[tokio::test]
async fn independent_dpop_clients_understand_nonces() {
    let Some(said) = call_with_both(Some([7; 32])).await else {
        return;
    };
    // The library parses both challenges and finds the error in one of them.
    let challenges = said["oauth4webapi"][0]["challenges"].as_array().unwrap();
    let named = challenges
        .iter()
        .filter(|challenge| challenge["error"] == "use_dpop_nonce");
    assert_eq!((challenges.len(), named.count()), (2, 1), "{said}");
    assert_eq!(said["oauth4webapi"][1]["status"], 200, "{said}");
    assert_eq!(statuses(&said["dpop"]), [401, 200, 401, 401], "{said}");
    assert_eq!(said["dpop"][0]["nonce"], true);
}
