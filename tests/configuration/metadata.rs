//! RFC 9728: the document, its location, how it is served, and the challenge that names it.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::{get, post};
use http::header::{ACCEPT, AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_m2m::testing::LocalIssuer;
use tower_m2m::testing::assertions::Challenge;
use tower_m2m::{OrgCode, ResourceMetadata, Verifier};

use super::support;

tower_m2m::scopes! {
    InvoiceScopes { ReadInvoices = "read:invoices", WriteInvoices = "write:invoices" }
}

const RESOURCE: &str = "https://api.acme.com/invoices";
const PATH: &str = "/.well-known/oauth-protected-resource/invoices";

fn verifier() -> Verifier {
    let kinde = Verifier::kinde("acme").audience(RESOURCE);
    let partner = Verifier::issuer("https://issuer.example/tenant").audience(RESOURCE);
    Verifier::builder([kinde, partner])
        .start_lazily()
        .build()
        .unwrap()
}

fn metadata(resource: &str) -> ResourceMetadata {
    ResourceMetadata::new(&verifier(), resource).unwrap()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

async fn send(app: &Router, request: http::request::Builder) -> Answer {
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(to_bytes(body, 65_536).await.unwrap().into()).unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

fn app(metadata: &ResourceMetadata) -> Router {
    Router::new().route_service(metadata.path(), metadata.clone())
}

/// Rule 84.
///
/// The well-known part is inserted between host and path. A slash directly after the host is
/// removed.
#[test]
fn resource_metadata_url_inserts_well_known_path() {
    for (resource, url) in [
        (
            "https://api.acme.com",
            "https://api.acme.com/.well-known/oauth-protected-resource",
        ),
        (
            "https://api.acme.com/",
            "https://api.acme.com/.well-known/oauth-protected-resource",
        ),
        (
            "https://api.acme.com/mcp",
            "https://api.acme.com/.well-known/oauth-protected-resource/mcp",
        ),
        (
            "https://api.acme.com/a/b/",
            "https://api.acme.com/.well-known/oauth-protected-resource/a/b/",
        ),
        (
            "https://api.acme.com:8443/mcp",
            "https://api.acme.com:8443/.well-known/oauth-protected-resource/mcp",
        ),
        (
            "http://127.0.0.1:3000/mcp",
            "http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp",
        ),
        (
            "http://[::1]:3000",
            "http://[::1]:3000/.well-known/oauth-protected-resource",
        ),
    ] {
        assert_eq!(metadata(resource).url(), url, "{resource}");
    }
}

/// Rule 85.
///
/// `GET` returns 200 with a JSON object, and `HEAD` the same without it. Browsers may read the
/// document, and caches may store it. Other methods are rejected.
#[tokio::test]
async fn resource_metadata_supports_get_and_head() {
    let app = app(&metadata(RESOURCE));
    let get = send(&app, Request::get(PATH)).await;
    assert_eq!(get.status, StatusCode::OK);
    assert_eq!(get.headers["content-type"], "application/json");
    assert_eq!(get.headers["access-control-allow-origin"], "*");
    assert_eq!(get.headers["cache-control"], "public, max-age=3600");
    assert!(
        serde_json::from_str::<Value>(&get.body)
            .unwrap()
            .is_object()
    );

    let head = send(&app, Request::head(PATH)).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.headers, get.headers);
    assert_eq!(head.headers["content-length"], get.body.len().to_string());

    let preflight = Request::options(PATH)
        .header("origin", "https://inspector.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "mcp-protocol-version");
    let preflight = send(&app, preflight).await;
    assert_eq!(
        (preflight.status, preflight.body.as_str()),
        (StatusCode::NO_CONTENT, "")
    );
    assert_eq!(preflight.headers["access-control-allow-origin"], "*");
    assert_eq!(preflight.headers["access-control-allow-headers"], "*");
    assert_eq!(
        preflight.headers["access-control-allow-methods"],
        "GET, HEAD, OPTIONS"
    );

    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = send(&app, Request::builder().method(method.clone()).uri(PATH)).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.headers["allow"], "GET, HEAD, OPTIONS");
        assert!(answer.body.is_empty());
    }
}

/// Rule 86.
///
/// The resource is an https URL without a fragment and, in this crate, without a query.
#[test]
fn resource_is_an_https_url_without_query_or_fragment() {
    for resource in [
        "",
        "api.acme.com",
        "/invoices",
        "http://api.acme.com",
        "https://api.acme.com#x",
        "https://api.acme.com/?a=b",
        "https://user@api.acme.com",
        "https://api.acme.com/a b",
        "https://api.acme.com/{org_code}",
        "https://api.acme.com/\"",
        "https://api.acme.com/\r\nx: y",
        "urn:api",
    ] {
        let error = ResourceMetadata::new(&verifier(), resource).unwrap_err();
        assert_eq!(error.setting(), "resource", "{resource}");
    }
}

/// Rules 87, 89, 90, 92.
///
/// The document is generated from the verifier and the declared scopes. Empty arrays and
/// unsupported features are omitted.
#[tokio::test]
async fn resource_metadata_is_generated_from_configuration() {
    let bare = send(&app(&metadata(RESOURCE)), Request::get(PATH)).await;
    assert_eq!(
        serde_json::from_str::<Value>(&bare.body).unwrap(),
        json!({
            "resource": RESOURCE,
            "authorization_servers": ["https://acme.kinde.com", "https://issuer.example/tenant"],
            "bearer_methods_supported": ["header"],
        })
    );
    let full = metadata(RESOURCE)
        .scopes(InvoiceScopes::ALL)
        .name("Invoices");
    let full: Value = serde_json::from_str(&full.to_json()).unwrap();
    assert_eq!(
        full["scopes_supported"],
        json!(["read:invoices", "write:invoices"])
    );
    assert_eq!(full["resource_name"], "Invoices");
    assert_eq!(full.as_object().unwrap().len(), 5);
    let none: Value = serde_json::from_str(&metadata(RESOURCE).scopes(&[]).to_json()).unwrap();
    assert!(none.get("scopes_supported").is_none());
}

/// A name that is no URL has no metadata that a client could read (RFC 8414 §2).
#[test]
fn issuers_that_are_no_urls_are_not_published() {
    let keys = "https://keys.example/jwks";
    let document = |names: &[&str]| {
        let issuer = |name: &&str| Verifier::issuer(*name).audience(RESOURCE).jwks_url(keys);
        let verifier = Verifier::builder(names.iter().map(issuer))
            .start_lazily()
            .build();
        let metadata = ResourceMetadata::new(&verifier.unwrap(), RESOURCE).unwrap();
        serde_json::from_str::<Value>(&metadata.to_json()).unwrap()
    };
    let names = ["acme.com", "https://acme.kinde.com", "spiffe://acme.com"];
    let published = document(&names);
    assert_eq!(
        published["authorization_servers"],
        json!(["https://acme.kinde.com"])
    );
    let none = document(&["stytch.com/project-live-1", "urn:acme:issuer"]);
    assert_eq!(none.get("authorization_servers"), None);
}

/// Rule 88.
///
/// The document and the challenge are as configured, regardless of the host in the request. The
/// document is only on its own path.
#[tokio::test]
async fn resource_metadata_ignores_host_header() {
    let metadata = metadata(RESOURCE).scopes(InvoiceScopes::ALL);
    let layer = verifier().layer().resource(&metadata);
    let app = Router::new()
        .route("/invoices", get(async |org: OrgCode| org.to_string()))
        .route_layer(layer)
        .route_service(metadata.path(), metadata.clone());
    let forged = |path: &str| {
        Request::get(path)
            .header(HOST, "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "http")
            .header("forwarded", "host=evil.example;proto=http")
            .header(ACCEPT, "*/*")
    };
    assert_eq!(send(&app, forged(PATH)).await.body, metadata.to_json());
    let challenge = send(&app, forged("/invoices")).await.headers[WWW_AUTHENTICATE].clone();
    assert_eq!(
        challenge,
        format!(r#"Bearer realm="api", resource_metadata="https://api.acme.com{PATH}""#)
    );

    let everywhere = Router::new().fallback_service(metadata.clone());
    assert_eq!(
        send(&everywhere, Request::get(PATH)).await.status,
        StatusCode::OK
    );
    for path in [
        "/",
        "/invoices",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/invoices/",
    ] {
        assert_eq!(
            send(&everywhere, Request::get(path)).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

/// Rules 88, 95.
///
/// Each resource of a host has its own document, and its challenge names that document.
#[tokio::test]
async fn each_resource_of_a_host_has_its_own_document() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let mut app = Router::new();
    for resource in ["/a", "/b"] {
        let url = format!("https://api.acme.com{resource}");
        let verifier = Verifier::kinde("acme")
            .audience(url.as_str())
            .jwk_set(issuer.jwks())
            .build()
            .unwrap();
        let metadata = ResourceMetadata::new(&verifier, url).unwrap();
        let route = Router::new()
            .route(resource, get(async |org: OrgCode| org.to_string()))
            .route_layer(verifier.layer().resource(&metadata))
            .route_service(metadata.path(), metadata.clone());
        app = app.merge(route);
    }
    for resource in ["/a", "/b"] {
        let other = if resource == "/a" { "/b" } else { "/a" };
        let path = format!("/.well-known/oauth-protected-resource{resource}");
        let document: Value =
            serde_json::from_str(&send(&app, Request::get(&path)).await.body).unwrap();
        assert_eq!(
            document["resource"],
            format!("https://api.acme.com{resource}")
        );
        let token = issuer
            .org("org_a")
            .audience(format!("https://api.acme.com{resource}"))
            .bearer();
        assert_eq!(
            send(&app, Request::get(resource).header(AUTHORIZATION, &token))
                .await
                .status,
            StatusCode::OK
        );
        let refused = send(&app, Request::get(other).header(AUTHORIZATION, &token)).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let challenge = refused.headers[WWW_AUTHENTICATE].to_str().unwrap();
        let there = format!(
            r#"resource_metadata="https://api.acme.com/.well-known/oauth-protected-resource{other}""#
        );
        assert!(challenge.contains(&there), "{challenge}");
    }
}

/// Rules 91, 93.
///
/// The requirements of an MCP client.
#[tokio::test]
async fn challenge_contains_resource_metadata_url() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(RESOURCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    let metadata = ResourceMetadata::new(&verifier, RESOURCE)
        .unwrap()
        .scopes(InvoiceScopes::ALL);
    let app = Router::new()
        .route("/invoices", get(async |org: OrgCode| org.to_string()))
        .route_layer(verifier.layer().require(ReadInvoices).resource(&metadata))
        .route_service(metadata.path(), metadata.clone());
    let good = issuer
        .org("org_a")
        .audience(RESOURCE)
        .scopes(["read:invoices"]);
    let call = async |authorization: Option<String>| {
        let request = Request::get("/invoices");
        send(
            &app,
            authorization.into_iter().fold(request, |request, value| {
                request.header(AUTHORIZATION, value)
            }),
        )
        .await
    };
    assert_eq!(call(Some(good.bearer())).await.body, "org_a");
    for (authorization, status, scope) in [
        (None, StatusCode::UNAUTHORIZED, Some("read:invoices")),
        (
            Some(good.clone().audience("https://api.acme.com/other").bearer()),
            StatusCode::UNAUTHORIZED,
            Some("read:invoices"),
        ),
        (
            Some(good.clone().scopes(["write:invoices"]).bearer()),
            StatusCode::FORBIDDEN,
            Some("read:invoices"),
        ),
    ] {
        let answer = call(authorization).await;
        assert_eq!(answer.status, status);
        let challenge =
            Challenge::parse(answer.headers[WWW_AUTHENTICATE].to_str().unwrap()).unwrap();
        assert_eq!(
            challenge.parameter("resource_metadata"),
            Some(metadata.url().as_str())
        );
        assert_eq!(challenge.parameter("scope"), scope);
        // The same application serves the path of the URL in the challenge.
        let path = challenge
            .parameter("resource_metadata")
            .unwrap()
            .strip_prefix("https://api.acme.com")
            .unwrap()
            .to_owned();
        assert_eq!(
            send(&app, Request::get(path)).await.body,
            metadata.to_json()
        );
    }
    // A token in the query is ignored.
    let query = send(
        &app,
        Request::get(format!("/invoices?access_token={}", good.token())),
    )
    .await;
    assert_eq!(query.status, StatusCode::UNAUTHORIZED);
}

/// The client sets the content type. So only the layer's setting gives a rejection the status 200.
#[tokio::test]
async fn content_type_does_not_choose_the_form_of_rejections() {
    let http = Router::new()
        .route("/", post(async || ""))
        .route_layer(verifier().layer());
    let grpc = Router::new()
        .route("/", post(async || "").get(async || ""))
        .route_layer(verifier().layer().grpc());
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;charset=x",
        "application/grpc-web",
        "application/json",
    ] {
        let post = || Request::post("/").header("content-type", kind);
        let answer = send(&http, post()).await;
        assert_eq!(
            (answer.status, answer.headers.contains_key("grpc-status")),
            (StatusCode::UNAUTHORIZED, false),
            "{kind}"
        );
        assert!(answer.headers.contains_key(WWW_AUTHENTICATE));
        for request in [post(), Request::get("/").header("content-type", kind)] {
            let answer = send(&grpc, request).await;
            assert_eq!(
                (answer.status, &answer.headers["grpc-status"]),
                (StatusCode::OK, &http::HeaderValue::from_static("16")),
                "{kind}"
            );
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert!(answer.headers.contains_key(WWW_AUTHENTICATE));
        }
    }
}

/// An extractor rejects in the same form as the layer.
#[tokio::test]
async fn extractor_rejection_has_the_form_of_grpc() {
    let (issuer, verifier) = support::fixture();
    let app = Router::new()
        .route("/", post(async |org: OrgCode| org.to_string()))
        .route_layer(verifier.layer().allow_global().grpc());
    let request = Request::post("/").header("authorization", issuer.global().bearer());
    let answer = send(&app, request).await;
    assert_eq!(
        (answer.status, &answer.headers["grpc-status"]),
        (StatusCode::OK, &http::HeaderValue::from_static("7"))
    );
}

/// Rules 258, 259. Row A9: each challenge of a layer with resource metadata names all scopes at
/// once.
#[tokio::test]
async fn challenges_with_resource_metadata_name_the_scopes() {
    let (issuer, verifier) = support::fixture();
    let metadata = ResourceMetadata::new(&verifier, RESOURCE).unwrap();
    let scope = |name: &'static str| tower_m2m::Scope::from_static(name);
    let with = || verifier.layer().resource(&metadata);
    let both = || with().require(ReadInvoices).require(WriteInvoices);
    let act = || both().allow_global_with(scope("act:any"));
    let elsewhere = verifier.layer().require(ReadInvoices);
    let handler = || get(async || "hello");
    let app = Router::new()
        .route("/none", handler().route_layer(with()))
        .route("/both", handler().route_layer(both()))
        .route("/act", handler().route_layer(act()))
        .route(
            "/offline",
            handler().route_layer(both().require(scope("offline_access"))),
        )
        .route(
            "/only-offline",
            handler().route_layer(with().require(scope("offline_access"))),
        )
        .route(
            "/either",
            handler().route_layer(
                with().require(tower_m2m::token::ScopeRequirement::from(scope("a")).or(scope("b"))),
            ),
        )
        .route(
            "/url",
            handler().route_layer(elsewhere.clone().resource_metadata("https://a.example/m")),
        )
        .route("/without", handler().route_layer(elsewhere))
        .route(
            "/scoped",
            get(async |_: tower_m2m::Scoped<WriteInvoices>| "hello")
                .route_layer(with().require(ReadInvoices)),
        );
    let challenge = async |path: &str, token: Option<&str>| {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token);
        }
        let headers = send(&app, request).await.headers;
        let value = headers[WWW_AUTHENTICATE].to_str().unwrap().to_owned();
        let scope = value.split("scope=\"").nth(1).map(|rest| {
            let end = rest.find('"').unwrap();
            rest[..end].to_owned()
        });
        (scope, value.contains("resource_metadata=\""))
    };
    let all = "read:invoices write:invoices";
    let expired = issuer
        .org("org_a")
        .expired_by(std::time::Duration::from_secs(60))
        .bearer();
    let lacking = issuer.org("org_a").scopes(["read:invoices"]).bearer();
    let global = issuer.global().bearer();
    for (path, token, expected, has_metadata) in [
        ("/none", None, None, true),
        ("/both", None, Some(all), true),
        ("/both", Some("Basic eA=="), Some(all), true),
        ("/both", Some("Bearer a, Bearer b"), Some(all), true),
        ("/both", Some(expired.as_str()), Some(all), true),
        ("/both", Some(&lacking), Some(all), true),
        ("/both", Some(&global), Some(all), true),
        (
            "/act",
            Some(&global),
            Some("read:invoices write:invoices act:any"),
            true,
        ),
        ("/offline", None, Some(all), true),
        ("/offline", Some(&lacking), Some(all), true),
        ("/only-offline", None, None, true),
        ("/either", None, Some("a"), true),
        ("/url", None, Some("read:invoices"), true),
        ("/without", None, None, false),
        ("/scoped", Some(&lacking), Some(all), true),
    ] {
        let expected = (expected.map(str::to_owned), has_metadata);
        assert_eq!(challenge(path, token).await, expected, "{path} {token:?}");
    }
}

tower_m2m::scopes! { Offline { OfflineAccess = "offline_access", Read = "read:x" } }

/// Rule 258.
#[test]
fn scopes_supported_omit_offline_access() {
    let document = metadata(RESOURCE).scopes(Offline::ALL).to_json();
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["scopes_supported"], json!(["read:x"]));
}

/// Row A8: the type of problem documents says what the application chooses.
#[tokio::test]
async fn problem_types_begin_with_the_chosen_url() {
    let (issuer, verifier) = support::fixture();
    let layer = || verifier.layer();
    let own = "https://docs.acme.com/errors#";
    let handler = || get(async |_: tower_m2m::Scoped<ReadInvoices>| "hello");
    let app = Router::new()
        .route("/default", handler().route_layer(layer()))
        .route(
            "/own",
            handler().route_layer(layer().problem_type_base_url(own)),
        )
        .route(
            "/relative",
            handler().route_layer(layer().problem_type_base_url("/errors/")),
        )
        .route(
            "/odd",
            handler().route_layer(layer().problem_type_base_url("urn:a\"b\\c\n é<x>:")),
        );
    let token = issuer.org("org_a").bearer();
    for (path, base) in [
        ("/own", own),
        ("/relative", "/errors/"),
        ("/odd", "urn:abcx:"),
    ] {
        for (token, name) in [
            (None, "missing_token"),
            (Some(&token), "insufficient_scope"),
        ] {
            let mut request = Request::get(path);
            if let Some(token) = token {
                request = request.header(AUTHORIZATION, token);
            }
            let body = send(&app, request).await.body;
            let problem: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(problem["type"], format!("{base}{name}"), "{path}");
            assert!(!body.contains("tower"), "{body}");
        }
    }
    let body = send(&app, Request::get("/default")).await.body;
    assert!(body.contains("tower-m2m/latest"), "{body}");
}
