//! The route's organization is checked for every position of the layer and for every extractor.

use axum::Router;
use axum::routing::get;
use tower_m2m::{Claims, ExtractorRejection, OrgCode, Scoped, Verifier};

use super::support::{self, Fixture};

tower_m2m::scopes! {
    Api {
        /// Read.
        Read = "read:x",
    }
}

fn routes() -> Router {
    Router::new()
        .route("/orgs/{org_code}/claims", get(|_: Claims| async {}))
        .route("/orgs/{org_code}/org", get(|_: OrgCode| async {}))
        .route("/orgs/{org_code}/maybe", get(|_: Option<OrgCode>| async {}))
        .route(
            "/orgs/{org_code}/maybe-claims",
            get(|_: Option<Claims>| async {}),
        )
        .route("/orgs/{org_code}/scoped", get(|_: Scoped<Read>| async {}))
}

const HANDLERS: [&str; 5] = ["claims", "org", "maybe", "maybe-claims", "scoped"];

/// Returns the layer on the route, on the router, around a nested one, around a merged one, and
/// outside the router, where it sees no parameters.
fn placements(verifier: &Verifier) -> Vec<(&'static str, &'static str, Router)> {
    let layer = || verifier.layer().allow_global();
    vec![
        ("route", "", routes().route_layer(layer())),
        ("router", "", routes().layer(layer())),
        (
            "nested",
            "/api",
            Router::new().nest("/api", routes()).layer(layer()),
        ),
        (
            "nested, layer inside",
            "/api",
            Router::new().nest("/api", routes().layer(layer())),
        ),
        (
            "nested service",
            "/api",
            Router::new().nest_service("/api", routes()).layer(layer()),
        ),
        ("merged", "", Router::new().merge(routes()).layer(layer())),
        (
            "outside",
            "",
            Router::new().fallback_service(routes()).layer(layer()),
        ),
        (
            "twice",
            "",
            Router::new()
                .fallback_service(routes().route_layer(layer()))
                .layer(layer()),
        ),
    ]
}

/// Rule 158.
///
/// The tenant of the path and of the token.
#[tokio::test]
async fn foreign_organization_is_rejected_from_every_source() {
    let fixture = Fixture::new();
    let own = fixture.org("org_a").scopes(["read:x"]);
    for (place, prefix, app) in placements(&fixture.verifier()) {
        for handler in HANDLERS {
            let path = |org: &str| format!("{prefix}/orgs/{org}/{handler}");
            assert_eq!(
                support::get(&app, &path("org_a"), &own).await,
                (200, None),
                "{place} {handler}"
            );
            assert_eq!(
                support::get(&app, &path("%6Frg_a"), &own).await,
                (200, None),
                "{place} {handler}"
            );
            for other in [
                "org_b",
                "ORG_A",
                "org_a%2F..%2Forg_b",
                "org_%D0%B0",
                "org_a%20",
                "%FF",
                "org_a%00",
            ] {
                let answer = support::get(&app, &path(other), &own).await;
                assert_eq!(
                    answer,
                    (403, Some("wrong_organization")),
                    "{place} {handler} {other}"
                );
            }
            let global =
                support::get(&app, &path("org_a"), &fixture.global().scopes(["read:x"])).await;
            assert_eq!(
                global,
                (403, Some("organization_required")),
                "{place} {handler} global"
            );
        }
    }
}

#[tokio::test]
async fn hidden_organization_is_404_for_every_source() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let layer = || verifier.layer().hide_organizations();
    for app in [
        routes().route_layer(layer()),
        Router::new().fallback_service(routes()).layer(layer()),
    ] {
        assert_eq!(
            support::get(&app, "/orgs/org_b/claims", &fixture.org("org_a")).await,
            (404, Some("wrong_organization"))
        );
    }
}

/// An inner layer with its own settings does not disable the outer layer's check of the parameter.
#[tokio::test]
async fn custom_parameter_is_checked_through_a_second_layer() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let routes = Router::new().route("/t/{tenant}", get(|_: OrgCode| async {}));
    let app = Router::new()
        .fallback_service(routes.route_layer(verifier.layer().realm("inner")))
        .layer(verifier.layer().organization_parameter("tenant"));
    assert_eq!(
        support::get(&app, "/t/org_a", &fixture.org("org_a")).await,
        (200, None)
    );
    assert_eq!(
        support::get(&app, "/t/org_b", &fixture.org("org_a")).await,
        (403, Some("wrong_organization"))
    );
}

/// Rule 77.
///
/// The comparison is exact and case-sensitive, without prefixes. The extractor also checks the
/// tenant before the scope.
#[tokio::test]
async fn typed_scope_is_exact_and_checked_after_tenant() {
    let fixture = Fixture::new();
    let app = Router::new()
        .fallback_service(routes())
        .layer(fixture.verifier().layer());
    for scopes in ["", "read", "read:xx", "READ:X", "read:x:y", "write:x"] {
        let token = fixture.org("org_a").claim("scope", scopes);
        assert_eq!(
            support::get(&app, "/orgs/org_a/scoped", &token).await,
            (403, Some("insufficient_scope")),
            "{scopes:?}"
        );
        assert_eq!(
            support::get(&app, "/orgs/org_b/scoped", &token).await,
            (403, Some("wrong_organization")),
            "{scopes:?}"
        );
    }
    assert_eq!(
        support::get(
            &app,
            "/orgs/org_a/scoped",
            &fixture.org("org_a").scopes(["read:x"])
        )
        .await,
        (200, None)
    );
}

/// If the layer is missing, handlers fail closed.
#[tokio::test]
async fn every_extractor_without_layer_responds_500() {
    let fixture = Fixture::new();
    for handler in HANDLERS {
        let answer = support::get(
            &routes(),
            &format!("/orgs/org_a/{handler}"),
            &fixture.org("org_a"),
        )
        .await;
        assert_eq!(answer, (500, Some("layer_missing")), "{handler}");
    }
    let caught = Router::new().route(
        "/",
        get(|org: Result<OrgCode, ExtractorRejection>| async move { org.unwrap_err().to_string() }),
    );
    assert!(
        support::text(&caught, http::Method::GET, "/", &fixture.org("org_a"))
            .await
            .contains("route_layer")
    );
}

/// Rule 156.
///
/// If the organization is malformed, the token is invalid and never global.
#[tokio::test]
async fn malformed_organization_is_never_global() {
    let fixture = Fixture::new();
    let app = Router::new()
        .route("/", get(|| async {}))
        .route_layer(fixture.verifier().layer().allow_global());
    let long = "o".repeat(129);
    for odd in [
        serde_json::json!(null),
        serde_json::json!(""),
        serde_json::json!(7),
        serde_json::json!([]),
        serde_json::json!(["org_a"]),
        serde_json::json!({}),
        serde_json::json!(" org_a"),
        serde_json::json!(long),
    ] {
        let token = fixture.global().claim("org_code", odd.clone());
        assert_eq!(
            support::get(&app, "/", &token).await,
            (401, Some("invalid_organization")),
            "{odd}"
        );
    }
    assert_eq!(
        support::get(&app, "/", &fixture.global()).await,
        (200, None)
    );
}
