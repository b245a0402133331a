//! Nonces that the server provides (RFC 9449 §8, §9).

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::get;
use http::Request;
use http::header::{CACHE_CONTROL, HeaderValue};
use tower_m2m::Rejection;

use crate::support::{BASE, Fixture, call};

const KEY: [u8; 32] = [7; 32];

/// Rules 105, 113, 115, 245, 247.
#[tokio::test]
async fn proof_needs_a_current_nonce() {
    let fixture = Fixture::with(|builder| builder.dpop_nonce_key(KEY));
    let token = fixture.token();
    let missing = fixture.send(&fixture.proof(&token), &token).await;
    assert_eq!(missing.summary(), (401, "dpop_nonce_required"));
    missing.assert_error("DPoP", "use_dpop_nonce");
    missing.assert_no_error("Bearer");
    assert_eq!(missing.response.headers()[CACHE_CONTROL], "no-store");
    let nonce = missing.nonces()[0].to_owned();
    assert_eq!(missing.nonces().len(), 1);

    let with = |nonce: &str| fixture.proof(&token).nonce(nonce);
    let accepted = fixture.send(&with(&nonce), &token).await;
    assert_eq!(accepted.summary(), (200, "none"));
    assert!(accepted.nonces().is_empty());
    let invented = fixture.send(&with("invented"), &token).await;
    assert_eq!(invented.summary(), (401, "dpop_nonce_required"));

    // A nonce that is about to become too old is replaced with the next response.
    fixture.clock.advance(Duration::from_secs(120));
    let renewed = fixture.send(&with(&nonce), &token).await;
    assert_eq!(renewed.summary(), (200, "none"));
    assert_eq!(renewed.response.headers()[CACHE_CONTROL], "no-store");
    let next = renewed.nonces()[0].to_owned();
    assert_ne!(next, nonce);
    assert_eq!(
        fixture.send(&with(&next), &token).await.summary(),
        (200, "none")
    );
    fixture.clock.advance(Duration::from_secs(120));
    let old = fixture.send(&with(&nonce), &token).await;
    assert_eq!(old.summary(), (401, "dpop_nonce_required"));
}

/// Rule 245.
///
/// Never more than one header, and a response with it is not cached.
#[tokio::test]
async fn response_has_one_nonce_whatever_the_handler_writes() {
    let fixture = Fixture::with(|builder| builder.dpop_nonce_key(KEY));
    let token = fixture.token();
    let nonce = fixture.verifier.dpop_nonce().unwrap();
    let headers = [
        ("dpop-nonce", HeaderValue::from_static("of the handler")),
        ("cache-control", HeaderValue::from_static("max-age=600")),
    ];
    let api = Router::new()
        .route(
            "/invoices",
            get(move || async move { (headers, "invoices") }),
        )
        .layer(fixture.verifier.layer())
        .layer(fixture.verifier.layer());
    fixture.clock.advance(Duration::from_secs(120));
    let request = Request::get("/invoices").body(Body::empty()).unwrap();
    let proof = fixture.proof(&token).nonce(nonce);
    let outcome = call(&api, proof.authorize(request, &token)).await;
    assert_eq!(outcome.summary(), (200, "none"));
    assert_eq!(outcome.nonces(), [fixture.verifier.dpop_nonce().unwrap()]);
    let cache_control = outcome.response.headers().get_all(CACHE_CONTROL);
    assert_eq!(cache_control.iter().collect::<Vec<_>>(), ["no-store"]);
}

/// Rule 245.
///
/// A rejection for another reason provides the nonce too.
#[tokio::test]
async fn rejection_after_the_proof_provides_a_nonce() {
    let fixture = Fixture::with(|builder| builder.dpop_nonce_key(KEY));
    let token = fixture.token();
    let nonce = fixture.verifier.dpop_nonce().unwrap();
    let api = Router::new()
        .route("/orgs/{org_code}", get(|| async { "" }))
        .route_layer(fixture.verifier.layer());
    let request = Request::get("/orgs/org_b").body(Body::empty()).unwrap();
    let proof = fixture
        .client
        .proof("GET", &format!("{BASE}/orgs/org_b"), &token);
    let outcome = call(&api, proof.nonce(nonce.clone()).authorize(request, &token)).await;
    assert_eq!(outcome.summary(), (403, "wrong_organization"));
    assert_eq!(outcome.nonces(), [nonce]);
}

/// Rule 246.
///
/// Replicas with the same key accept each other's nonces.
#[tokio::test]
async fn replicas_with_one_key_agree() {
    let (first, second) = (
        Fixture::with(|builder| builder.dpop_nonce_key(KEY)),
        Fixture::with(|builder| builder.dpop_nonce_key(KEY)),
    );
    let other = Fixture::with(|builder| builder.dpop_nonce_key([8; 32]));
    assert_eq!(first.verifier.dpop_nonce(), second.verifier.dpop_nonce());
    assert_ne!(first.verifier.dpop_nonce(), other.verifier.dpop_nonce());
    assert_eq!(Fixture::new().verifier.dpop_nonce(), None);
}

/// Rules 111, 245.
///
/// A gRPC client gets the challenges and the nonce in the headers of a trailers-only response.
#[tokio::test]
async fn grpc_response_has_challenges_and_nonce() {
    let fixture = Fixture::with(|builder| builder.dpop_nonce_key(KEY));
    let token = fixture.token();
    let layer = fixture.verifier.layer().require_proof_of_possession();
    let api = Router::new()
        .route("/acme.Invoices/List", axum::routing::post(|| async { "" }))
        .layer(layer.grpc().reject_preflights());
    let proof = fixture
        .client
        .proof("POST", &format!("{BASE}/acme.Invoices/List"), &token);
    let request = || {
        let request =
            Request::post("/acme.Invoices/List").header("content-type", "application/grpc");
        request.body(Body::empty()).unwrap()
    };
    let outcome = call(&api, proof.authorize(request(), &token)).await;
    assert_eq!(outcome.summary(), (200, "dpop_nonce_required"));
    assert_eq!(outcome.response.headers()["grpc-status"], "16");
    outcome.assert_error("DPoP", "use_dpop_nonce");
    let nonce = outcome.nonces()[0].to_owned();
    let outcome = call(&api, proof.nonce(nonce).authorize(request(), &token)).await;
    assert_eq!(outcome.summary(), (200, "none"));
}

/// Rules 113, 245.
///
/// Without a layer, the response of the rejection itself has everything that a client needs.
#[tokio::test]
async fn response_of_the_rejection_itself_has_the_nonce() {
    let fixture = Fixture::with(|builder| builder.dpop_nonce_key(KEY));
    let token = fixture.token();
    let request = |nonce: Option<&str>| {
        let proof = fixture.proof(&token);
        let proof = nonce.map_or(proof.clone(), |nonce| proof.nonce(nonce));
        let request = Request::get("/invoices").body(()).unwrap();
        proof.authorize(request, &token).into_parts().0
    };
    for old in [None, Some("invented")] {
        let verified = fixture.verifier.verify_request(&request(old)).await;
        let rejection = verified.unwrap_err();
        let Rejection::DpopNonceRequired { nonce } = &rejection else {
            panic!("{rejection:?}");
        };
        let nonce = nonce.to_string();
        let response = rejection.into_response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        let headers: Vec<_> = response.headers().get_all("dpop-nonce").iter().collect();
        assert_eq!(headers, [nonce.as_str()]);
        let repeated = request(Some(&nonce));
        fixture.verifier.verify_request(&repeated).await.unwrap();
    }
}
