//! No undecided routes.

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

/// The checks and the inventory use the full path, and the inventory names what is not compared.
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
