//! The whole path of a request: token, layer, extractor, transaction, policy. If the layer does
//! not compare, the policy still returns no row of another tenant.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request};
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tower::{ServiceBuilder, service_fn};
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::testing::tenants::{Probe, Tenant, check_isolation, router, service};
use tower_m2m::testing::{self, AUDIENCE, LocalIssuer};
use tower_m2m::{RequestExt as _, Routes, Verifier};

use super::server::Server;
use super::support::{Client, ISSUER, add, numbers, run};
use crate::{ApiScopes, with_sqlx, with_tokio_postgres};

fn local_issuer() -> (LocalIssuer, Verifier) {
    let issuer = LocalIssuer::in_process(ISSUER).unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    (issuer, verifier)
}

#[tokio::test]
async fn api_isolates_tenants() {
    send_requests_of_another_tenant::<with_sqlx::Database>().await;
    send_requests_of_another_tenant::<with_tokio_postgres::Database>().await;
}

async fn send_requests_of_another_tenant<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let (issuer, verifier) = local_issuer();
    let database = C::open(&server, "app", 2).await.unwrap();
    add::<C>(&database.tenant("org_a"), 1001).await;
    add::<C>(&database.tenant("org_b"), 2002).await;
    let (api, inventory) = crate::api(&verifier, database.clone()).unwrap();

    let scopes = ApiScopes::ALL
        .iter()
        .map(|declared| declared.scope.as_str());
    let token = |code: &str| issuer.org(code).scopes(scopes.clone());
    let a = Tenant::from(&token("org_a")).with_marker("1001");
    let b = Tenant::from(&token("org_b")).with_marker("2002");
    let probes: Vec<Probe> = inventory
        .iter()
        .map(|route| {
            Probe::from_route(route)
                .path_parameter("number", "7")
                .json(&body(route.path()))
        })
        .collect();
    let invoices = "/orgs/{org_code}/invoices";
    let create = [Probe::post_json(invoices, &body(invoices))];
    let send = router(api);
    check_isolation(&a, &b, &create, &send)
        .await
        .assert_isolated();
    check_isolation(&a, &b, &probes, &send)
        .await
        .assert_isolated();
    assert_eq!(numbers::<C>(&database.tenant("org_a")).await, "7 1001");
    assert_eq!(numbers::<C>(&database.tenant("org_b")).await, "7 2002");
}

/// Returns a body that the routes of this path accept.
fn body(path: &str) -> Value {
    match path {
        "/orgs/{org_code}/invoices" | "/orgs/{org_code}/invoices/{number}" => {
            json!({ "number": 7, "amount": 1 })
        }
        _ => panic!("add a body that the routes of {path} accept"),
    }
}

/// Routes whose path is not compared with the token, behind the verifier's layer and behind a layer
/// that does not check. The caller is `org_b`, at the address of `org_a`. `Routes::build` rejects
/// the undecided parameter, so one route has `ignore_parameter("org")`.
#[tokio::test]
async fn route_without_comparison_returns_no_foreign_row() {
    send_requests_without_comparison::<with_sqlx::Database>().await;
    send_requests_without_comparison::<with_tokio_postgres::Database>().await;
}

async fn send_requests_without_comparison<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let (issuer, verifier) = local_issuer();
    let database = C::open(&server, "app", 2).await.unwrap();
    add::<C>(&database.tenant("org_a"), 1001).await;
    add::<C>(&database.tenant("org_b"), 2002).await;
    let bearer = issuer.org("org_b").bearer();
    let request = || {
        let request = Request::get("/orgs/org_a/invoices").header(AUTHORIZATION, &bearer);
        request.body(Bytes::new()).unwrap()
    };

    let layer = || verifier.layer();
    let undecided = "/orgs/{org}/invoices";
    let decided = "/orgs/{org_code}/invoices";
    let route = |path, handler| Router::new().route(path, handler);
    let of_path = || get(rows_of_path::<C>);
    let all = || get(all_rows::<C>);
    let routes = |layer| Routes::new().get(undecided, rows_of_path::<C>, layer);
    assert!(routes(layer()).build().is_err());
    let (built, _) = routes(layer().ignore_parameter("org")).build().unwrap();
    let verified = [
        route(undecided, of_path()).route_layer(layer()),
        route(undecided, all()).route_layer(layer()),
        route(decided, of_path()).route_layer(layer().organization_parameter("tenant")),
        route(decided, all()).route_layer(layer().organization_parameter("tenant")),
        built,
        route(decided, all()).route_layer(layer().only_global()),
    ];
    for (row, app) in verified.into_iter().enumerate() {
        let response = router(app.with_state(database.clone()))(request()).await;
        assert_no_foreign_row(&response, row);
    }
    let plain = ServiceBuilder::new()
        .layer(layer())
        .service(plain_service(database.clone()));
    assert_no_foreign_row(&service::<Body, _, _>(plain)(request()).await, 6);

    // These requests always reach the handlers, so the policy alone decides.
    let unchecked = || testing::claims().issuer(ISSUER).org("org_b").layer();
    for (app, expected) in [
        (route(undecided, of_path()), ""),
        (route(undecided, all()), "2002"),
    ] {
        let app = app.route_layer(unchecked()).with_state(database.clone());
        let response = router(app)(request()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.body(), expected.as_bytes());
    }
    let plain = ServiceBuilder::new()
        .layer(unchecked())
        .service(plain_service(database));
    let response = service::<Body, _, _>(plain)(request()).await;
    assert_eq!(
        (response.status(), response.body()),
        (200, "2002".as_bytes())
    );
}

fn assert_no_foreign_row(response: &TestResponse, row: usize) {
    let body = String::from_utf8_lossy(response.body());
    assert!(!body.contains("1001"), "row {row}: {body}");
}

/// A handler that believes the path.
async fn rows_of_path<C: Client>(db: C::TenantDb, Path(org): Path<String>) -> String {
    let statement = format!(
        "SELECT string_agg(number::text, ' ') FROM invoices WHERE org_code = '{}'",
        org.replace('\'', "''")
    );
    run::<C>(&db, &statement).await.unwrap_or_default()
}

async fn all_rows<C: Client>(db: C::TenantDb) -> String {
    numbers::<C>(&db).await
}

/// A service without a router. It takes the organization from the request's extensions.
fn plain_service<C: Client>(
    database: C,
) -> impl tower::Service<
    Request<Body>,
    Response = Response,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone {
    service_fn(move |request: Request<Body>| {
        let database = database.clone();
        async move {
            let org = request.org_code().cloned();
            let rows = match org {
                Ok(org) => numbers::<C>(&database.of(org)).await,
                Err(_) => String::new(),
            };
            Ok(Response::new(Body::from(rows)))
        }
    })
}
