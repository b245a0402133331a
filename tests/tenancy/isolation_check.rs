//! The test for other tenants, with an API that isolates tenants and with APIs that do not. Also
//! claims without a token.

use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use std::collections::HashMap;
use tower::Layer as _;
use tower_m2m::testing;
use tower_m2m::testing::tenants::{self, IsolationReport, Probe, Tenant, check_isolation, router};
use tower_m2m::{
    AuthorizeLayer, Claims, OrgCode, OrganizationSource, Public, Routes, Scoped, Verifier,
};

use super::support::{self, Fixture};

tower_m2m::scopes! { Api { Read = "read:x" } }

async fn tried(app: Router, fixture: &Fixture, probe: Probe) -> IsolationReport {
    let tenant =
        |code: &str| Tenant::from(&fixture.org(code)).with_marker(format!("secret of {code}"));
    check_isolation(&tenant("org_a"), &tenant("org_b"), &[probe], router(app)).await
}

async fn own(org: OrgCode) -> String {
    format!("secret of {org}")
}

#[tokio::test]
async fn isolation_check_passes_an_isolated_api() {
    let fixture = Fixture::new();
    let layer = fixture.verifier().layer();
    let app = Router::new()
        .route("/orgs/{org_code}/x", get(own))
        .route(
            "/orgs/{org_code}/json",
            post(|org: OrgCode, Json(_): Json<serde_json::Value>| own(org)),
        )
        .route("/x", get(own))
        .route_layer(layer);
    let json = Probe::post_json("/orgs/{org_code}/json", &serde_json::json!({"amount": 1}));
    for probe in [Probe::get("/orgs/{org_code}/x"), Probe::get("/x"), json] {
        let report = tried(app.clone(), &fixture, probe).await;
        report.assert_isolated();
        assert!(report.sent() >= 4);
    }
}

#[tokio::test]
async fn isolation_check_fails_route_that_trusts_its_path() {
    let fixture = Fixture::new();
    let trusting = |Path(org): Path<String>| async move { format!("secret of {org}") };
    // The parameter has another name, so that it is not checked.
    let app = Router::new()
        .route("/orgs/{tenant}/x", get(trusting))
        .route_layer(fixture.verifier().layer());
    let report = tried(app, &fixture, Probe::get("/orgs/{org_code}/x")).await;
    assert!(report.failures() >= 4, "{report}");
    assert!(report.to_string().contains("NOT REJECTED"), "{report}");
}

#[tokio::test]
async fn isolation_check_fails_route_that_trusts_header_or_query() {
    let fixture = Fixture::new();
    let layer = fixture.verifier().layer();
    let header = |org: OrgCode, headers: HeaderMap| async move {
        let named = headers
            .get("x-tenant-id")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        format!("secret of {}", named.unwrap_or(org.to_string()))
    };
    let query = |org: OrgCode, Query(query): Query<HashMap<String, String>>| async move {
        format!(
            "secret of {}",
            query.get("tenant").cloned().unwrap_or(org.to_string())
        )
    };
    for app in [
        Router::new().route("/x", get(header)),
        Router::new().route("/x", get(query)),
    ] {
        let report = tried(app.route_layer(layer.clone()), &fixture, Probe::get("/x")).await;
        assert_eq!(report.failures(), 4, "{report}");
        assert!(
            report.to_string().contains("SHOWS THE OTHER TENANT"),
            "{report}"
        );
    }
}

#[tokio::test]
async fn isolation_check_fails_route_that_rejects_all_callers() {
    let fixture = Fixture::new();
    let app = Router::new()
        .route("/orgs/{org_code}/x", get(own))
        .route_layer(fixture.verifier().layer().require(Read));
    let report = tried(app, &fixture, Probe::get("/orgs/{org_code}/x")).await;
    assert_eq!(report.failures(), 2, "{report}");
    assert!(report.to_string().contains("REJECTED ITS OWN"), "{report}");
}

#[tokio::test]
async fn isolation_check_fails_an_open_route() {
    let fixture = Fixture::new();
    let app = Router::new().route("/orgs/{org_code}/x", get(|| async { "everybody's" }));
    assert!(
        tried(app, &fixture, Probe::get("/orgs/{org_code}/x"))
            .await
            .failures()
            >= 4
    );
}

/// The inventory lists the routes to test.
#[tokio::test]
async fn isolation_check_covers_the_whole_inventory() {
    let fixture = Fixture::new();
    let layer = fixture.verifier().layer();
    let (app, inventory): (Router, _) = Routes::new()
        .get("/healthz", async || "ok", Public)
        .get("/orgs/{org_code}/x/{id}", own, &layer)
        .get("/x", own, &layer)
        .build()
        .unwrap();
    let tenant = |code: &str| Tenant::from(&fixture.org(code));
    let probes: Vec<Probe> = inventory
        .iter()
        .filter(|route| !route.is_public())
        .map(|route| Probe::from_route(route).path_parameter("id", "7"))
        .collect();
    let report = check_isolation(&tenant("org_a"), &tenant("org_b"), &probes, router(app)).await;
    report.assert_isolated();
    // Itself, 8 in `{org_code}`, 1 in `{id}`, 15 headers and queries, 4 preflights.
    assert_eq!(report.sent(), 2 * 29 + 2 * 20);
    assert_eq!(report.uncompared().collect::<Vec<_>>(), ["GET /x"]);
}

/// Issue 13, A7: every parameter, also one that does not mean a tenant.
#[tokio::test]
async fn isolation_check_tries_every_parameter() {
    let fixture = Fixture::new();
    let trusting = |Path(partner): Path<String>| async move { format!("secret of {partner}") };
    let layer = || fixture.verifier().layer();
    let app = |layer| {
        Router::new()
            .route("/x/{partner}", get(trusting))
            .route_layer(layer)
    };
    let probe = || Probe::get("/x/{partner}").path_parameter("partner", "p1");
    let open = layer().allow_other_organizations_in("partner");
    let report = tried(app(open), &fixture, probe()).await;
    assert_eq!(report.failures(), 2, "{report}");
    assert!(
        report.to_string().contains("the other's code in {partner}"),
        "{report}"
    );
    assert_eq!(report.uncompared().count(), 1, "{report}");
    let report = tried(app(layer()), &fixture, probe()).await;
    report.assert_isolated();
    assert_eq!(report.uncompared().count(), 0, "{report}");
}

/// Issue 13, B1 and B2: preflights without a token, with and without a body.
#[tokio::test]
async fn isolation_check_sends_forged_preflights() {
    let fixture = Fixture::new();
    let layer = || fixture.verifier().layer();
    let all = async || "secret of org_a, secret of org_b";
    let app = Router::new()
        .route("/x", axum::routing::options(all).get(own))
        .route_layer(layer());
    let report = tried(app, &fixture, Probe::get("/x")).await;
    // The layer rejects a preflight that has a body, unless it says that the length is 0.
    assert_eq!(report.failures(), 2 * 3, "{report}");
    assert!(report.to_string().contains("forged preflight"), "{report}");
    let app = Router::new()
        .route("/x", axum::routing::options(all).get(own))
        .route_layer(layer().reject_preflights());
    tried(app, &fixture, Probe::get("/x"))
        .await
        .assert_isolated();
}

/// Issue 13, row 6: nothing is compared around a plain service, unless the codes have a form.
#[tokio::test]
async fn isolation_check_names_routes_without_comparison() {
    let fixture = Fixture::new();
    let generic = Verifier::issuer(support::ISSUER)
        .audience(testing::AUDIENCE)
        .organization_claim("/org_code")
        .client_id_claim("azp")
        .jwk_set(fixture.issuer.jwks());
    let generic = Verifier::builder([generic])
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    let by_path = || OrganizationSource::path("/orgs/{org_code}/*");
    let send = |layer: AuthorizeLayer| {
        let service = tower::service_fn(async |_: http::Request<axum::body::Body>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(axum::body::Body::empty()))
        });
        tenants::service::<axum::body::Body, _, _>(layer.layer(service))
    };
    let tenant = |code: &str| Tenant::from(&fixture.org(code));
    let probes = [Probe::get("/orgs/{org_code}/x")];
    for (layer, is_isolated) in [
        (generic.layer(), false),
        (generic.layer().organization_from(by_path()), true),
        (
            fixture.verifier().layer().organization_from(by_path()),
            true,
        ),
    ] {
        let (one, other) = (tenant("org_a"), tenant("org_b"));
        let report = check_isolation(&one, &other, &probes, send(layer)).await;
        assert_eq!(report.failures() == 0, is_isolated, "{report}");
        assert_eq!(report.uncompared().count() == 0, is_isolated, "{report}");
        let named = "nothing was compared with the token: GET /orgs/{org_code}/x";
        assert_eq!(report.to_string().contains(named), !is_isolated, "{report}");
    }
}

#[tokio::test]
async fn handler_is_testable_with_fake_claims() {
    let routes = || {
        Router::new()
            .route(
                "/orgs/{org_code}/x",
                get(|org: OrgCode| async move { format!("{org} {}", org.is_acting()) }),
            )
            .route(
                "/scoped",
                get(|claims: Scoped<Read>| async move { claims.client_id().to_owned() }),
            )
            .route(
                "/custom",
                get(|claims: Claims| async move {
                    claims
                        .custom::<u32>()
                        .map_or(0, |number| *number)
                        .to_string()
                }),
            )
    };
    let fixture = Fixture::new();
    let none = fixture.global();
    for (claims, path, expected) in [
        (
            testing::claims().org("org_a"),
            "/orgs/org_a/x",
            "org_a false",
        ),
        (
            testing::claims().acting_for("org_b"),
            "/orgs/org_b/x",
            "org_b true",
        ),
        (
            testing::claims().scopes("read:x").client("me"),
            "/scoped",
            "me",
        ),
        (testing::claims().custom(7_u32), "/custom", "7"),
    ] {
        let app = routes().layer(claims.layer());
        assert_eq!(
            support::text(&app, http::Method::GET, path, &none).await,
            expected
        );
    }
    let app = routes().layer(testing::claims().org("org_a").layer());
    assert_eq!(
        support::get(&app, "/orgs/org_b/x", &none).await,
        (403, Some("wrong_organization"))
    );
    assert_eq!(
        support::get(&app, "/scoped", &none).await,
        (403, Some("insufficient_scope"))
    );
}

/// Injected claims do not replace a token: a real layer ignores them.
#[tokio::test]
async fn authorize_layer_ignores_fake_claims() {
    let fixture = Fixture::new();
    let app = Router::new()
        .route("/x", get(own))
        .route_layer(fixture.verifier().layer())
        .layer(testing::claims().org("org_a").layer());
    let request = http::Request::get("/x")
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(
        support::send(&app, request).await,
        (401, Some("missing_token"))
    );
    assert_eq!(
        support::text(&app, http::Method::GET, "/x", &fixture.org("org_b")).await,
        "secret of org_b"
    );
}

/// Row B9: if nothing tells the tenants apart, the report says so, and blames no route.
#[tokio::test]
async fn isolation_check_needs_tenants_that_can_be_told_apart() {
    let fixture = Fixture::new();
    let app = Router::new()
        .route("/x", get(own))
        .route_layer(fixture.verifier().layer());
    let tenant = |code: &str, markers: &[&str]| {
        let tenant = Tenant::from(&fixture.org(code));
        markers
            .iter()
            .fold(tenant, |tenant, marker| tenant.with_marker(*marker))
    };
    for (one, other, what) in [
        (
            tenant("org_a", &["same"]),
            tenant("org_b", &["same"]),
            "the markers",
        ),
        (
            tenant("org_a", &["invoice 1"]),
            tenant("org_b", &["invoice 12"]),
            "the markers",
        ),
        (tenant("org_a", &[]), tenant("org_a", &[]), "the codes"),
        (tenant("org_1", &[]), tenant("org_12", &[]), "the codes"),
        (
            tenant("org_a", &["of org_b"]),
            tenant("org_b", &[]),
            "the codes",
        ),
    ] {
        let report = check_isolation(&one, &other, &[Probe::get("/x")], router(app.clone())).await;
        let text = report.to_string();
        assert_eq!(report.failures(), 1, "{text}");
        assert!(text.contains("NOTHING TELLS THE TENANTS APART"), "{text}");
        assert!(text.contains(what), "{text}");
        assert!(!text.contains("SHOWS THE OTHER TENANT"), "{text}");
    }
    let (one, other) = (tenant("org_a", &["a1"]), tenant("org_b", &["b2"]));
    let report = check_isolation(&one, &other, &[Probe::get("/x")], router(app)).await;
    report.assert_isolated();
}
