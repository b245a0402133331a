//! No undecided routes.

use axum::Router;
use http::{Method, Request};
use tower_m2m::{OrgCode, Public, RouteError, Routes, Scope};

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
        "GET     /orgs/{org_code}/x  organization                          read:x",
        "POST    /orgs/{org_code}/x  organization_or_global_with_scope  write:x",
        "DELETE  /x                  optional: organization",
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
