//! The exact table of responses: request → status, headers, body, and the `Rejection` in the
//! extensions.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use http::Request;
use tower::ServiceExt as _;
use tower_m2m::testing::TokenBuilder;
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::{Claims, OrgCode, Rejection, Scoped};

use crate::support::{ADMIN, Api, NOW, READ, WRITE, build, global, good, text, trust, verifier};

tower_m2m::scopes! { pub Declared { Writing = "write:invoices" } }

/// One route for each kind of access.
#[expect(clippy::too_many_lines, reason = "one table of routes")]
fn app() -> Router {
    let verifier = verifier();
    let strict = build(
        trust()
            .max_age(Duration::from_secs(60))
            .allow_organizations(["org_a"])
            .allow_clients(["client_a"]),
    );
    let down = build(
        tower_m2m::Verifier::kinde("acme")
            .audience(tower_m2m::testing::AUDIENCE)
            .unknown_kid_cooldown(Duration::from_secs(1))
            .initial_keys_timeout(Duration::ZERO)
            .fetch_with(|_| async { Err("the issuer is down".into()) }),
    );
    let hello = || get(|| async { "hello" });
    Router::new()
        .route(
            "/plain",
            hello()
                .post(|| async { "posted" })
                .route_layer(verifier.layer()),
        )
        .route(
            "/read",
            hello()
                .post(|| async { "posted" })
                .route_layer(verifier.layer().require(READ)),
        )
        .route(
            "/write",
            hello()
                .post(|| async { "" })
                .route_layer(verifier.layer().require(READ).require(WRITE)),
        )
        .route(
            "/either",
            hello().route_layer(
                verifier
                    .layer()
                    .require(tower_m2m::token::ScopeRequirement::any([WRITE, ADMIN])),
            ),
        )
        .route(
            "/scoped",
            get(|_: Scoped<Writing>| async { "hello" }).route_layer(verifier.layer()),
        )
        .route("/orgs/{org_code}", hello().route_layer(verifier.layer()))
        .route(
            "/hidden/{org_code}",
            hello().route_layer(verifier.layer().hide_organizations()),
        )
        .route(
            "/global",
            hello().route_layer(verifier.layer().only_global()),
        )
        .route("/strict", hello().route_layer(strict.layer()))
        .route(
            "/down",
            hello().post(|| async { "" }).route_layer(down.layer()),
        )
        .route(
            "/no-body",
            hello().route_layer(verifier.layer().without_rejection_body()),
        )
        .route(
            "/own-body",
            hello().route_layer(verifier.layer().rejection_response_with(own_body)),
        )
        .route(
            "/realm",
            hello().route_layer(verifier.layer().realm("a\"b\r\nx: \\é")),
        )
        .route(
            "/metadata",
            hello().route_layer(
                verifier
                    .layer()
                    .resource_metadata("https://api.example.com/.well-known/m"),
            ),
        )
        .route(
            "/grpc",
            hello()
                .post(|| async { "" })
                .route_layer(verifier.layer().require(WRITE).grpc()),
        )
        .route(
            "/grpc-down",
            hello()
                .post(|| async { "" })
                .route_layer(down.layer().grpc()),
        )
        .route("/any", any(|| async { "hello" }).layer(verifier.layer()))
        .route("/forgotten/org", get(|_: OrgCode| async { "hello" }))
        .route("/forgotten/claims", get(|_: Claims| async { "hello" }))
        .route(
            "/forgotten/scoped",
            get(|_: Scoped<Writing>| async { "hello" }),
        )
        .route("/suspended", get(|| async { Rejection::Suspended }))
        .route(
            "/unchecked",
            get(|| async { Rejection::CallerStatusUnavailable }),
        )
        .route(
            "/denylist",
            get(|| async { Rejection::DenylistUnavailable }),
        )
        .route("/only-jwt", get(|| async { Rejection::JwtRequired }))
        .route("/no-users", get(|| async { Rejection::UserNotAllowed }))
        .route(
            "/undecided-credential",
            get(|| async {
                Rejection::IntrospectionUnavailable {
                    retry_after: Duration::from_secs(30),
                }
            }),
        )
        .route(
            "/undecided-key",
            get(|| async {
                Rejection::KeyUnavailable {
                    retry_after: Duration::from_secs(10),
                }
            }),
        )
}

fn own_body(rejection: &Rejection, response: &mut http::Response<bytes::Bytes>) {
    *response.body_mut() = format!("{} {}", response.status().as_u16(), rejection.code()).into();
}

struct Case {
    name: &'static str,
    request: (&'static str, &'static str),
    headers: Vec<(&'static str, String)>,
}

fn case(
    name: &'static str,
    request: (&'static str, &'static str),
    headers: Vec<(&'static str, String)>,
) -> Case {
    Case {
        name,
        request,
        headers,
    }
}

fn bare(name: &'static str, path: &'static str) -> Case {
    case(name, ("GET", path), Vec::new())
}

fn raw(name: &'static str, authorization: &str) -> Case {
    case(
        name,
        ("GET", "/plain"),
        vec![("authorization", authorization.to_owned())],
    )
}

fn with(name: &'static str, path: &'static str, token: &TokenBuilder) -> Case {
    case(name, ("GET", path), vec![("authorization", token.bearer())])
}

#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn cases() -> Vec<Case> {
    let bearer = || ("authorization", good().bearer());
    let grpc = || ("content-type", "application/grpc+proto".to_owned());
    let preflight = || {
        vec![
            ("origin", "https://app.example".to_owned()),
            ("access-control-request-method", "GET".to_owned()),
        ]
    };
    let swapped = good()
        .token()
        .rsplit_once('.')
        .map(|(input, _)| format!("Bearer {input}.{}", "A".repeat(342)))
        .unwrap();
    let old = good().client("client_a").issued_at(NOW - 3_600);
    vec![
        with("let in", "/read", &good()),
        bare("no credentials", "/plain"),
        case("no credentials, HEAD", ("HEAD", "/plain"), vec![]),
        raw("credentials of another scheme", "Basic dXNlcjpwYXNz"),
        raw("rule 3: not a token", "Bearer not a token"),
        raw("no token after the scheme", "Bearer"),
        raw("rule 5: two in one header", "Bearer a.b.c, Bearer a.b.c"),
        case(
            "rule 5: two headers",
            ("GET", "/plain"),
            vec![bearer(), bearer()],
        ),
        raw("too long", &format!("Bearer {}", "a".repeat(8 * 1024 + 1))),
        raw("not a JWT", "Bearer k_live_0123456789"),
        raw("signature does not hold", &swapped),
        with(
            "no signature algorithm",
            "/plain",
            &good().header("alg", "none"),
        ),
        with(
            "issuer not trusted",
            "/plain",
            &good().claim("iss", "https://evil.example"),
        ),
        with(
            "key not published",
            "/plain",
            &good().header("kid", "another"),
        ),
        with("claim absent", "/plain", &good().without("exp")),
        with(
            "claim malformed",
            "/plain",
            &good().claim("exp", "tomorrow"),
        ),
        with(
            "expired",
            "/plain",
            &good().expired_by(Duration::from_secs(31)),
        ),
        with("not valid yet", "/plain", &good().claim("nbf", NOW + 31)),
        with("dated in the future", "/plain", &good().issued_at(NOW + 31)),
        with("too old", "/strict", &old),
        with(
            "another audience",
            "/plain",
            &good().audience("https://other.example.com"),
        ),
        with("a user's token", "/plain", &good().without("gty")),
        with("an ID token", "/plain", &good().claim("nonce", "n")),
        with(
            "bound to a key",
            "/plain",
            &good().claim("cnf", serde_json::json!({ "jkt": "x" })),
        ),
        with(
            "delegated",
            "/plain",
            &good().claim("act", serde_json::json!({ "sub": "x" })),
        ),
        with(
            "organization malformed",
            "/plain",
            &good().claim("org_code", serde_json::Value::Null),
        ),
        with("scope missing", "/write", &good()),
        with("one of several scopes missing", "/either", &good()),
        with("scope missing, found by the extractor", "/scoped", &good()),
        with("organization required", "/plain", &global()),
        with("global token required", "/global", &good()),
        with("another organization's route", "/orgs/org_b", &good()),
        with(
            "another organization's route, hidden",
            "/hidden/org_b",
            &good(),
        ),
        with(
            "organization not let in",
            "/strict",
            &good().org("org_b").client("client_a"),
        ),
        with("client not let in", "/strict", &good()),
        with("no keys", "/down", &good()),
        with(
            "no keys, but refused whatever they say",
            "/down",
            &good().expired_by(Duration::from_secs(31)),
        ),
        with(
            "without a body",
            "/no-body",
            &good().expired_by(Duration::from_secs(31)),
        ),
        with(
            "a body of the application's own",
            "/own-body",
            &good().expired_by(Duration::from_secs(31)),
        ),
        bare("realm, with what may not stand in a header", "/realm"),
        bare("resource metadata", "/metadata"),
        case("gRPC, no credentials", ("POST", "/grpc"), vec![grpc()]),
        case(
            "gRPC, scope missing",
            ("POST", "/grpc"),
            vec![grpc(), bearer()],
        ),
        case("gRPC, GET", ("GET", "/grpc"), vec![]),
        case(
            "gRPC, no keys",
            ("POST", "/grpc-down"),
            vec![grpc(), bearer()],
        ),
        case(
            "not gRPC: the content type alone",
            ("POST", "/plain"),
            vec![grpc()],
        ),
        case(
            "CORS preflight, answered by the handler",
            ("OPTIONS", "/any"),
            preflight(),
        ),
        case("OPTIONS that is no preflight", ("OPTIONS", "/any"), vec![]),
        case("wrong method", ("DELETE", "/read"), vec![]),
        bare("unknown path", "/nowhere"),
        bare("layer missing for OrgCode", "/forgotten/org"),
        bare("layer missing for Claims", "/forgotten/claims"),
        bare("layer missing for Scoped", "/forgotten/scoped"),
        bare("suspended", "/suspended"),
        bare("the application's check gave no answer", "/unchecked"),
        bare(
            "no fetch could decide whether the key exists",
            "/undecided-key",
        ),
        bare("opaque credential where a JWT is required", "/only-jwt"),
        bare("credential of a user", "/no-users"),
        bare(
            "the issuer did not say whether the credential is valid",
            "/undecided-credential",
        ),
    ]
}

/// Returns the code of the rejection in the extensions, which a socket does not transfer.
async fn rejection(app: Router, case: &Case) -> Option<&'static str> {
    let mut request = Request::builder()
        .method(case.request.0)
        .uri(case.request.1)
        .body(Body::empty())
        .unwrap();
    for (name, value) in &case.headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    app.oneshot(request)
        .await
        .unwrap()
        .extensions()
        .get::<Rejection>()
        .map(Rejection::code)
}

fn shown(case: &Case, answer: &TestResponse, rejection: Option<&str>) -> String {
    let mut lines = vec![
        format!("status: {}", answer.status()),
        format!("rejection: {}", rejection.unwrap_or("none")),
    ];
    let mut headers: Vec<String> = answer
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "connection"))
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    headers.sort();
    lines.extend(headers);
    format!(
        "## {}\n{} {}\n\n{}\n\n{}\n\n",
        case.name,
        case.request.0,
        case.request.1,
        lines.join("\n"),
        text(answer)
    )
}

/// Rules 11–25.
///
/// `TOWER_M2M_WRITE=1 cargo test` writes the file again. Review the difference.
#[tokio::test]
async fn every_response_matches_the_snapshot() {
    let api = Api::serve(app()).await;
    let app = app();
    let mut all = String::new();
    for case in cases() {
        let headers: Vec<(&str, &str)> = case
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = api.send(case.request.0, case.request.1, &headers).await;
        for (_, value) in &case.headers {
            answer.assert_does_not_contain(value);
        }
        let _ = write!(
            all,
            "{}",
            shown(&case, &answer, rejection(app.clone(), &case).await)
        );
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/responses.txt");
    if std::env::var_os("TOWER_M2M_WRITE").is_some() {
        std::fs::write(file, &all).unwrap();
    }
    let reviewed = std::fs::read_to_string(file).unwrap();
    for (now, before) in all.split("## ").zip(reviewed.split("## ")) {
        assert_eq!(
            now, before,
            "a response changed; TOWER_M2M_WRITE=1 accepts it"
        );
    }
    assert_eq!(all.len(), reviewed.len());
}

/// Rules 11–25.
///
/// The properties of every rejection, regardless of its row.
#[tokio::test]
async fn every_rejection_response_is_well_formed() {
    let api = Api::serve(app()).await;
    for case in cases() {
        let headers: Vec<(&str, &str)> = case
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = api.send(case.request.0, case.request.1, &headers).await;
        let challenge = answer.challenge();
        match answer.status() {
            400 => answer.assert_rejected(400, "invalid_request"),
            401 if headers
                .iter()
                .any(|(name, value)| *name == "authorization" && value.starts_with("Bearer")) =>
            {
                answer.assert_rejected(401, "invalid_token")
            }
            401 => answer.assert_challenged(),
            403 => {
                let challenge = challenge.unwrap();
                assert_eq!(
                    challenge.error().is_some(),
                    challenge.scope().is_some(),
                    "{}",
                    case.name
                );
                &answer
            }
            503 => {
                assert!(
                    challenge.is_err() && answer.headers().contains_key("retry-after"),
                    "{}",
                    case.name
                );
                &answer
            }
            _ => continue,
        };
        assert_eq!(
            answer.headers()["cache-control"],
            "no-store",
            "{}",
            case.name
        );
        if case.request.0 != "HEAD" && !answer.body().is_empty() && case.request.1 != "/own-body" {
            answer.assert_problem();
        }
    }
}

/// Rules 19, 20.
///
/// Claims with line breaks and quotation marks never appear in a header, whether the token is
/// accepted or not.
#[tokio::test]
async fn claims_never_appear_in_a_header() {
    let api = Api::serve(app()).await;
    let evil = "x\"\r\nx-injected: 1\\";
    for claim in [
        "iss", "aud", "sub", "azp", "jti", "org_code", "scope", "gty", "exp", "v", "act",
    ] {
        for path in [
            "/read",
            "/write",
            "/orgs/org_a",
            "/global",
            "/strict",
            "/metadata",
        ] {
            let answer = api.get(path, &good().claim(claim, evil)).await;
            assert!(
                !answer.headers().contains_key("x-injected"),
                "{claim} at {path}"
            );
            let written = answer
                .headers()
                .values()
                .any(|value| String::from_utf8_lossy(value.as_bytes()).contains("injected"));
            assert!(
                !written && !text(&answer).contains("injected"),
                "{claim} at {path}"
            );
        }
    }
}
