//! A tenant check that neither a name nor a setting can disable.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tower::{Layer as _, ServiceBuilder};
use tower_m2m::{AuthorizeLayer, Claims, OrgCode, OrganizationSource, Scope};

use super::support::{self, Fixture};

/// A handler that trusts the path, as many do.
async fn trusting(Path(code): Path<String>) -> String {
    code
}

async fn own(org: OrgCode) -> String {
    org.to_string()
}

const MISCONFIGURED: (u16, Option<&str>) = (500, Some("misconfigured"));
const FOREIGN: (u16, Option<&str>) = (403, Some("wrong_organization"));
const ADMITTED: (u16, Option<&str>) = (200, None);

/// The same route where axum matches it: alone, nested, merged, and behind a layer of the router.
fn routers(name: &str, layer: &AuthorizeLayer) -> [Router; 5] {
    let path = format!("/orgs/{{{name}}}/invoices");
    let router = || Router::new().route("/invoices", get(trusting).route_layer(layer.clone()));
    [
        Router::new().route(&path, get(trusting).route_layer(layer.clone())),
        Router::new()
            .route(&path, get(trusting))
            .route_layer(layer.clone()),
        Router::new()
            .route(&path, get(trusting))
            .layer(layer.clone()),
        Router::new().nest(&format!("/orgs/{{{name}}}"), router()),
        Router::new().merge(Router::new().nest(&format!("/orgs/{{{name}}}"), router())),
    ]
}

/// Rows 1 and 2: a name that means a tenant is compared or ignored, or the route responds with 500.
#[tokio::test]
async fn undecided_tenant_parameter_responds_500() {
    let fixture = Fixture::new();
    let token = fixture.org("org_a");
    for name in ["org", "tenant", "organizationId", "tenant-slug", "ORG_IDS"] {
        let layer = fixture.verifier().layer().allow_global();
        for app in routers(name, &layer) {
            for path in [
                "/orgs/org_a/invoices",
                "/orgs/org_b/invoices",
                "/orgs/7/invoices",
                "/orgs/%FF/invoices",
            ] {
                assert_eq!(
                    support::get(&app, path, &token).await,
                    MISCONFIGURED,
                    "{name} {path}"
                );
                assert_eq!(
                    support::get(&app, path, &fixture.global()).await,
                    MISCONFIGURED,
                    "{name} {path}"
                );
            }
            let anonymous = http::Request::get("/orgs/org_b/invoices")
                .body(axum::body::Body::empty())
                .unwrap();
            assert_eq!(
                support::send(&app, anonymous).await,
                (401, Some("missing_token"))
            );
        }
        for app in routers(name, &layer.clone().organization_parameter(name)) {
            assert_eq!(
                support::get(&app, "/orgs/org_a/invoices", &token).await,
                ADMITTED
            );
            for path in [
                "/orgs/org_b/invoices",
                "/orgs/7/invoices",
                "/orgs/%FF/invoices",
            ] {
                assert_eq!(
                    support::get(&app, path, &token).await,
                    FOREIGN,
                    "{name} {path}"
                );
            }
        }
        for app in routers(name, &layer.ignore_parameter(name)) {
            assert_eq!(
                support::get(&app, "/orgs/7/invoices", &token).await,
                ADMITTED
            );
        }
    }
    for name in ["organizer", "orgchart", "account", "id"] {
        for app in routers(name, &fixture.verifier().layer()) {
            assert_eq!(
                support::get(&app, "/orgs/7/invoices", &token).await,
                ADMITTED,
                "{name}"
            );
        }
    }
}

/// A layer outside the router sees no parameters, so the extractors repeat the check of names.
#[tokio::test]
async fn extractors_repeat_the_check_of_names() {
    let fixture = Fixture::new();
    let routes = || {
        Router::new()
            .route("/t/{tenant}/org", get(own))
            .route("/t/{tenant}/claims", get(async |_: Claims| ()))
            .route("/t/{tenant}/optional", get(async |_: Option<Claims>| ()))
    };
    let around = |layer: AuthorizeLayer| Router::new().fallback_service(layer.layer(routes()));
    let nested = |layer: AuthorizeLayer| {
        let app = Router::new().nest_service(
            "/t/{tenant}",
            layer.layer(Router::new().route("/{kind}", get(own))),
        );
        Router::new().merge(app)
    };
    let token = fixture.org("acme");
    let layer = || fixture.verifier().layer();
    for kind in ["org", "claims", "optional"] {
        for (code, other) in [("acme", ADMITTED), ("bigco", FOREIGN)] {
            let path = format!("/t/{code}/{kind}");
            for app in [
                around(layer()),
                around(layer().hide_organizations()),
                nested(layer()),
            ] {
                assert_eq!(
                    support::get(&app, &path, &token).await,
                    MISCONFIGURED,
                    "{path}"
                );
            }
            let compared = || layer().organization_parameter("tenant");
            for app in [around(compared()), nested(compared())] {
                assert_eq!(support::get(&app, &path, &token).await, other, "{path}");
            }
            let app = around(layer().ignore_parameter("tenant"));
            assert_eq!(support::get(&app, &path, &token).await, ADMITTED, "{path}");
        }
    }
}

/// Row 3: a setting adds a name and replaces none.
#[tokio::test]
async fn named_parameter_is_compared_in_addition() {
    let fixture = Fixture::new();
    let token = fixture.org("org_a");
    let layer = fixture.verifier().layer().organization_parameter("tenant");
    for app in routers("org_code", &layer) {
        for path in ["/orgs/org_a/invoices", "/orgs/org_b/invoices"] {
            assert_eq!(support::get(&app, path, &token).await, MISCONFIGURED);
        }
    }
    let optional = fixture
        .verifier()
        .layer()
        .optional_organization_parameter("tenant");
    for app in routers("org_code", &optional) {
        assert_eq!(
            support::get(&app, "/orgs/org_a/invoices", &token).await,
            ADMITTED
        );
        assert_eq!(
            support::get(&app, "/orgs/org_b/invoices", &token).await,
            FOREIGN
        );
    }
    let app = Router::new()
        .route("/{tenant}/of/{org_code}", get(own))
        .route_layer(layer);
    for (path, expected) in [
        ("/org_a/of/org_a", ADMITTED),
        ("/org_a/of/org_b", FOREIGN),
        ("/org_b/of/org_a", FOREIGN),
    ] {
        assert_eq!(support::get(&app, path, &token).await, expected, "{path}");
    }
    for name in ["{org_code}", ":org_code", "*org_code", "{*org_code}", ""] {
        let layer = fixture.verifier().layer().organization_parameter(name);
        for app in routers("org_code", &layer) {
            assert_eq!(
                support::get(&app, "/orgs/org_a/invoices", &token).await,
                MISCONFIGURED
            );
        }
    }
}

/// The settings of all layers around a route apply to it, even if the layers have different
/// verifiers.
#[tokio::test]
async fn inner_layer_uses_the_settings_of_outer_layers() {
    let fixture = Fixture::new();
    let token = fixture.org("org_a");
    let verifier = fixture.verifier();
    for outer in [verifier.clone(), fixture.verifier()] {
        let inner = verifier.layer();
        let routes = Router::new()
            .route("/t/{mandant}/x", get(trusting))
            .route_layer(inner);
        let outer = outer.layer().organization_parameter("mandant");
        let app =
            Router::new().fallback_service(ServiceBuilder::new().layer(outer).service(routes));
        assert_eq!(support::get(&app, "/t/org_a/x", &token).await, ADMITTED);
        assert_eq!(support::get(&app, "/t/bigco/x", &token).await, FOREIGN);
    }
    let inner = fixture.verifier().layer().organization_parameter("org");
    let routes = || {
        Router::new()
            .route("/t/{org}/x", get(trusting))
            .route_layer(inner.clone())
    };
    let around = |outer: AuthorizeLayer| routes().layer(outer);
    let app = around(fixture.verifier().layer());
    assert_eq!(
        support::get(&app, "/t/org_a/x", &token).await,
        MISCONFIGURED
    );
    let app = around(
        fixture
            .verifier()
            .layer()
            .optional_organization_parameter("org"),
    );
    assert_eq!(support::get(&app, "/t/org_a/x", &token).await, ADMITTED);
    assert_eq!(support::get(&app, "/t/org_b/x", &token).await, FOREIGN);
}

/// A path template that compares the segment of the parameter decides the parameter.
#[tokio::test]
async fn parameter_on_the_segment_of_a_template_is_compared() {
    let fixture = Fixture::new();
    let token = fixture.org("acme");
    let layer = |template: &str| {
        fixture
            .verifier()
            .layer()
            .organization_from(OrganizationSource::path(template))
    };
    for (template, expected) in [
        ("/t/{org_code}/*", [ADMITTED, FOREIGN]),
        ("/tenants/{org_code}/*", [MISCONFIGURED, MISCONFIGURED]),
        ("/{org_code}/*", [FOREIGN, FOREIGN]),
    ] {
        let app = Router::new()
            .route("/t/{tenant}/x", get(trusting))
            .route_layer(layer(template));
        for (path, expected) in ["/t/acme/x", "/t/bigco/x"].into_iter().zip(expected) {
            let expected = if template == "/{org_code}/*" {
                MISCONFIGURED
            } else {
                expected
            };
            assert_eq!(
                support::get(&app, path, &token).await,
                expected,
                "{template} {path}"
            );
        }
        let app = Router::new().fallback_service(
            layer(template).layer(Router::new().route("/t/{tenant}/x", get(own))),
        );
        if template == "/t/{org_code}/*" {
            assert_eq!(support::get(&app, "/t/acme/x", &token).await, ADMITTED);
        }
    }
}

/// `organization_parameter` gives a name all rules of `{org_code}`, acting included.
#[tokio::test]
async fn named_parameter_has_the_rules_of_org_code() {
    let fixture = Fixture::new();
    let acting = Scope::from_static("act:any");
    let layer = fixture
        .verifier()
        .layer()
        .organization_parameter("org")
        .allow_global_with(acting);
    let app = Router::new().route("/t/{org}", get(own)).route_layer(layer);
    let global = fixture.global();
    assert_eq!(
        support::get(&app, "/t/org_a", &global).await,
        (403, Some("insufficient_scope"))
    );
    let actor = fixture.global().scopes(["act:any"]);
    assert_eq!(
        support::text(&app, http::Method::GET, "/t/org_a", &actor).await,
        "org_a"
    );
}

/// Values that have the form of another organization's code are rejected in a parameter of any
/// name.
#[tokio::test]
async fn foreign_code_is_rejected_in_every_parameter() {
    let fixture = Fixture::new();
    let token = fixture.org("org_a");
    let verifier = fixture.verifier();
    let route = |layer: AuthorizeLayer| {
        Router::new()
            .route("/x/{partner}", get(trusting).route_layer(layer.clone()))
            .route("/org_b/{*rest}", get(trusting).route_layer(layer))
    };
    let app = route(verifier.layer());
    for (path, expected) in [
        ("/x/org_a", ADMITTED),
        ("/x/org_b", FOREIGN),
        ("/x/%6Frg_b", FOREIGN),
        ("/x/org_b_c", ADMITTED),
        ("/x/org_", ADMITTED),
        ("/x/7", ADMITTED),
        ("/org_b/1/2", ADMITTED),
        ("/org_b/org_a/2", ADMITTED),
        ("/org_b/1/org_c/2", FOREIGN),
    ] {
        assert_eq!(support::get(&app, path, &token).await, expected, "{path}");
    }
    let global = fixture.global();
    let app = route(verifier.layer().allow_global());
    assert_eq!(support::get(&app, "/x/org_b", &global).await, ADMITTED);
    let app = route(verifier.layer().ignore_parameter("partner"));
    assert_eq!(support::get(&app, "/x/org_b", &token).await, FOREIGN);
    let app = route(verifier.layer().allow_other_organizations_in("partner"));
    assert_eq!(support::get(&app, "/x/org_b", &token).await, ADMITTED);
    assert_eq!(support::get(&app, "/org_b/org_c", &token).await, FOREIGN);
}

/// If there is no matched route, each segment of the path is checked.
#[tokio::test]
async fn foreign_code_is_rejected_in_an_unmatched_path() {
    let fixture = Fixture::new();
    let token = fixture.org("org_a");
    let app = |layer: AuthorizeLayer| Router::new().fallback(get(async || ())).layer(layer);
    let layer = || fixture.verifier().layer();
    let plain = app(layer());
    let excepted = app(layer()
        .allow_path_segment("org_settings")
        .allow_other_organizations_in_path("/partners/{org_code}/*"));
    for (path, without, with) in [
        ("/orgs/org_a/x", ADMITTED, ADMITTED),
        ("/orgs/org_b/x", FOREIGN, FOREIGN),
        ("/orgs/org%5Fb/x", FOREIGN, FOREIGN),
        ("/orgs/org_settings", FOREIGN, ADMITTED),
        ("/partners/org_b/x", FOREIGN, ADMITTED),
        ("/partners/org_b/org_c", FOREIGN, FOREIGN),
        ("/org_b/partners", FOREIGN, FOREIGN),
        ("/", ADMITTED, ADMITTED),
        ("/%zz/%ff", ADMITTED, ADMITTED),
    ] {
        assert_eq!(support::get(&plain, path, &token).await, without, "{path}");
        assert_eq!(support::get(&excepted, path, &token).await, with, "{path}");
    }
    let nested = Router::new().nest("/orgs/org_b", app(layer()));
    assert_eq!(
        support::get(&nested, "/orgs/org_b/x", &token).await,
        FOREIGN
    );
}

/// The form of the codes is a setting of the issuer.
#[tokio::test]
async fn form_of_organization_codes_is_configurable() {
    let fixture = Fixture::new();
    let build = |issuer: tower_m2m::Issuer| {
        let verifier = tower_m2m::Verifier::builder([issuer]);
        verifier.clock(fixture.clock.clone()).build()
    };
    let app = |verifier: &tower_m2m::Verifier| {
        Router::new().route("/x/{partner}", get(trusting).route_layer(verifier.layer()))
    };
    let token = fixture.org("org_a");
    let off = build(fixture.trusted().without_organization_code_pattern()).unwrap();
    assert_eq!(support::get(&app(&off), "/x/org_b", &token).await, ADMITTED);
    let weak = off.weak_settings();
    assert!(
        weak.iter()
            .any(|weak| weak.setting == "without_organization_code_pattern"),
        "{weak:?}"
    );
    let other = build(fixture.trusted().organization_code_pattern("acme-*")).unwrap();
    assert_eq!(
        support::get(&app(&other), "/x/org_b", &token).await,
        ADMITTED
    );
    assert_eq!(
        support::get(&app(&other), "/x/acme-1", &token).await,
        FOREIGN
    );
    for invalid in ["", "*", "org_"] {
        let error = build(fixture.trusted().organization_code_pattern(invalid)).unwrap_err();
        assert!(
            error.to_string().contains("organization_code_pattern"),
            "{error}"
        );
    }
}
