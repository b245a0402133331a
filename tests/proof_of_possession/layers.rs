//! Layers, routers and the verifier without a layer.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use axum::routing::get;
use http::Request;
use http::header::{AUTHORIZATION, HOST};
use tower::ServiceExt as _;
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::testing::forged;
use tower_m2m::{ProofOfPossession, Rejection, Verifier};

use crate::support::{BASE, Fixture, build, call, invoices, trust};

/// Rule 242.
///
/// Nested layers of one verifier store a proof once, also if another verifier is between them.
#[tokio::test]
async fn nested_layers_use_a_proof_once() {
    let fixture = Fixture::new();
    let other = fixture.other_verifier(|builder| builder);
    let token = fixture.token();
    let api = invoices()
        .route_layer(fixture.verifier.layer())
        .layer(other.layer())
        .layer(fixture.verifier.layer());
    let proof = fixture.proof(&token);
    let request = || {
        let request = Request::get("/invoices").body(Body::empty()).unwrap();
        proof.authorize(request, &token)
    };
    assert_eq!(call(&api, request()).await.summary(), (200, "none"));
    assert_eq!(
        call(&api, request()).await.summary(),
        (401, "proof_replayed")
    );
}

/// The DPoP challenge beside the Bearer challenge is no finding of the attack.
#[tokio::test]
async fn attack_passes_if_the_response_has_both_challenges() {
    let fixture = Fixture::new();
    let kinde = Verifier::kinde("acme")
        .audience(fixture.issuer.audience())
        .jwk_set(fixture.issuer.jwks())
        .proof_of_possession(ProofOfPossession::dpop(BASE));
    let verifier = build(kinde, &fixture.clock, |builder| builder);
    let api = invoices().layer(verifier.layer());
    let good = fixture.token_builder();
    let report = forged::attack(&good, async |authorization| {
        let request = Request::get("/invoices")
            .header(AUTHORIZATION, authorization)
            .body(Body::empty())
            .unwrap();
        let response = api.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 10_000).await.unwrap();
        TestResponse::from(Response::from_parts(head, body))
    })
    .await;
    report.assert_all_rejected();
    assert!(report.sent() > 100, "{report}");
}

/// Rules 111, 112.
///
/// Without credentials, both challenges have no error.
#[tokio::test]
async fn unauthorized_response_has_both_challenges() {
    let fixture = Fixture::new();
    let request = Request::get("/invoices").body(Body::empty()).unwrap();
    let outcome = call(&fixture.api, request).await;
    assert_eq!(
        outcome.challenges,
        [
            r#"Bearer realm="api""#,
            r#"DPoP algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA""#,
        ]
    );
    // Without DPoP, the scheme is unknown, and there is no second challenge.
    let plain = trust(&fixture.issuer).build().unwrap();
    let api = Router::new()
        .route("/", get(|| async { "" }))
        .layer(plain.layer());
    for authorization in ["DPoP abc", "Basic abc"] {
        let request = Request::get("/").header(AUTHORIZATION, authorization);
        let outcome = call(&api, request.body(Body::empty()).unwrap()).await;
        assert_eq!(outcome.summary(), (401, "unsupported_scheme"));
        assert_eq!(outcome.challenges, [r#"Bearer realm="api""#]);
    }
}

/// Rule 248.
#[tokio::test]
async fn bearer_tokens_are_rejected_where_a_proof_is_required() {
    let fixture = Fixture::new();
    let verifier = &fixture.verifier;
    let required = || verifier.layer().require_proof_of_possession();
    let api = Router::new()
        .route(
            "/invoices",
            get(|| async { "invoices" }).layer(verifier.layer()),
        )
        .layer(required());
    let inner = Router::new()
        .route("/invoices", get(|| async { "invoices" }).layer(required()))
        .layer(verifier.layer());
    let unbound = fixture.token_builder().token();
    let token = fixture.token();
    for api in [api, inner] {
        let request = Request::get("/invoices").header(AUTHORIZATION, format!("Bearer {unbound}"));
        let outcome = call(&api, request.body(Body::empty()).unwrap()).await;
        assert_eq!(outcome.summary(), (401, "proof_of_possession_required"));
        outcome.assert_error("Bearer", "invalid_token");
        outcome.assert_no_error("DPoP");
        let request = Request::get("/invoices").body(Body::empty()).unwrap();
        let request = fixture.client.authorize(request, BASE, &token);
        assert_eq!(call(&api, request).await.summary(), (200, "none"));
    }
}

/// Rule 240.
///
/// The whole path counts, and `Host` and forwarded headers change nothing.
#[tokio::test]
async fn whole_path_is_compared_behind_nested_routers() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let routes = invoices().layer(fixture.verifier.layer());
    let api = Router::new().nest("/v1", Router::new().nest("/billing", routes));
    let send = async |htu: &str| {
        let request = Request::get("/v1/billing/invoices")
            .header(HOST, "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("forwarded", "host=evil.example;proto=http");
        let proof = fixture.client.proof("GET", htu, &token);
        let request = proof.authorize(request.body(Body::empty()).unwrap(), &token);
        call(&api, request).await.summary()
    };
    assert_eq!(
        send(&format!("{BASE}/v1/billing/invoices")).await,
        (200, "none")
    );
    for htu in [
        format!("{BASE}/invoices"),
        format!("{BASE}/billing/invoices"),
        "https://evil.example/v1/billing/invoices".to_owned(),
        "http://evil.example/v1/billing/invoices".to_owned(),
    ] {
        assert_eq!(send(&htu).await, (401, "proof_wrong_url"), "{htu}");
    }
}

/// Rule 251.
#[tokio::test]
async fn verify_rejects_bound_tokens_and_verify_request_checks_the_proof() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let verifier = &fixture.verifier;
    let rejected = verifier.verify(&token).await.unwrap_err();
    assert_eq!(rejected.code(), "sender_constrained");
    let request = Request::get("/invoices").body(()).unwrap();
    let (parts, ()) = fixture.client.authorize(request, BASE, &token).into_parts();
    let claims = verifier.verify_request(&parts).await.unwrap();
    assert!(claims.is_bound());
    assert_eq!(
        verifier.verify_request(&parts).await.unwrap_err().code(),
        "proof_replayed"
    );
    // After it was verified with a proof, the token is cached and still no bearer token.
    assert_eq!(
        verifier.verify(&token).await.unwrap_err().code(),
        "sender_constrained"
    );

    let request = Request::get("/invoices").header(AUTHORIZATION, format!("Bearer {token}"));
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let rejected = verifier.verify_request(&parts).await.unwrap_err();
    assert_eq!(rejected.code(), "sender_constrained");
    let (parts, ()) = Request::get("/invoices").body(()).unwrap().into_parts();
    assert_eq!(
        verifier.verify_request(&parts).await.unwrap_err(),
        Rejection::MissingToken
    );
    let unbound = fixture.token_builder().token();
    let request = Request::get("/invoices").header(AUTHORIZATION, format!("Bearer {unbound}"));
    let (parts, ()) = request.body(()).unwrap().into_parts();
    assert!(!verifier.verify_request(&parts).await.unwrap().is_bound());
}

/// Rules 109, 249.
///
/// Without a configured method, and with an unknown member.
#[tokio::test]
async fn binding_that_cannot_be_checked_is_rejected() {
    let fixture = Fixture::new();
    let jkt = fixture.client.thumbprint();
    let certificate = serde_json::json!({ "jkt": jkt, "x5t#S256": jkt });
    let unknown = serde_json::json!({ "jkt": jkt, "kid": "1" });
    for cnf in [certificate, unknown, serde_json::json!({})] {
        let token = fixture.token_builder().claim("cnf", cnf).token();
        let outcome = fixture.send(&fixture.proof(&token), &token).await;
        assert_eq!(outcome.summary(), (401, "sender_constrained"));
        outcome.assert_error("DPoP", "invalid_token");
    }
    let plain = build(trust(&fixture.issuer), &fixture.clock, |builder| builder);
    assert_eq!(
        plain.verify(&fixture.token()).await.unwrap_err().code(),
        "sender_constrained"
    );
}

/// Rule 241.
///
/// The limits of the other settings too.
#[test]
fn invalid_settings_are_errors_of_build() {
    let fixture = Fixture::new();
    let build = |dpop: tower_m2m::Dpop| {
        let built = trust(&fixture.issuer).proof_of_possession(dpop).build();
        built.map(|_| ()).map_err(|error| error.to_string())
    };
    let dpop = || ProofOfPossession::dpop(BASE);
    assert!(build(dpop()).is_ok());
    for url in [
        "",
        "api.acme.com",
        "https://api.acme.com?x=1",
        "https://user@api.acme.com",
    ] {
        let error = build(ProofOfPossession::dpop(url)).unwrap_err();
        assert!(error.contains("proof_of_possession"), "{error}");
    }
    assert!(build(dpop().algorithms([])).is_err());
    for (seconds, is_valid) in [(4, false), (5, true), (300, true), (301, false)] {
        let age = std::time::Duration::from_secs(seconds);
        assert_eq!(
            build(dpop().max_proof_age(age)).is_ok(),
            is_valid,
            "{seconds}"
        );
    }
    let issuer = || trust(&fixture.issuer).proof_of_possession(dpop());
    assert!(issuer().proof_of_possession(dpop()).build().is_err());
    let builder = || Verifier::builder([issuer()]);
    assert!(builder().dpop_nonce_key([0; 31]).build().is_err());
    assert!(builder().dpop_nonce_key([0; 32]).build().is_ok());
    assert!(builder().max_proofs(10, 11).build().is_err());
    assert!(builder().max_proofs(10, 0).build().is_err());
    assert!(builder().max_proofs(1, 1).build().is_ok());
}

/// Rule 257.
#[test]
fn resource_metadata_says_what_is_configured() {
    use tower_m2m::{Algorithm, ResourceMetadata};

    let fixture = Fixture::with_dpop(
        |dpop| dpop.algorithms([Algorithm::ES256]),
        |builder| builder,
    );
    let document = |metadata: ResourceMetadata| -> serde_json::Value {
        serde_json::from_str(&metadata.to_json()).unwrap()
    };
    let metadata = || ResourceMetadata::new(&fixture.verifier, BASE).unwrap();
    let plain = document(metadata());
    assert_eq!(
        plain["dpop_signing_alg_values_supported"],
        serde_json::json!(["ES256"])
    );
    assert!(plain.get("dpop_bound_access_tokens_required").is_none());
    assert!(
        plain
            .get("tls_client_certificate_bound_access_tokens")
            .is_none()
    );
    let required = document(metadata().require_proof_of_possession());
    assert_eq!(required["dpop_bound_access_tokens_required"], true);
    let without = trust(&fixture.issuer).build().unwrap();
    let without = document(
        ResourceMetadata::new(&without, BASE)
            .unwrap()
            .require_proof_of_possession(),
    );
    assert!(without.get("dpop_signing_alg_values_supported").is_none());
    assert!(without.get("dpop_bound_access_tokens_required").is_none());
}

#[tokio::test]
async fn explanation_and_weak_settings_know_proofs() {
    let fixture = Fixture::new();
    let explanation = fixture.verifier.explain(&fixture.token()).await.to_string();
    assert!(
        explanation.contains("jkt with a DPoP proof"),
        "{explanation}"
    );
    assert!(
        explanation.contains("REJECTED (sender_constrained)"),
        "{explanation}"
    );
    let weak = |base: &str| {
        let issuer = trust(&fixture.issuer).proof_of_possession(ProofOfPossession::dpop(base));
        let weak = issuer.build().unwrap().weak_settings();
        weak.iter()
            .any(|weak| weak.setting == "proof_of_possession")
    };
    assert!(weak("http://api.acme.com"));
    assert!(!weak("https://api.acme.com"));
    assert!(!weak("http://127.0.0.1:3000"));
}

/// Rules 117, 242.
///
/// Each of two nested verifiers writes the proof into its own store.
#[tokio::test]
async fn nested_verifiers_write_to_their_own_stores() {
    use std::sync::{Arc, Mutex};
    use tower_m2m::{BoxError, ProofUse, ReplayStore, UsedProof};

    #[derive(Clone, Default)]
    struct Recorded(Arc<Mutex<Vec<String>>>);

    impl ReplayStore for Recorded {
        async fn insert(&self, proof: UsedProof) -> Result<ProofUse, BoxError> {
            self.0.lock().unwrap().push(proof.key());
            Ok(ProofUse::First)
        }
    }

    let fixture = Fixture::new();
    let (inner_store, outer_store) = (Recorded::default(), Recorded::default());
    let with =
        |store: &Recorded| fixture.other_verifier(|builder| builder.replay_store(store.clone()));
    let (inner, outer) = (with(&inner_store), with(&outer_store));
    let token = fixture.token();
    let proof = fixture.proof(&token);
    let request = || {
        let request = Request::get("/invoices").body(Body::empty()).unwrap();
        proof.authorize(request, &token)
    };
    let nested = invoices()
        .route_layer(inner.layer())
        .route_layer(outer.layer())
        .layer(fixture.verifier.layer());
    assert_eq!(call(&nested, request()).await.summary(), (200, "none"));
    for store in [&inner_store, &outer_store] {
        assert_eq!(store.0.lock().unwrap().len(), 1);
    }
    let alone = invoices().layer(inner.layer());
    assert_eq!(
        call(&alone, request()).await.summary(),
        (401, "proof_replayed")
    );
}

/// Rule 239.
///
/// The headers are checked before the token.
#[tokio::test]
async fn proof_headers_are_checked_before_the_token() {
    let fixture = Fixture::new();
    let expired = fixture
        .token_builder()
        .bound_to(&fixture.client)
        .expired_by(std::time::Duration::from_secs(600))
        .token();
    for (proofs, expected) in [
        (&["a", "b"][..], "multiple_proofs"),
        (&["a,b"], "multiple_proofs"),
        (&[], "proof_missing"),
    ] {
        let authorization = format!("DPoP {expired}");
        let mut request = Request::get("/invoices").header(AUTHORIZATION, authorization);
        for proof in proofs {
            request = request.header("dpop", *proof);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let rejected = fixture.verifier.verify_request(&parts).await.unwrap_err();
        assert_eq!(rejected.code(), expected);
        let request = Request::from_parts(parts, Body::empty());
        let outcome = call(&fixture.api, request).await;
        assert_eq!(outcome.summary(), (401, expected));
        outcome.assert_error("DPoP", "invalid_dpop_proof");
    }
}

/// Rules 111, 112.
///
/// Only a resolved issuer has DPoP: both schemes are offered, and the error is in the challenge of
/// the scheme that was used.
#[tokio::test]
async fn error_is_in_the_challenge_of_a_resolved_issuers_scheme() {
    let fixture = Fixture::new();
    let url = fixture.issuer.url().to_owned();
    let audience = fixture.issuer.audience().to_owned();
    let keys = fixture.issuer.jwks();
    let verifier = Verifier::builder([])
        .resolve_issuers_with(move |_| {
            let issuer = Verifier::issuer(url.clone())
                .audience(audience.clone())
                .jwk_set(keys.clone())
                .proof_of_possession(ProofOfPossession::dpop(BASE));
            std::future::ready(Ok(Some(issuer)))
        })
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    let api = invoices().layer(verifier.layer());
    let token = fixture.token();
    let expired = fixture
        .token_builder()
        .bound_to(&fixture.client)
        .expired_by(std::time::Duration::from_secs(600))
        .token();
    for request in [
        Request::get("/invoices"),
        Request::get("/invoices").header("authorization", "Basic YTpi"),
        Request::get("/invoices").header("authorization", "Bearer invalid"),
    ] {
        let outcome = call(&api, request.body(Body::empty()).unwrap()).await;
        assert_eq!(outcome.status, 401);
        assert!(!outcome.challenge("DPoP").contains("error"));
        let is_bearer = outcome.code != "missing_token" && outcome.code != "unsupported_scheme";
        assert_eq!(outcome.challenge("Bearer").contains("error"), is_bearer);
    }
    for (token, expected) in [(&token, (200, "none")), (&expired, (401, "expired"))] {
        let request = Request::get("/invoices").body(Body::empty()).unwrap();
        let outcome = call(&api, fixture.client.authorize(request, BASE, token)).await;
        assert_eq!(outcome.summary(), expected);
        if expected.0 == 401 {
            outcome.assert_error("DPoP", "invalid_token");
            outcome.assert_no_error("Bearer");
        }
    }
}
