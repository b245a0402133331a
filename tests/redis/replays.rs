//! Used DPoP proofs in a real Redis.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use tower::ServiceExt as _;
use tower_m2m::testing::{DpopClient, LocalIssuer, check_replay_store};
use tower_m2m::{ProofOfPossession, RedisStore, Rejection, Verifier};

use super::redis_server::RedisServer;

pub(crate) const BASE: &str = "https://api.acme.com";

pub(crate) fn replica(issuer: &LocalIssuer, store: &RedisStore) -> Router {
    let trusted = Verifier::issuer(issuer.url())
        .audience(issuer.audience())
        .jwk_set(issuer.jwks())
        .proof_of_possession(ProofOfPossession::dpop(BASE));
    let builder = Verifier::builder([trusted]).replay_store(store.clone());
    Router::new()
        .route("/invoices", get(|| async { "invoices" }))
        .layer(builder.build().unwrap().layer())
}

pub(crate) async fn send(api: &Router, proof: &str, token: &str) -> (u16, &'static str) {
    let request = Request::get("/invoices")
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", proof)
        .body(Body::empty())
        .unwrap();
    let response = api.clone().oneshot(request).await.unwrap();
    let rejection = response.extensions().get::<Rejection>();
    (
        response.status().as_u16(),
        rejection.map_or("none", Rejection::code),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_satisfies_the_contract_of_replay_stores() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let store = RedisStore::connect(server.url(), "acme:m2m").await.unwrap();
    assert_eq!(check_replay_store(store).await, Ok(()));
    // Each entry expires by itself.
    let keys = server.run(&["--scan", "--pattern", "{acme:m2m}:proof:*"]);
    let key = keys.lines().next().unwrap();
    let left: i64 = server.run(&["pttl", key]).trim().parse().unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
}

/// Rule 117.
///
/// Goal P4: 100 copies at once, at two replicas.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_100_copies_at_two_replicas_is_admitted() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let store = RedisStore::connect(server.url(), "acme:m2m").await.unwrap();
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let replicas = Arc::new([replica(&issuer, &store), replica(&issuer, &store)]);
    let client = DpopClient::new().unwrap();
    let token: Arc<str> = issuer.org("org_a").bound_to(&client).token().into();
    for _ in 0..3 {
        let proof: Arc<str> = client
            .proof("GET", &format!("{BASE}/invoices"), &token)
            .sign()
            .into();
        let calls: Vec<_> = (0..100)
            .map(|number| {
                let (replicas, proof, token) = (
                    Arc::clone(&replicas),
                    Arc::clone(&proof),
                    Arc::clone(&token),
                );
                tokio::spawn(async move { send(&replicas[number % 2], &proof, &token).await })
            })
            .collect();
        let mut admitted = 0;
        for call in calls {
            match call.await.unwrap() {
                (200, _) => admitted += 1,
                rejected => assert_eq!(rejected, (401, "proof_replayed")),
            }
        }
        assert_eq!(admitted, 1);
    }
}

/// Rules 243, 326.
///
/// A full Redis and an unreachable one are 503.
#[tokio::test]
async fn full_and_unreachable_redis_are_503() {
    let Some(mut server) = RedisServer::start(&["--maxmemory-policy", "noeviction"]) else {
        return;
    };
    let store = RedisStore::connect(server.url(), "acme:m2m").await.unwrap();
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let api = replica(&issuer, &store);
    let client = DpopClient::new().unwrap();
    let token = issuer.org("org_a").bound_to(&client).token();
    let proof = || {
        client
            .proof("GET", &format!("{BASE}/invoices"), &token)
            .sign()
    };
    assert_eq!(send(&api, &proof(), &token).await, (200, "none"));
    server.run(&["config", "set", "maxmemory", "1"]);
    let unavailable = (503, "replay_store_unavailable");
    assert_eq!(send(&api, &proof(), &token).await, unavailable);
    server.run(&["config", "set", "maxmemory", "0"]);
    assert_eq!(send(&api, &proof(), &token).await, (200, "none"));
    server.kill();
    assert_eq!(send(&api, &proof(), &token).await, unavailable);
}
