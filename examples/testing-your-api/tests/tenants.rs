//! Tests isolation for each route, and handlers alone with claims that need no token.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use testing_your_api::{app, list};
use tower::ServiceExt as _;
use tower_m2m::Verifier;
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::testing::tenants::{self, Probe, Tenant};
use tower_m2m::testing::{self, LocalIssuer};

/// Each tenant reaches its own invoices, and no invoices of another tenant, for any path, header
/// and query.
#[tokio::test]
async fn tenants_cannot_access_each_others_data() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(issuer.audience())
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    let [one, other] = ["org_a", "org_b"].map(|org| {
        let token = issuer.org(org).scopes(["read:invoices", "write:invoices"]);
        Tenant::from(&token).with_marker(format!("invoices of {org}"))
    });
    let route = "/orgs/{org_code}/invoices";
    let probes = [
        Probe::get(route),
        Probe::post_json(route, &serde_json::json!({ "total": "1.00" })),
    ];
    tenants::check_isolation(
        &one,
        &other,
        &probes,
        tenants::service::<Body, _, _>(app(&verifier)),
    )
    .await
    .assert_isolated();
}

/// Tests a handler without keys and tokens. The layer, which would require a token, is not part of
/// the test.
#[tokio::test]
async fn handler_runs_with_fake_claims() {
    let app = Router::new().route("/invoices", get(list)).layer(
        testing::claims()
            .org("org_a")
            .scopes("read:invoices")
            .layer(),
    );
    let request = Request::get("/invoices").body(Body::empty()).unwrap();
    let answer = TestResponse::read(app.oneshot(request).await.unwrap())
        .await
        .unwrap();
    assert_eq!(answer.assert_status(200).body(), b"invoices of org_a");
}
