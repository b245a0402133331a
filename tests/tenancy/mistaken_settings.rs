//! Settings of layers that can have no effect: an error of `Routes::build()`, or 500 with the
//! setting in the event.

use axum::Router;
use axum::routing::get;
use tower::Layer as _;
use tower_m2m::{AuthorizeLayer, Claims, Misconfiguration, OrganizationSource, RouteError, Routes};
use tracing::Level;

use super::recorder::Recorder;
use super::support::{self, Fixture};

const MISCONFIGURED: (u16, Option<&str>) = (500, Some("misconfigured"));
const ADMITTED: (u16, Option<&str>) = (200, None);

type Setter = fn(AuthorizeLayer, &str) -> AuthorizeLayer;

/// Each setting with a value that works and values that cannot.
const SETTINGS: [(&str, Setter, &str, &[&str]); 9] = [
    (
        "organization_parameter",
        |layer, value| layer.organization_parameter(value),
        "shop",
        NAMES,
    ),
    (
        "optional_organization_parameter",
        |layer, value| layer.optional_organization_parameter(value),
        "shop",
        NAMES,
    ),
    (
        "ignore_parameter",
        |layer, value| layer.ignore_parameter(value),
        "shop",
        NAMES,
    ),
    (
        "allow_other_organizations_in",
        |layer, value| layer.allow_other_organizations_in(value),
        "shop",
        NAMES,
    ),
    (
        "tenant_parameter_names",
        |layer, name| layer.tenant_parameter_names(["market", name]),
        "stall",
        LISTED,
    ),
    (
        "possible_tenant_parameter_names",
        |layer, name| layer.possible_tenant_parameter_names([name]),
        "stall",
        LISTED,
    ),
    (
        "allow_path_segment",
        |layer, value| layer.allow_path_segment(value),
        "org_settings",
        &[
            "",
            "/org_settings",
            "org_settings/",
            "{org_settings}",
            "a/b",
        ],
    ),
    (
        "allow_other_organizations_in_path",
        AuthorizeLayer::allow_other_organizations_in_path,
        "/shops/{org_code}/*",
        TEMPLATES,
    ),
    (
        "OrganizationSource::path",
        |layer, template| layer.organization_from(OrganizationSource::path(template)),
        "/shops/{org_code}/*",
        TEMPLATES,
    ),
];

const NAMES: &[&str] = &[
    "",
    "{shop}",
    "{*shop}",
    "*shop",
    ":shop",
    "/shop",
    "shop/{id}",
    "{shop",
];
const LISTED: &[&str] = &["", "-", "_-_", "{stall}", ":stall", "stall/{id}"];
const TEMPLATES: &[&str] = &[
    "",
    "/",
    "shops/{org_code}",
    "/shops/{shop}",
    "/shops/:org_code",
    "/shops/{org_code}.json",
    "/shops/{*org_code}",
];

fn router(layer: &AuthorizeLayer) -> Router {
    Router::new().route(
        "/shops/{shop}/invoices",
        get(async || "invoices").route_layer(layer.clone()),
    )
}

/// The settings of a layer that the router does not see are still checked, and so are those of
/// outer layers.
fn routers(layer: &AuthorizeLayer, inner: &AuthorizeLayer) -> [Router; 3] {
    let routes = Router::new().route("/shops/{shop}/invoices", get(async |_: Claims| "invoices"));
    let around = Router::new().fallback_service(layer.layer(routes));
    [router(layer), around, router(inner).layer(layer.clone())]
}

#[tokio::test]
async fn settings_without_effect_respond_500_and_name_the_setting() {
    let fixture = Fixture::new();
    let token = fixture.org("acme");
    let layer = || fixture.verifier().layer();
    for (setting, set, good, bad) in SETTINGS {
        let app = router(&set(layer(), good));
        let path = "/shops/acme/invoices";
        assert_eq!(
            support::get(&app, path, &token).await,
            ADMITTED,
            "{setting} {good}"
        );
        for value in bad {
            for app in routers(&set(layer(), value), &layer()) {
                assert_eq!(
                    support::get(&app, path, &token).await,
                    MISCONFIGURED,
                    "{setting} {value:?}"
                );
            }
            let error = Misconfiguration::InvalidSetting {
                setting,
                value: (*value).into(),
            };
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{setting}({value:?})` is not ")),
                "{error}"
            );
            let routes: Routes =
                Routes::new().get("/shops/{shop}/invoices", async || "", set(layer(), value));
            let found = routes.build().map(|_| ()).unwrap_err();
            let path = "/shops/{shop}/invoices".to_owned();
            assert_eq!(
                found,
                RouteError::Misconfigured { path, error },
                "{setting} {value:?}"
            );
        }
    }
}

/// A base domain that is no host can never be in a request.
#[tokio::test]
async fn base_domain_that_is_no_host_is_an_error() {
    let fixture = Fixture::new();
    let layer = |base: &str| {
        fixture
            .verifier()
            .layer()
            .organization_from(OrganizationSource::subdomain_of(base))
    };
    let send = async |base: &str| {
        let request =
            http::Request::get("/shops/7/invoices").header("host", "acme.api.example.com");
        let request = request.header("authorization", fixture.org("acme").bearer());
        support::send(
            &router(&layer(base)),
            request.body(axum::body::Body::empty()).unwrap(),
        )
        .await
    };
    for base in ["api.example.com", "API.example.com"] {
        assert_eq!(send(base).await, ADMITTED, "{base}");
    }
    for base in [
        "",
        ".api.example.com",
        "api.example.com.",
        "https://api.example.com",
        "api.example.com:8443",
        "api.example.com/",
        "*.example.com",
        "{org_code}.example.com",
        "api example",
    ] {
        assert_eq!(send(base).await, MISCONFIGURED, "{base}");
        let routes: Routes = Routes::new().get("/shops/{shop}/invoices", async || "", layer(base));
        let error = routes.build().map(|_| ()).unwrap_err().to_string();
        assert!(
            error.contains("OrganizationSource::subdomain_of"),
            "{error}"
        );
    }
}

/// The guide says that no header of a proxy is read for the organization.
#[tokio::test]
async fn forwarded_host_is_not_read() {
    let fixture = Fixture::new();
    let source = OrganizationSource::subdomain_of("api.example.com");
    let app = router(&fixture.verifier().layer().organization_from(source));
    for header in ["x-forwarded-host", "forwarded", "x-original-host", "x-host"] {
        for (host, expected) in [
            ("acme.api.example.com", ADMITTED),
            ("bigco.api.example.com", (403, Some("wrong_organization"))),
        ] {
            let other = match host {
                "acme.api.example.com" => "bigco.api.example.com",
                _ => "acme.api.example.com",
            };
            let forwarded = match header {
                "forwarded" => format!("host={other}"),
                _ => other.to_owned(),
            };
            let request = http::Request::get("/shops/7/invoices")
                .header("host", host)
                .header(header, forwarded)
                .header("authorization", fixture.org("acme").bearer());
            let request = request.body(axum::body::Body::empty()).unwrap();
            assert_eq!(support::send(&app, request).await, expected, "{header}");
        }
    }
}

/// A mistake does not decide before the token was verified, so it tells no unknown client anything.
#[tokio::test]
async fn token_is_verified_before_a_mistaken_setting_counts() {
    let fixture = Fixture::new();
    let app = router(&fixture.verifier().layer().ignore_parameter("{shop}"));
    let request = http::Request::get("/shops/acme/invoices").body(axum::body::Body::empty());
    assert_eq!(
        support::send(&app, request.unwrap()).await,
        (401, Some("missing_token"))
    );
    let expired = fixture.org("acme").claim("exp", support::NOW - 7200);
    assert_eq!(
        support::get(&app, "/shops/acme/invoices", &expired).await.0,
        401
    );
}

#[tokio::test]
async fn event_names_the_setting() {
    let fixture = Fixture::new();
    for (setting, set, _, bad) in SETTINGS {
        let errors = Recorder::lines(Level::ERROR);
        let guard = crate::subscriber::set_subscriber(errors.clone());
        let app = router(&set(fixture.verifier().layer(), bad[1]));
        support::get(&app, "/shops/acme/invoices", &fixture.org("acme")).await;
        drop(guard);
        let written = errors.take().concat();
        assert!(
            written.contains("route misconfigured") && written.contains(&format!("{setting}(")),
            "{setting}: {written}"
        );
    }
}
