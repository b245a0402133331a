//! The organization of the route is compared with that of the token.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tower::{Layer as _, ServiceBuilder};
use tower_m2m::token::ScopeRequirement;
use tower_m2m::{AuthorizeLayer, Claims, OrgCode, OrganizationSource, Scoped};

use crate::support::{ADMIN, Api, READ, assert_says, global, good, verifier};

tower_m2m::scopes! { pub Declared { Reading = "read:invoices" } }

async fn org(org: OrgCode) -> String {
    format!("{org}{}", if org.is_acting() { " (acting)" } else { "" })
}

/// A handler that trusts the path, as many do.
async fn trusting(Path(code): Path<String>, _: Claims) -> String {
    code
}

fn routes() -> Router {
    Router::new()
        .route("/orgs/{org_code}/invoices", get(org))
        .route("/trusting/{org_code}", get(trusting))
        .route(
            "/scoped/{org_code}",
            get(|Path(code): Path<String>, _: Scoped<Reading>| async { code }),
        )
        .route(
            "/optional/{org_code}",
            get(|Path(code): Path<String>, _: Option<Claims>| async { code }),
        )
        .route("/mine", get(org))
}

/// Values that must not match `org_a`.
const OTHERS: [&str; 16] = [
    "org_b",
    "ORG_A",
    "Org_a",
    "org_a%20",
    "org_a%00",
    "%6Frg_b",
    "org_a%2F",
    "org_a%2F..",
    "org_a%252F",
    "org_%61%0d%0a",
    "org_a;x",
    "org_a%EF%BB%BF",
    "org_%D0%B0",
    "%EF%BD%8Frg_a",
    "org_a.",
    "%FF",
];

/// Rule 158.
///
/// The values must be equal. Percent-encoding is decoded once before the comparison.
#[tokio::test]
async fn route_of_another_organization_is_rejected() {
    let api = Api::serve(routes().route_layer(verifier().layer())).await;
    for path in [
        "/orgs/org_a/invoices",
        "/orgs/%6Frg_a/invoices",
        "/orgs/org%5Fa/invoices",
    ] {
        assert_says(&api.get(path, &good()).await, "org_a");
    }
    assert_says(&api.get("/mine", &good()).await, "org_a");
    for code in OTHERS {
        api.get(&format!("/orgs/{code}/invoices"), &good())
            .await
            .assert_status(403);
        api.get(&format!("/trusting/{code}"), &good())
            .await
            .assert_status(403);
    }
    // The result does not depend on a matching axum route.
    for path in [
        "/orgs//invoices",
        "/orgs/org_a/../org_b/invoices",
        "/orgs/org_a/x/../invoices",
        "/Orgs/org_a/invoices",
    ] {
        assert!(
            matches!(api.get(path, &good()).await.status(), 403 | 404),
            "{path}"
        );
    }
}

/// A layer around the whole router sees no parameters. So each extractor checks them.
#[tokio::test]
async fn extractors_check_parameters_for_a_layer_around_router() {
    let verifier = verifier();
    let around = |layer: AuthorizeLayer| {
        let service = ServiceBuilder::new().layer(layer).service(routes());
        Router::new().fallback_service(service)
    };
    let api = Api::serve(around(verifier.layer())).await;
    for path in [
        "/orgs/org_a/invoices",
        "/trusting/org_a",
        "/scoped/org_a",
        "/optional/org_a",
        "/mine",
    ] {
        assert_says(&api.get(path, &good()).await, "org_a");
    }
    for code in OTHERS {
        for path in [
            "/orgs/CODE/invoices",
            "/trusting/CODE",
            "/scoped/CODE",
            "/optional/CODE",
        ] {
            api.get(&path.replace("CODE", code), &good())
                .await
                .assert_status(if code == "%FF" && path != "/orgs/CODE/invoices" {
                    400
                } else {
                    403
                });
        }
    }
    let api = Api::serve(around(verifier.layer().hide_organizations())).await;
    api.get("/trusting/org_b", &good()).await.assert_status(404);

    // Rule 5 of tenancy: if the layer names a scope, a global token is admitted on the route of an
    // organization.
    let api = Api::serve(around(verifier.layer().allow_global())).await;
    for path in ["/trusting/org_a", "/scoped/org_a", "/orgs/org_a/invoices"] {
        api.get(path, &global()).await.assert_status(403);
    }
    let api = Api::serve(around(verifier.layer().allow_global_with(READ))).await;
    assert_says(&api.get("/trusting/org_a", &global()).await, "org_a");
    assert_says(
        &api.get("/orgs/org_a/invoices", &global()).await,
        "org_a (acting)",
    );
}

/// Layers add checks and remove none, even if no layer sees the parameters.
#[tokio::test]
async fn two_layers_around_router_each_check_a_parameter() {
    let verifier = verifier();
    let routes = Router::new()
        .route("/{tenant}/{org_code}", get(|_: OrgCode| async {}))
        .route("/{other}", get(org));
    let around = ServiceBuilder::new()
        .layer(verifier.layer().organization_parameter("tenant"))
        .layer(verifier.layer().realm("inner"))
        .service(routes);
    let api = Api::serve(Router::new().fallback_service(around)).await;
    api.get("/org_a/org_a", &good()).await.assert_status(200);
    api.get("/org_b/org_a", &good()).await.assert_status(403);
    api.get("/org_a/org_b", &good()).await.assert_status(403);
    assert_says(&api.get("/other", &good()).await, "org_a");
}

/// A layer with settings for the extractors removes no check of a plain layer, in either order.
#[tokio::test]
async fn layer_with_custom_settings_does_not_hide_another() {
    let verifier = verifier();
    let around = |outer: AuthorizeLayer, inner: AuthorizeLayer| {
        let around = ServiceBuilder::new()
            .layer(outer)
            .layer(inner)
            .service(routes());
        Api::serve(Router::new().fallback_service(around))
    };
    let plain = || verifier.layer();
    let tenant = || verifier.layer().organization_parameter("tenant");
    for (outer, inner) in [(plain(), tenant()), (tenant(), plain())] {
        let api = around(outer, inner).await;
        assert_says(&api.get("/orgs/org_a/invoices", &good()).await, "org_a");
        for path in [
            "/orgs/org_b/invoices",
            "/trusting/org_b",
            "/scoped/org_b",
            "/optional/org_b",
        ] {
            api.get(path, &good()).await.assert_status(403);
        }
    }
    // A layer that allows a global client to act removes no check either.
    let anyone = || verifier.layer().allow_global();
    for acting in [
        verifier.layer().allow_global_with(READ),
        verifier.layer().only_global().require(READ),
    ] {
        for (outer, inner) in [(anyone(), acting.clone()), (acting.clone(), anyone())] {
            let api = around(outer, inner).await;
            api.get("/orgs/org_b/invoices", &global())
                .await
                .assert_status(403);
        }
        let api = around(acting.clone(), acting).await;
        assert_says(
            &api.get("/orgs/org_b/invoices", &global()).await,
            "org_b (acting)",
        );
    }
}

/// A layer of another verifier removes no check: the parameter of the first one is still compared.
#[tokio::test]
async fn layer_of_another_verifier_does_not_hide_a_parameter() {
    let outer = verifier().layer().organization_parameter("tenant");
    let inner = verifier().layer();
    let routes = Router::new()
        .route("/t/{tenant}/x", get(org))
        .route_layer(inner);
    let api = Api::serve(
        Router::new().fallback_service(ServiceBuilder::new().layer(outer).service(routes)),
    )
    .await;
    assert_says(&api.get("/t/org_a/x", &good()).await, "org_a");
    api.get("/t/org_b/x", &good()).await.assert_status(403);
}

/// If another verifier's layer allows a client to act, this verifier's layer does not. It only
/// keeps the parameter of that layer.
#[tokio::test]
async fn acting_requires_a_layer_of_the_same_verifier() {
    let outer = || {
        verifier()
            .layer()
            .organization_parameter("tenant")
            .allow_global_with(ADMIN)
    };
    let inner = verifier().layer().allow_global_with(ADMIN);
    let routes = Router::new().route("/t/{tenant}/x", get(org));
    let layers = ServiceBuilder::new().layer(outer()).layer(inner);
    let both = Api::serve(Router::new().fallback_service(layers.service(routes.clone()))).await;
    let alone = Api::serve(Router::new().fallback_service(outer().layer(routes))).await;
    let token = global().scopes(["admin"]);
    assert_says(&alone.get("/t/org_a/x", &token).await, "org_a (acting)");
    both.get("/t/org_a/x", &token).await.assert_status(403);
    assert_says(&both.get("/t/org_a/x", &good()).await, "org_a");
}

/// An invalid parameter name causes a 500 at the first request and admits no token.
#[tokio::test]
async fn invalid_parameter_name_rejects_every_request() {
    for name in ["{org_code}", ":org_code", "*org_code", "{*org_code}"] {
        let app = Router::new()
            .route("/orgs/{org_code}/invoices", get(org))
            .route_layer(verifier().layer().organization_parameter(name));
        let api = Api::serve(app).await;
        api.get("/orgs/org_a/invoices", &good())
            .await
            .assert_status(500);
        api.get("/orgs/org_b/invoices", &good())
            .await
            .assert_status(500);
    }
}

/// Every configured place is compared. Below a nesting router, the whole path is used.
#[tokio::test]
async fn sources_add_up_and_nested_paths_are_complete() {
    let both = verifier()
        .layer()
        .organization_from(OrganizationSource::path("/api/orgs/{org_code}/*"))
        .organization_from(OrganizationSource::header(http::HeaderName::from_static(
            "x-org",
        )));
    let nested = Router::new()
        .route("/{*rest}", get(org))
        .layer(both.clone());
    let api = Api::serve(
        Router::new()
            .nest("/api", nested)
            .fallback_service(both.layer(Router::new().fallback(org))),
    )
    .await;
    let token = good().bearer();
    for (path, header, status) in [
        ("/api/orgs/org_a/x", "org_a", 200),
        ("/api/orgs/org_b/x", "org_a", 403),
        ("/api/orgs/org_a/x", "org_b", 403),
        ("/api/other", "org_a", 200),
        ("/api/other", "org_b", 403),
        ("/elsewhere", "org_a", 200),
        ("/elsewhere", "org_b", 403),
    ] {
        let headers = [("authorization", token.as_str()), ("x-org", header)];
        api.send("GET", path, &headers).await.assert_status(status);
    }
}

#[tokio::test]
async fn organization_parameter_name_is_configurable() {
    let layer = verifier().layer().organization_parameter("tenant");
    let app = Router::new()
        .route("/{tenant}/of/{org_code}", get(org))
        .route_layer(layer);
    let api = Api::serve(app).await;
    assert_says(&api.get("/org_a/of/org_a", &good()).await, "org_a");
    api.get("/org_a/of/org_b", &good()).await.assert_status(403);
    api.get("/org_b/of/org_a", &good()).await.assert_status(403);
}

/// If a router and a nested one have the same parameter name, both values must be equal.
#[tokio::test]
async fn nested_parameters_and_wildcards_are_checked() {
    let layer = verifier().layer();
    let app = Router::new()
        .nest(
            "/n/{org_code}",
            Router::new()
                .route("/x", get(org))
                .route_layer(layer.clone()),
        )
        .route("/w/{*org_code}", get(org).route_layer(layer));
    let api = Api::serve(app).await;
    assert_says(&api.get("/n/org_a/x", &good()).await, "org_a");
    api.get("/n/org_b/x", &good()).await.assert_status(403);
    assert_says(&api.get("/w/org_a", &good()).await, "org_a");
    api.get("/w/org_a/org_b", &good()).await.assert_status(403);
}

/// Existing and unknown organizations get the same response. It does not show if the token is
/// valid.
#[tokio::test]
async fn hidden_organization_looks_like_a_missing_one() {
    let api =
        Api::serve(routes().route_layer(verifier().layer().hide_organizations().require(ADMIN)))
            .await;
    let seen = |answer: &tower_m2m::testing::assertions::TestResponse| {
        let mut headers = answer.headers().clone();
        headers.remove("date");
        (answer.status(), headers, answer.body().to_vec())
    };
    let real = api.get("/orgs/org_b/invoices", &good()).await;
    real.assert_status(404);
    assert!(real.challenge().is_err());
    for code in ["org_nobody", "ORG_A", "%FF", "org_a%2F"] {
        assert_eq!(
            seen(&api.get(&format!("/orgs/{code}/invoices"), &good()).await),
            seen(&real),
            "{code}"
        );
    }
    // The tenant is checked before the scope. A token of the right organization then lacks the
    // scope.
    api.get("/orgs/org_a/invoices", &good())
        .await
        .assert_rejected(403, "insufficient_scope");
}

#[tokio::test]
async fn global_tokens_are_rejected_unless_allowed() {
    let verifier = verifier();
    let table = [
        ("default", verifier.layer(), [403, 403]),
        ("allow_global", verifier.layer().allow_global(), [403, 200]),
        (
            "allow_global_with a scope it has",
            verifier.layer().allow_global_with(READ),
            [200, 200],
        ),
        (
            "allow_global_with a scope it lacks",
            verifier.layer().allow_global_with(ADMIN),
            [403, 403],
        ),
        (
            "allow_global_with no scope",
            verifier.layer().allow_global_with(ScopeRequirement::none()),
            [403, 200],
        ),
        (
            "allow_global_with an empty alternative",
            verifier
                .layer()
                .allow_global_with(ScopeRequirement::from(ADMIN).or(ScopeRequirement::none())),
            [403, 200],
        ),
        ("only_global", verifier.layer().only_global(), [403, 200]),
        (
            "only_global with a scope",
            verifier.layer().only_global().require(READ),
            [200, 200],
        ),
        (
            "only_global with a scope it lacks",
            verifier.layer().only_global().require(ADMIN),
            [403, 403],
        ),
    ];
    for (name, layer, expected) in table {
        let app = Router::new()
            .route("/orgs/{org_code}", get(|| async {}))
            .route("/", get(|| async {}))
            .route_layer(layer);
        let api = Api::serve(app).await;
        for (path, expected) in ["/orgs/org_a", "/"].into_iter().zip(expected) {
            assert_eq!(
                api.get(path, &global()).await.status(),
                expected,
                "{name} at {path}"
            );
        }
        // A malformed organization is never global (rule 5 of tenancy).
        api.get("/", &global().claim("org_code", ""))
            .await
            .assert_rejected(401, "invalid_token");
    }
    let api = Api::serve(routes().route_layer(verifier.layer().only_global())).await;
    api.get("/mine", &good()).await.assert_status(403);
}

/// For services without an axum router, the layer rejects a path that two readers could read
/// differently.
#[tokio::test]
async fn path_template_organization_must_match_token() {
    let layer = verifier()
        .layer()
        .organization_from(OrganizationSource::path("/orgs/{org_code}/*"));
    let api = Api::serve(Router::new().fallback(get(org)).layer(layer)).await;
    for (path, status) in [
        ("/orgs/org_a", 200),
        ("/orgs/org_a/", 200),
        ("/orgs/org_a/invoices/7?org_code=org_b", 200),
        ("/orgs/%6Frg_a/x", 200),
        ("/%6Frgs/org_a/x", 200),
        ("/healthz", 200),
        ("/", 200),
        ("/orgs", 200),
        ("/files/a%20b", 200),
        ("/orgs/org_b", 403),
        ("/orgs/org_b/", 403),
        ("/%6Frgs/org_b/x", 403),
        ("/orgs/org_a%2F..%2Forg_b", 403),
        ("/orgs/org_a/../org_b", 403),
        ("/orgs/org_a/%2E%2e/org_b", 403),
        ("/orgs/org_a/..%2Forg_b", 403),
        ("/orgs/./org_b", 403),
        ("/x/../orgs/org_b", 403),
        ("/x/%2e%2E/orgs/org_b", 403),
        ("//orgs/org_b", 403),
        ("/orgs//org_b", 403),
        ("/orgs%2Forg_b/x", 403),
        ("/orgs%5Corg_b/x", 403),
        ("/orgs/%FF/x", 403),
        ("/orgs/%zz/x", 403),
        ("/orgs/ORG_A", 403),
        ("/orgs/org_%D0%B0", 403),
    ] {
        assert_eq!(api.get(path, &good()).await.status(), status, "{path}");
    }
}

/// A template without a rest matches with and without a final slash.
#[tokio::test]
async fn trailing_slash_does_not_bypass_the_check() {
    for template in ["/orgs/{org_code}", "/orgs/{org_code}/"] {
        let layer = verifier()
            .layer()
            .organization_from(OrganizationSource::path(template));
        let api = Api::serve(Router::new().fallback(get(org)).layer(layer)).await;
        for path in ["/orgs/org_b", "/orgs/org_b/", "/orgs/org_b//"] {
            assert_eq!(
                api.get(path, &good()).await.status(),
                403,
                "{path} for {template}"
            );
        }
        assert_says(&api.get("/orgs/org_a/", &good()).await, "org_a");
    }
}

#[tokio::test]
async fn host_organization_must_match_token() {
    let layer = verifier()
        .layer()
        .organization_from(OrganizationSource::subdomain_of("api.example.com"));
    let api = Api::serve(Router::new().fallback(get(org)).layer(layer)).await;
    let token = good().bearer();
    for (host, status) in [
        ("org_a.api.example.com", 200),
        ("org_a.API.example.com:8080", 200),
        ("api.example.com", 200),
        ("org_b.api.example.com", 403),
        ("org_b.org_a.api.example.com", 403),
        ("org_a.org_b.api.example.com", 403),
        ("org_aapi.example.com", 403),
        (".api.example.com", 403),
        ("evil.example", 403),
        ("api.example.com.evil.example", 403),
    ] {
        let answer = api
            .send("GET", "/", &[("host", host), ("authorization", &token)])
            .await;
        assert_eq!(answer.status(), status, "{host}");
    }
    let twice = [
        ("host", "org_a.api.example.com"),
        ("host", "org_b.api.example.com"),
        ("authorization", &*token),
    ];
    assert!(matches!(
        api.send("GET", "/", &twice).await.status(),
        400 | 403
    ));
}

#[tokio::test]
async fn header_organization_must_match_token() {
    let layer = verifier()
        .layer()
        .organization_from(OrganizationSource::header("x-org-code".parse().unwrap()));
    let api = Api::serve(Router::new().fallback(get(org)).layer(layer)).await;
    let token = good().bearer();
    for (values, status) in [
        (&[][..], 200),
        (&["org_a"], 200),
        (&["org_b"], 403),
        (&[""], 403),
        (&["org_a,org_b"], 403),
        (&["org_a", "org_a"], 403),
    ] {
        let mut headers = vec![("authorization", &*token)];
        headers.extend(values.iter().map(|value| ("x-org-code", *value)));
        let answer = api.send("GET", "/", &headers).await;
        assert_eq!(answer.status(), status, "{values:?}");
        // The header does not select the organization: the handler reads the token's.
        if status == 200 {
            assert_says(&answer, "org_a");
        }
    }
}
