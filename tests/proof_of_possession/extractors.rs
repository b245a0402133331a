//! The rejections of extractors, which are the same as those of their layer.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::map_request;
use axum::routing::any;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use tower::ServiceExt as _;
use tower_m2m::{
    AuthorizeLayer, CallerOrg, Claims, Issuer, OrgCode, ProofOfPossession, Rejection,
    ResourceMetadata, Scope, Scoped, Verifier,
};

use crate::support::{BASE, Fixture, build, call, proof_of, trust};

const WRITE: Scope = Scope::from_static("write:invoices");

tower_m2m::scopes! { pub(crate) Declared { Writing = "write:invoices" } }

/// All of a response, and the code of its rejection.
type Whole = (StatusCode, Option<&'static str>, HeaderMap, String);

async fn whole(api: &Router, request: Request) -> Whole {
    let (head, body) = api.clone().oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, 10_000).await.unwrap();
    (
        head.status,
        head.extensions.get::<Rejection>().map(Rejection::code),
        head.headers,
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

fn verifiers(fixture: &Fixture) -> Vec<(&'static str, Verifier)> {
    let trusted = || trust(&fixture.issuer);
    let built = |issuer: Issuer| build(issuer, &fixture.clock, |builder| builder);
    let dpop = || trusted().proof_of_possession(ProofOfPossession::dpop(BASE));
    let mtls = ProofOfPossession::mtls;
    let resolving =
        |builder: tower_m2m::VerifierBuilder| builder.resolve_issuers_with(|_| async { Ok(None) });
    vec![
        ("plain", built(trusted())),
        ("dpop", built(dpop())),
        ("mtls", built(trusted().proof_of_possession(mtls()))),
        ("both", built(dpop().proof_of_possession(mtls()))),
        ("resolver", build(trusted(), &fixture.clock, resolving)),
    ]
}

/// Returns a layer for each setting about responses.
fn layers(layer: &AuthorizeLayer, verifier: &Verifier) -> Vec<(&'static str, AuthorizeLayer)> {
    let metadata = ResourceMetadata::new(verifier, BASE).unwrap();
    let custom = layer
        .clone()
        .rejection_response_with(|rejection, response| {
            *response.body_mut() = rejection.code().into();
        });
    vec![
        ("default", layer.clone()),
        ("realm", layer.clone().realm("invoices")),
        ("metadata", layer.clone().resource_metadata("https://m/")),
        ("resource", layer.clone().resource(&metadata)),
        ("grpc", layer.clone().grpc()),
        ("type", layer.clone().problem_type_base_url("https://p/#")),
        ("empty", layer.clone().without_rejection_body()),
        ("custom", custom),
    ]
}

/// Returns an API whose layer rejects, and one whose extractor does.
fn pairs(
    verifier: &Verifier,
    rejecting: impl Fn(AuthorizeLayer) -> AuthorizeLayer,
    passing: &AuthorizeLayer,
    extracting: &Router,
) -> Vec<(&'static str, Router, Router)> {
    let handler = || Router::new().route("/invoices", any(|| async { "invoices" }));
    let rejecting = layers(&rejecting(verifier.layer()), verifier).into_iter();
    let passing = layers(passing, verifier).into_iter();
    rejecting
        .zip(passing)
        .map(|((name, rejecting), (_, passing))| {
            let by_layer = handler().route_layer(rejecting);
            (name, by_layer, extracting.clone().route_layer(passing))
        })
        .collect()
}

/// Rules 111, 112.
///
/// A request with a token, with each scheme.
#[tokio::test]
async fn extractor_rejects_a_token_as_its_layer_does() {
    let fixture = Fixture::new();
    for (kind, verifier) in verifiers(&fixture) {
        let extracting = Router::new().route("/invoices", any(|_: Scoped<Writing>| async {}));
        let passing = verifier.layer();
        for (name, layer, extractor) in
            pairs(&verifier, |l| l.require(WRITE), &passing, &extracting)
        {
            let unbound = || {
                let authorization = fixture.token_builder().bearer();
                let request = Request::get("/invoices").header(AUTHORIZATION, authorization);
                request.body(Body::empty()).unwrap()
            };
            let expected = whole(&layer, unbound()).await;
            assert_eq!(expected.1, Some("insufficient_scope"), "{kind} {name}");
            let found = whole(&extractor, unbound()).await;
            assert_eq!(found, expected, "{kind} {name}");
            if !matches!(kind, "dpop" | "both") {
                continue;
            }
            let bound = || {
                let token = fixture.token();
                let request = Request::get("/invoices").body(Body::empty()).unwrap();
                proof_of(&fixture.client, &token).authorize(request, &token)
            };
            let expected = whole(&layer, bound()).await;
            assert_eq!(expected.1, Some("insufficient_scope"), "{kind} {name}");
            let challenge = expected.2.get("www-authenticate").unwrap();
            assert!(challenge.to_str().unwrap().starts_with("DPoP algs="));
            let found = whole(&extractor, bound()).await;
            assert_eq!(found, expected, "{kind} {name} bound");
        }
    }
}

/// Rules 111, 112.
///
/// A request without a token that an optional layer passes, and a preflight.
#[tokio::test]
async fn extractor_rejects_a_request_without_token_as_its_layer_does() {
    let fixture = Fixture::new();
    let plain = || Request::get("/invoices").body(Body::empty()).unwrap();
    let preflight = || {
        let request = Request::builder().method(Method::OPTIONS).uri("/invoices");
        let request = request.header("origin", "https://a.example");
        let request = request.header("access-control-request-method", "GET");
        request.body(Body::empty()).unwrap()
    };
    let extracting = [
        Router::new().route("/invoices", any(|_: Claims| async {})),
        Router::new().route("/invoices", any(|_: OrgCode| async {})),
    ];
    let preflights = Router::new().route("/invoices", any(|_: CallerOrg| async {}));
    for (kind, verifier) in verifiers(&fixture) {
        let optional = verifier.optional_layer();
        let strict = AuthorizeLayer::reject_preflights;
        for extracting in &extracting {
            for (name, layer, extractor) in pairs(&verifier, strict, &optional, extracting) {
                let expected = whole(&layer, plain()).await;
                assert_eq!(expected.1, Some("missing_token"), "{kind} {name}");
                assert_eq!(whole(&extractor, plain()).await, expected, "{kind} {name}");
            }
        }
        for (name, layer, extractor) in pairs(&verifier, strict, &verifier.layer(), &preflights) {
            let expected = whole(&layer, preflight()).await;
            assert_eq!(expected.1, Some("missing_token"), "{kind} {name}");
            let found = whole(&extractor, preflight()).await;
            assert_eq!(found, expected, "{kind} {name} preflight");
        }
    }
}

/// The innermost layer decides how an extractor responds, whether the layers saw a token or not.
#[tokio::test]
async fn innermost_layer_decides_about_the_response() {
    let fixture = Fixture::new();
    let verifier = &fixture.verifier;
    let plain = build(trust(&fixture.issuer), &fixture.clock, |builder| builder);
    let routes = || Router::new().route("/invoices", any(|_: Scoped<Writing>| async {}));
    let inner = |layer: AuthorizeLayer| routes().layer(layer);
    let named = |verifier: &Verifier| verifier.optional_layer().realm("outer").grpc();
    let authorization = fixture.token_builder().bearer();
    for (api, anonymous, unbound) in [
        (
            inner(verifier.optional_layer()).layer(named(verifier)),
            vec![
                r#"Bearer realm="api""#,
                r#"DPoP algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA""#,
            ],
            r#"Bearer realm="api", "#,
        ),
        (
            inner(plain.optional_layer()).layer(named(verifier)),
            vec![r#"Bearer realm="api""#],
            r#"Bearer realm="api", "#,
        ),
        (
            inner(plain.optional_layer().realm("inner")).layer(plain.optional_layer()),
            vec![r#"Bearer realm="inner""#],
            r#"Bearer realm="inner", "#,
        ),
    ] {
        let request = Request::get("/invoices");
        let outcome = call(&api, request.body(Body::empty()).unwrap()).await;
        assert_eq!(outcome.summary(), (401, "missing_token"));
        assert_eq!(outcome.challenges, anonymous);
        let request = Request::get("/invoices").header(AUTHORIZATION, &authorization);
        let outcome = call(&api, request.body(Body::empty()).unwrap()).await;
        assert_eq!(outcome.summary(), (403, "insufficient_scope"));
        assert!(outcome.challenges[0].starts_with(unbound), "{outcome:?}");
    }
    // A service between the layers adds a token.
    let bearer = authorization.clone();
    let add = move |mut request: Request| {
        let value = bearer.parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, value);
        async { request }
    };
    let api = inner(plain.layer())
        .layer(map_request(add))
        .layer(plain.optional_layer().realm("outer"));
    let request = Request::get("/invoices").body(Body::empty()).unwrap();
    let outcome = call(&api, request).await;
    assert_eq!(outcome.summary(), (403, "insufficient_scope"));
    assert!(outcome.challenges[0].starts_with(r#"Bearer realm="api""#));
}

/// Rules 111, 245.
///
/// A token that expires while the request waits gets both challenges, and the nonce.
#[tokio::test]
async fn extractor_rejects_an_expired_token_with_both_challenges_and_a_nonce() {
    for key in [None, Some([7; 32])] {
        let fixture = Fixture::with(|builder| match key {
            Some(key) => builder.dpop_nonce_key(key),
            None => builder,
        });
        let clock = fixture.clock.clone();
        let wait = map_request(move |request: Request| {
            clock.advance(Duration::from_secs(61));
            async { request }
        });
        let api = Router::new()
            .route("/invoices", any(|_: Claims| async {}))
            .layer(wait)
            .layer(fixture.verifier.layer());
        let token = fixture.token_builder().expires_in(Duration::from_secs(30));
        let token = token.bound_to(&fixture.client).token();
        let proof = fixture.proof(&token);
        let proof = match fixture.verifier.dpop_nonce() {
            Some(nonce) => proof.nonce(nonce),
            None => proof,
        };
        let request = Request::get("/invoices").body(Body::empty()).unwrap();
        let outcome = call(&api, proof.authorize(request, &token)).await;
        assert_eq!(outcome.summary(), (401, "expired"));
        outcome.assert_no_error("Bearer");
        outcome.assert_error("DPoP", "invalid_token");
        let nonce = fixture.verifier.dpop_nonce();
        assert_eq!(outcome.nonces(), Vec::from_iter(nonce.as_deref()));
    }
}
