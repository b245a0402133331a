//! The first mistakes of users: each gives a message that says what to do.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use http::{Request, StatusCode};
use tower::ServiceExt as _;
use tower_m2m::testing::{AUDIENCE, Endpoint, Fault, LocalIssuer};
use tower_m2m::{Config, OrgCode, Rejection, Scope, Verifier};

use super::support::fixture;

#[allow(
    clippy::needless_pass_by_value,
    reason = "errors are handed over as they come"
)]
#[track_caller]
fn assert_says(message: impl ToString, words: &[&str]) {
    let message = message.to_string();
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

async fn rejection_of(verifier: &Verifier, token: String) -> Rejection {
    verifier
        .verify(&token)
        .await
        .expect_err("the token was accepted")
}

async fn get_root(app: Router, token: Option<String>) -> (StatusCode, String) {
    let request = token.into_iter().fold(Request::get("/"), |request, token| {
        request.header("authorization", token)
    });
    let (parts, body) = app
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
        .into_parts();
    (
        parts.status,
        String::from_utf8(to_bytes(body, 65_536).await.unwrap().into()).unwrap(),
    )
}

/// 1: in code it does not compile. The documentation of [`Verifier`] tests that.
#[tokio::test]
async fn error_explains_missing_audience() {
    let what = "the identifier under which the API is registered at the issuer";
    assert_says(
        Config::from_vars([("KINDE_DOMAIN", "acme")]).unwrap_err(),
        &["KINDE_AUDIENCE", "is missing", what],
    );
    let error = serde_json::from_str::<Config>(r#"{"issuers":[{"kinde":"acme"}]}"#).unwrap_err();
    assert_says(error, &["issuers[0].audience", "is missing", what]);
    assert_says(
        Verifier::kinde("acme")
            .audiences([""; 0])
            .build()
            .unwrap_err(),
        &["audience: at least one is required", what],
    );
    // The client did not request the audience.
    let (issuer, verifier) = fixture();
    let rejection = rejection_of(&verifier, issuer.org("org_a").audiences([""; 0]).token()).await;
    assert_says(
        rejection,
        &["aud", "check that the client requests the API's audience"],
    );
}

/// 2
#[test]
fn rejection_explains_custom_domain() {
    let error = Verifier::kinde("auth.acme.com")
        .audience(AUDIENCE)
        .build()
        .unwrap_err();
    assert_says(
        error,
        &[
            "kinde: is not under kinde.com",
            "tokens come from the Kinde domain",
            "Verifier::issuer(url)",
        ],
    );
}

/// 3
#[tokio::test]
async fn rejection_explains_trailing_slash() {
    let (issuer, _) = fixture();
    let slash = Verifier::issuer("https://acme.kinde.com/")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    assert_says(
        rejection_of(&slash, issuer.org("org_a").token()).await,
        &["iss is not a trusted issuer", "look for a trailing slash"],
    );

    let issuer = LocalIssuer::start().await.unwrap();
    let slash = Verifier::issuer(format!("{}/", issuer.url())).audience(AUDIENCE);
    let error = Verifier::builder([slash]).build_ready().await.unwrap_err();
    assert_says(
        error,
        &[
            "/.well-known/openid-configuration: the metadata belongs to another issuer",
            issuer.url(),
            "a trailing slash",
        ],
    );
    // For Kinde, a final slash is ignored.
    assert!(
        Verifier::kinde("https://acme.kinde.com/")
            .audience(AUDIENCE)
            .build()
            .is_ok()
    );
}

/// What the operator reads about the request, and what the caller reads.
async fn rejected(app: Router, authorization: Option<String>) -> (String, String) {
    let request = Request::get("/");
    let request = match authorization {
        Some(value) => request.header("authorization", value),
        None => request,
    };
    let response = app
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let rejection = response
        .extensions()
        .get::<Rejection>()
        .unwrap()
        .to_string();
    let body = to_bytes(response.into_body(), 65_536).await.unwrap();
    (rejection, String::from_utf8(body.into()).unwrap())
}

/// 4
#[tokio::test]
async fn error_names_the_missing_layer() {
    let app = Router::new().route("/", get(async |org: OrgCode| org.to_string()));
    let (rejection, body) = rejected(app, None).await;
    assert_says(
        rejection,
        &[
            "the handler of \"/\" extracts `OrgCode`",
            "add `.route_layer(verifier.layer())` to the router after this route",
        ],
    );
    assert!(!body.contains("layer"), "{body}");
}

/// 5: a layer protects the routes before it and not those after it.
#[tokio::test]
async fn error_explains_wrong_layer_order() {
    let (issuer, verifier) = fixture();
    let app = Router::new()
        .route("/other", get(async || ""))
        .route_layer(verifier.layer())
        .route("/", get(async |org: OrgCode| org.to_string()));
    let (rejection, _) = rejected(app, Some(issuer.org("org_a").bearer())).await;
    assert_says(
        rejection,
        &[
            "no `AuthorizeLayer` protects it",
            "only to the routes that were added before it",
        ],
    );
}

/// 6
#[tokio::test]
async fn rejection_explains_user_token() {
    let (issuer, verifier) = fixture();
    let token = issuer.user("kp_0123").org("org_a");
    let rejection = rejection_of(&verifier, token.token()).await;
    assert_says(
        rejection,
        &[
            "not a client-credentials token",
            "user tokens",
            "are not accepted",
        ],
    );
    let app = Router::new()
        .route("/", get(async || ""))
        .route_layer(verifier.layer());
    let (status, body) = get_root(app, Some(token.bearer())).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_says(
        body,
        &["the access token is not a machine-to-machine token"],
    );
}

/// 7
#[tokio::test]
async fn rejection_explains_missing_scope() {
    let (issuer, verifier) = fixture();
    let layer = verifier
        .layer()
        .require(Scope::from_static("read:invoices"));
    let app = Router::new()
        .route("/", get(async || ""))
        .route_layer(layer);
    let request = Request::get("/")
        .header("authorization", issuer.org("org_a").bearer())
        .body(Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    let rejection = response.extensions().get::<Rejection>().unwrap();
    assert_says(
        rejection,
        &[
            "lacks a scope",
            "read:invoices",
            "check that the issuer grants it to the client",
        ],
    );
    let body = to_bytes(response.into_body(), 65_536).await.unwrap();
    assert_says(
        String::from_utf8_lossy(&body),
        &[r#""scope":"read:invoices""#],
    );
}

/// 8
#[tokio::test]
async fn rejection_explains_wrong_clock() {
    let (issuer, verifier) = fixture();
    let future = tower_m2m::Clock::system().unix_seconds() + 600;
    let good = issuer.org("org_a");
    assert_says(
        rejection_of(&verifier, good.clone().issued_at(future).token()).await,
        &["iat is in the future", "compare the clocks"],
    );
    let not_yet = rejection_of(&verifier, good.clone().claim("nbf", future).token()).await;
    assert_says(not_yet, &["nbf is in the future", "compare the clocks"]);
    let expired = rejection_of(
        &verifier,
        good.expired_by(std::time::Duration::from_secs(60)).token(),
    )
    .await;
    assert_says(
        expired,
        &[
            "exp is in the past",
            "if the token is new, compare the clocks",
        ],
    );
}

/// 9
#[tokio::test]
async fn error_explains_403_for_keys() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.set_fault(Endpoint::Jwks, Fault::status(StatusCode::FORBIDDEN));
    let error = Verifier::builder([Verifier::kinde(issuer.url()).audience(AUDIENCE)])
        .build_ready()
        .await
        .unwrap_err();
    assert_says(
        &error,
        &[
            issuer.url(),
            "responded with 403",
            "look for a typing error in the domain, a wrong region, a firewall or a proxy",
        ],
    );
}

/// 10
#[test]
fn error_explains_issuer_without_tls() {
    let error = Verifier::issuer("http://issuer.example")
        .audience(AUDIENCE)
        .build()
        .unwrap_err();
    assert_says(
        error,
        &[
            "issuer: must be an https URL",
            "http is accepted on loopback only",
        ],
    );
    let error = Verifier::kinde("http://acme.kinde.com")
        .audience(AUDIENCE)
        .build()
        .unwrap_err();
    assert_says(
        error,
        &["kinde: must be a Kinde domain such as acme, acme.kinde.com or https://acme.kinde.com"],
    );
}
