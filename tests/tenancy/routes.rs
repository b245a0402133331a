//! Routes without undecided parameters.

use axum::Router;
use http::{Method, Request};
use tower_m2m::{OrgCode, OrganizationSource, Public, PublicPerTenant, RouteError, Routes, Scope};

use super::support::{self, Fixture};

tower_m2m::scopes! { Api { Read = "read:x", Write = "write:x" } }

async fn nothing() {}

#[tokio::test]
async fn every_route_is_in_the_inventory_and_enforced() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let (app, inventory): (Router, _) = Routes::new()
        .get("/healthz", nothing, Public)
        .get(
            "/orgs/{org_code}/x",
            async |_: OrgCode| (),
            verifier.layer().require(Read),
        )
        .post(
            "/orgs/{org_code}/x",
            nothing,
            verifier
                .layer()
                .require(Write)
                .allow_global_with(Scope::from_static("act:any")),
        )
        .delete("/x", nothing, verifier.optional_layer())
        .build()
        .unwrap();
    let table = [
        "GET     /healthz            public",
        "GET     /orgs/{org_code}/x  organization                          path:org_code         read:x",
        "POST    /orgs/{org_code}/x  organization_or_global_with_scope     path:org_code         write:x",
        "DELETE  /x                  optional: organization                token only",
    ];
    assert_eq!(inventory.to_string().lines().collect::<Vec<_>>(), table);
    assert_eq!(
        inventory
            .scopes()
            .iter()
            .map(|scope| scope.as_str())
            .collect::<Vec<_>>(),
        ["act:any", "read:x", "write:x"]
    );
    assert_eq!(
        inventory
            .iter()
            .filter(|route| route.is_organization_scoped())
            .count(),
        2
    );

    let reader = fixture.org("org_a").scopes(["read:x"]);
    assert_eq!(
        support::get(&app, "/orgs/org_a/x", &reader).await,
        (200, None)
    );
    assert_eq!(
        support::get(&app, "/orgs/org_b/x", &reader).await,
        (403, Some("wrong_organization"))
    );
    for (method, path, expected) in [
        (Method::GET, "/healthz", 200),
        (Method::GET, "/orgs/org_a/x", 401),
        (Method::HEAD, "/orgs/org_a/x", 401),
        (Method::POST, "/orgs/org_a/x", 401),
        (Method::DELETE, "/x", 200),
        (Method::GET, "/unknown", 404),
    ] {
        let request = Request::builder()
            .method(&method)
            .uri(path)
            .body(axum::body::Body::empty())
            .unwrap();
        assert_eq!(
            support::send(&app, request).await.0,
            expected,
            "{method} {path}"
        );
    }
    let post = Request::post("/orgs/org_a/x")
        .header("authorization", reader.bearer())
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(
        support::send(&app, post).await,
        (403, Some("insufficient_scope"))
    );
}

#[test]
fn duplicate_and_overlapping_routes_are_errors() {
    let build = |first: &str, second: &str| {
        let routes: Routes = Routes::new()
            .get(first, nothing, Public)
            .get(second, nothing, Public);
        routes.build().map(|_| ())
    };
    let twice = RouteError::Duplicate {
        method: Method::GET,
        path: "/a".to_owned(),
    };
    assert_eq!(build("/a", "/a"), Err(twice));
    for (first, second) in [
        ("/a/{x}", "/a/{y}"),
        ("/a/{x}", "/a/{*y}"),
        ("/a/{*x}", "/a/{y}/b"),
        ("/a", ""),
        ("/a", "b"),
        ("/a", "/{}"),
        ("/a", "/{x"),
        ("/a", "/x}"),
        ("/a", "/:x"),
        ("/a", "/*x"),
        ("/a", "/{*x}/y"),
    ] {
        assert_eq!(
            build(first, second),
            Err(RouteError::InvalidPath {
                path: second.to_owned()
            }),
            "{first} {second}"
        );
    }
    for (first, second) in [
        ("/a/{x}", "/a/b"),
        ("/a/{x}/b", "/a/{y}/c"),
        ("/a", "/a/{*rest}"),
        ("/a/b", "/a/{*rest}"),
        ("/a", "/a/"),
        ("/{x}", "/{x}/{y}"),
        ("/", "/{*rest}"),
    ] {
        assert_eq!(build(first, second), Ok(()), "{first} {second}");
    }
    let method = Method::from_bytes(b"PURGE").unwrap();
    let routes: Routes = Routes::new().route(&method, "/a", nothing, Public);
    assert_eq!(
        routes.build().map(|_| ()),
        Err(RouteError::UnsupportedMethod { method })
    );
}

/// Row B3, and settings that cannot work: each is an error of `build`.
#[test]
fn routes_that_cannot_be_decided_are_errors() {
    let verifier = Fixture::new().verifier();
    let layer = || verifier.layer();
    let build = |path: &str, access: tower_m2m::Access| {
        let routes: Routes = Routes::new().get(path, nothing, access);
        routes.build().map(|_| ())
    };
    let template = OrganizationSource::path;
    for (path, access, expected) in [
        (
            "/t/{tenant}",
            layer().into(),
            "organization_parameter(\"tenant\")",
        ),
        (
            "/orgs/{org_code}",
            layer().organization_parameter("tenant").into(),
            "does not have",
        ),
        (
            "/x",
            layer().organization_parameter("{x}").into(),
            "not the name",
        ),
        (
            "/tenants/{tenant}/data",
            layer()
                .ignore_parameter("tenant")
                .organization_from(template("/tenant/{org_code}/*"))
                .into(),
            "template",
        ),
        (
            "/orgs/{org_code}",
            layer().only_global().into(),
            "only_global",
        ),
        ("/t/{tenant}", Public.into(), "PublicPerTenant"),
    ] {
        let error = build(path, access).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    for (path, access) in [
        (
            "/t/{tenant}",
            layer().organization_parameter("tenant").into(),
        ),
        (
            "/t/{tenant}/x",
            layer()
                .organization_from(template("/t/{org_code}/*"))
                .into(),
        ),
        (
            "/orgs/{org_code}",
            layer().only_global().require(Read).into(),
        ),
        ("/t/{tenant}", PublicPerTenant.into()),
        ("/x/{id}", layer().into()),
    ] {
        assert_eq!(build(path, access), Ok(()), "{path}");
    }
    let options = |access: tower_m2m::Access| {
        let routes: Routes = Routes::new().route(&Method::OPTIONS, "/x", nothing, access);
        routes.build().map(|_| ())
    };
    assert!(matches!(
        options(layer().into()),
        Err(RouteError::Options { .. })
    ));
    assert_eq!(options(layer().reject_preflights().into()), Ok(()));
}

/// The checks and the inventory use the full path, and the inventory names the parameters that are
/// not compared.
#[test]
fn prefix_counts_for_checks_and_inventory() {
    let verifier = Fixture::new().verifier();
    let routes = || -> Routes {
        Routes::new()
            .get(
                "/x/{account}",
                nothing,
                verifier.layer().organization_parameter("tenant"),
            )
            .get(
                "/",
                nothing,
                verifier.layer().organization_parameter("tenant"),
            )
    };
    assert!(matches!(
        routes().build(),
        Err(RouteError::Misconfigured { .. })
    ));
    assert!(matches!(
        routes().build_under("t/{tenant}"),
        Err(RouteError::InvalidPath { .. })
    ));
    let (_, inventory) = routes().build_under("/t/{tenant}").unwrap();
    let paths: Vec<&str> = inventory.iter().map(tower_m2m::RouteEntry::path).collect();
    assert_eq!(paths, ["/t/{tenant}/x/{account}", "/t/{tenant}"]);
    for route in inventory.iter() {
        assert_eq!(route.compared(), ["path:tenant"]);
    }
    let uncompared: Vec<_> = inventory.uncompared().collect();
    assert_eq!(uncompared.len(), 1);
    assert_eq!(uncompared[0].uncompared_parameters(), ["account"]);
    assert!(inventory.to_string().contains("not compared: account"));
}

fn module(verifier: &tower_m2m::Verifier) -> Routes {
    Routes::new()
        .get(
            "/invoices/{id}",
            async |org: OrgCode| org.to_string(),
            verifier.layer().organization_parameter("tenant"),
        )
        .get(
            "/",
            nothing,
            verifier.layer().organization_parameter("tenant"),
        )
}

/// Row A5.
#[tokio::test]
async fn nested_and_merged_routes_are_in_one_inventory() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let health = Routes::new().get("/healthz", nothing, Public);
    let admin = Routes::new()
        .get("/stats", nothing, verifier.layer().only_global())
        .merge(Routes::new().get("/version", nothing, Public));
    let api = Routes::new()
        .nest("/t/{tenant}", module(&verifier))
        .nest("/admin/", admin);
    let (app, inventory): (Router, _) = Routes::new()
        .nest("/v1", api)
        .merge(health)
        .build()
        .unwrap();
    let paths: Vec<&str> = inventory.iter().map(tower_m2m::RouteEntry::path).collect();
    let expected = [
        "/v1/t/{tenant}/invoices/{id}",
        "/v1/t/{tenant}",
        "/v1/admin/stats",
        "/v1/admin/version",
        "/healthz",
    ];
    assert_eq!(paths, expected);
    assert_eq!(inventory.iter().next().unwrap().compared(), ["path:tenant"]);
    let token = fixture.org("org_a");
    for (path, expected) in [
        ("/v1/t/org_a/invoices/7", (200, None)),
        ("/v1/t/org_b/invoices/7", (403, Some("wrong_organization"))),
        ("/v1/t/org_a", (200, None)),
        ("/v1/t/org_b", (403, Some("wrong_organization"))),
        ("/v1/admin/stats", (403, Some("global_required"))),
        ("/v1/admin/version", (200, None)),
        ("/healthz", (200, None)),
        ("/t/org_a", (404, None)),
    ] {
        assert_eq!(support::get(&app, path, &token).await, expected, "{path}");
    }
}

/// Row A5: a module alone does not have to be valid. The combined routes are checked as a whole.
#[test]
fn only_the_outermost_build_checks_nested_routes() {
    let verifier = Fixture::new().verifier();
    assert!(matches!(
        module(&verifier).build(),
        Err(RouteError::Misconfigured { .. })
    ));
    let error = |routes: Routes| routes.build().map(|_| ()).unwrap_err();
    let one = |path: &str| -> Routes { Routes::new().get(path, nothing, Public) };
    for (routes, path) in [
        (one("/a/{x}").merge(one("/a/{y}")), "/a/{y}"),
        (one("/a/b/{x}").nest("/a", one("/b/{y}")), "/a/b/{y}"),
        (one("/x").nest("", one("/a")), ""),
        (one("/x").nest("/", one("/a")), "/"),
        (one("/x").nest("a", one("/a")), "a"),
        (one("/x").nest("/{*rest}", Routes::new()), "/{*rest}"),
        (Routes::new().nest("/v1", one("a")), "a"),
        (Routes::new().nest("/v1", one("")), ""),
    ] {
        let path = path.to_owned();
        assert_eq!(error(routes), RouteError::InvalidPath { path });
    }
    let duplicate = RouteError::Duplicate {
        method: Method::GET,
        path: "/a/b".to_owned(),
    };
    assert_eq!(error(one("/a/b").nest("/a", one("/b"))), duplicate);
    assert_eq!(error(one("/a/b").merge(one("/a/b"))), duplicate);
    assert!(matches!(
        error(Routes::new().nest("/t/{tenant}", one("/x"))),
        RouteError::PublicTenantParameter { path, .. } if path == "/t/{tenant}/x"
    ));
    let method = Method::from_bytes(b"PURGE").unwrap();
    let unsupported: Routes = Routes::new().route(&method, "/a", nothing, Public);
    assert_eq!(
        error(Routes::new().nest("/v1", unsupported)),
        RouteError::UnsupportedMethod { method }
    );
}

/// Row A5: modules with their own states.
#[tokio::test]
async fn modules_with_different_states_are_combined() {
    use axum::extract::State;

    let fixture = Fixture::new();
    let numbers = Routes::<u32>::new().get(
        "/",
        async |State(number): State<u32>| number.to_string(),
        Public,
    );
    let words = Routes::<&'static str>::new().get(
        "/",
        async |State(word): State<&'static str>| word,
        Public,
    );
    let (app, _): (Router, _) = Routes::new()
        .nest("/numbers", numbers.with_state(7))
        .nest("/words", words.with_state("seven"))
        .build()
        .unwrap();
    for (path, expected) in [("/numbers", "7"), ("/words", "seven")] {
        let body = support::text(&app, Method::GET, path, &fixture.org("org_a")).await;
        assert_eq!(body, expected);
    }
}
