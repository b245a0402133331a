//! A forged preflight is never treated as a global client.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as AxumRequest;
use axum::routing::any;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _};
use tower_m2m::{AuthorizeLayer, CallerOrg, Claims, OrgCode, RequestExt as _};

use super::support::{self, Fixture};

fn preflight<B>(path: &str, body: B) -> Request<B> {
    Request::options(path)
        .header("origin", "https://app.example")
        .header("access-control-request-method", "GET")
        .body(body)
        .unwrap()
}

fn routes() -> Router {
    let read = async |request: AxumRequest| match request.caller_org() {
        Ok(caller) => Ok(format!("{caller:?}")),
        Err(rejection) => Err(rejection),
    };
    Router::new()
        .route("/org", any(async |org: Option<OrgCode>| format!("{org:?}")))
        .route(
            "/claims",
            any(async |claims: Option<Claims>| claims.is_some().to_string()),
        )
        .route(
            "/caller",
            any(async |caller: CallerOrg| format!("{caller:?}")),
        )
        .route("/read", any(read))
        .fallback(async |caller: CallerOrg| format!("{caller:?}"))
}

const PATHS: [&str; 5] = ["/org", "/claims", "/caller", "/read", "/fallback"];

/// Returns every position of a layer.
fn apps(layer: &AuthorizeLayer) -> Vec<Router> {
    vec![
        routes().layer(layer.clone()),
        Router::new().fallback_service(layer.layer(routes())),
        Router::new().merge(routes().layer(layer.clone())),
    ]
}

/// Row B1: each optional extractor, the three-state type and the request itself reject it.
#[tokio::test]
async fn forged_preflight_is_not_a_global_client() {
    let fixture = Fixture::new();
    let (verifier, other) = (fixture.verifier(), fixture.verifier());
    let required = || verifier.layer().allow_global();
    let optional = || verifier.optional_layer().allow_global();
    for path in PATHS {
        for app in apps(&required()) {
            let (status, _) = support::send(&app, preflight(path, Body::empty())).await;
            assert_eq!(status, 401, "{path}");
            assert_eq!(
                support::get(&app, path, &fixture.global()).await.0,
                200,
                "{path}"
            );
        }
        // The layers of a request in nine orders: a preflight is not a caller unless all layers are
        // optional.
        let layers = [required(), optional(), other.layer().allow_global()];
        for (outer_index, outer) in layers.iter().enumerate() {
            for (inner_index, inner) in layers.iter().enumerate() {
                let app = routes().layer(inner.clone()).layer(outer.clone());
                let expected = if (outer_index, inner_index) == (1, 1) {
                    200
                } else {
                    401
                };
                let (status, _) = support::send(&app, preflight(path, Body::empty())).await;
                assert_eq!(status, expected, "{path} {outer_index} {inner_index}");
            }
        }
    }
}

#[tokio::test]
async fn caller_org_tells_three_kinds_of_callers_apart() {
    let fixture = Fixture::new();
    let app = routes().layer(fixture.verifier().optional_layer().allow_global());
    for path in ["/caller", "/read"] {
        let body = async |request: Request<Body>| {
            let response = app.clone().oneshot(request).await.unwrap();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let anonymous = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(body(anonymous).await, "Anonymous");
        for (token, expected) in [
            (fixture.global(), "Global"),
            (fixture.org("org_a"), "Organization(OrgCode(\"org_a\"))"),
        ] {
            let request = Request::get(path).header("authorization", token.bearer());
            assert_eq!(body(request.body(Body::empty()).unwrap()).await, expected);
        }
    }
}

/// Row B1 around a service without a router.
#[tokio::test]
async fn plain_service_can_reject_forged_preflight() {
    let fixture = Fixture::new();
    let layer = fixture.verifier().layer().only_global();
    let service = layer.layer(tower::service_fn(async |request: Request<Full<Bytes>>| {
        let known = request.caller_org().is_ok();
        Ok::<_, Infallible>(
            Response::builder()
                .status(if known { 200 } else { 401 })
                .body(Full::<Bytes>::default())
                .unwrap(),
        )
    }));
    let request = preflight("/", Full::default());
    assert_eq!(service.oneshot(request).await.unwrap().status(), 401);
}

/// Row B2: a request with a body is not a preflight, whether a header announces the body or not.
#[tokio::test]
async fn preflight_with_body_needs_a_token() {
    let fixture = Fixture::new();
    let app = routes().layer(fixture.verifier().optional_layer().allow_global());
    let required = Router::new()
        .route("/", any(async || "executed"))
        .layer(fixture.verifier().layer());
    assert_eq!(
        support::send(&required, preflight("/", Body::from("{}"))).await,
        (401, Some("missing_token"))
    );
    assert_eq!(
        support::send(&required, preflight("/", Body::empty()))
            .await
            .0,
        200
    );
    let request = preflight("/caller", Body::from("{}"));
    assert_eq!(support::send(&app, request).await.0, 200);
}
