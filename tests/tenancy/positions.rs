//! Every position of a layer fails closed for `{tenant}`, whatever the path and the method are.

use axum::Router;
use axum::body::Body;
use axum::routing::{MethodRouter, any};
use http::{Method, Request};
use tower::Layer as _;
use tower_m2m::{AuthorizeLayer, OrgCode};

use super::support::{self, Fixture};

async fn data() -> &'static str {
    "data"
}

async fn extracted(_: OrgCode) -> &'static str {
    "data"
}

/// Whether the handler takes an extractor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Extractor,
    Neither,
}

impl Takes {
    fn handler(self) -> MethodRouter {
        match self {
            Self::Extractor => any(extracted),
            Self::Neither => any(data),
        }
    }

    fn fallback(self) -> Router {
        match self {
            Self::Extractor => Router::new().fallback(extracted),
            Self::Neither => Router::new().fallback(data),
        }
    }
}

const OUTSIDE: &str = "fallback_service";

/// Every position at which a layer can stand.
fn positions(layer: &AuthorizeLayer, takes: Takes) -> Vec<(&'static str, Router)> {
    let layer = || layer.clone();
    let route = |path: &str| Router::new().route(path, takes.handler());
    let tenant = "/t/{tenant}/x";
    let nested = || Router::new().route("/x", takes.handler());
    vec![
        ("route_layer", route(tenant).route_layer(layer())),
        ("layer", route(tenant).layer(layer())),
        ("merge", Router::new().merge(route(tenant)).layer(layer())),
        (
            "nested layer",
            Router::new().nest("/t/{tenant}", nested().layer(layer())),
        ),
        (
            "nest",
            Router::new().nest("/t/{tenant}", nested()).layer(layer()),
        ),
        (
            "nest_service",
            Router::new().nest_service("/t/{tenant}", layer().layer(nested())),
        ),
        (
            "route_service",
            Router::new().route_service(tenant, layer().layer(takes.handler())),
        ),
        (
            OUTSIDE,
            Router::new().fallback_service(layer().layer(route(tenant))),
        ),
        (
            "fallback",
            Router::new().nest("/t/{tenant}", takes.fallback().layer(layer())),
        ),
        ("wildcard", route("/t/{*tenant}").layer(layer())),
    ]
}

/// Paths in which a decoded segment is another organization's code.
const FOREIGN: [&str; 7] = [
    "/t/org_b/x",
    "/t/%6Frg_b/x",
    "/t/org%5Fb/x",
    "/t/org_b/x/",
    "/t/org_b%2Fx/x",
    "/t/org_a%2Forg_b/x",
    "//t/org_b/x",
];

/// Paths in which another reader could find one, or that are no valid code.
const ODD: [&str; 5] = [
    "/t/ORG_B/x",
    "/t//x",
    "/t/%ff/x",
    "/t/org_a;org_b/x",
    "/T/org_b/x",
];

#[tokio::test]
async fn every_position_of_a_layer_fails_closed() {
    let fixture = Fixture::new();
    let layer = || fixture.verifier().layer();
    let own = fixture.org("org_a").bearer();
    let mut sent = 0;
    for takes in [Takes::Extractor, Takes::Neither] {
        for (setting, layer) in [
            ("none", layer()),
            (
                "optional",
                layer().optional_organization_parameter("tenant"),
            ),
            ("required", layer().organization_parameter("tenant")),
            ("ignored", layer().ignore_parameter("tenant")),
        ] {
            for (position, app) in positions(&layer, takes) {
                // Names are not compared: the layer ignores the name, or no layer and no extractor
                // sees it. Then only values that are codes are rejected.
                let is_unnamed =
                    setting == "ignored" || (position == OUTSIDE && takes == Takes::Neither);
                let odd = ODD.iter().filter(|_| !is_unnamed);
                for path in FOREIGN.iter().chain(odd) {
                    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST] {
                        let request = Request::builder()
                            .method(method.clone())
                            .uri(*path)
                            .header("authorization", &own);
                        let request = request.body(Body::empty()).unwrap();
                        let (status, _) = support::send(&app, request).await;
                        sent += 1;
                        assert!(
                            status >= 400,
                            "{position} {setting} {takes:?} {method} {path}: {status}"
                        );
                    }
                }
            }
        }
    }
    assert!(sent > 2_000, "{sent}");
}
