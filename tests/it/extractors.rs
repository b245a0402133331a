//! The arguments of a handler.

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use tower_m2m::testing::{AUDIENCE, CLIENT_ID};
use tower_m2m::token::TokenError;
use tower_m2m::{
    Algorithm, AnyOf, Claims, ExtractorRejection, OrgCode, Rejection, RequestExt as _, Scope,
    Scoped,
};

use crate::support::{Api, NOW, assert_says, build, global, good, text, trust, verifier};

tower_m2m::scopes! {
    pub(crate) Declared { Reading = "read:invoices", Writing = "write:invoices", Administering = "admin" }
}

#[tokio::test]
async fn extractor_without_layer_responds_500_and_reports_layer() {
    let app = Router::new()
        .route("/OrgCode", get(|_: OrgCode| async {}))
        .route("/Claims", get(|_: Claims| async {}))
        .route("/Scoped", get(|_: Scoped<Reading>| async {}))
        .route("/OrgCode/optional", get(|_: Option<OrgCode>| async {}))
        .route("/Claims/optional", get(|_: Option<Claims>| async {}));
    let api = Api::serve(app).await;
    for path in [
        "/OrgCode",
        "/Claims",
        "/Scoped",
        "/OrgCode/optional",
        "/Claims/optional",
    ] {
        // A valid token makes no difference, because no layer verified it.
        for answer in [api.get_bare(path).await, api.get(path, &good()).await] {
            let problem = answer.assert_status(500).assert_problem();
            assert_eq!(problem["title"], "The server is misconfigured");
            assert!(problem.get("detail").is_none());
        }
    }
}

#[tokio::test]
async fn result_extractor_passes_rejection_to_handler() {
    async fn handler(
        org: Result<OrgCode, ExtractorRejection>,
        claims: Result<Claims, ExtractorRejection>,
    ) -> String {
        let code = |refusal: &ExtractorRejection| refusal.rejection().code();
        format!(
            "{:?} {:?}",
            org.map_err(|refusal| code(&refusal)),
            claims.map(|_| ()).map_err(|refusal| code(&refusal))
        )
    }
    let verifier = verifier();
    let app = Router::new()
        .route("/forgotten", get(handler))
        .route(
            "/optional",
            get(handler).route_layer(verifier.optional_layer()),
        )
        .route(
            "/global",
            get(handler).route_layer(verifier.layer().allow_global()),
        );
    let api = Api::serve(app).await;
    assert_says(
        &api.get_bare("/forgotten").await,
        r#"Err("layer_missing") Err("layer_missing")"#,
    );
    assert_says(
        &api.get_bare("/optional").await,
        r#"Err("missing_token") Err("missing_token")"#,
    );
    assert_says(
        &api.get("/global", &global()).await,
        r#"Err("organization_required") Ok(())"#,
    );
    assert_says(
        &api.get("/global", &good()).await,
        r#"Ok(OrgCode("org_a")) Ok(())"#,
    );
}

#[tokio::test]
async fn optional_extractors_are_none_only_for_anonymous_requests() {
    async fn handler(org: Option<OrgCode>, claims: Option<Claims>) -> String {
        format!("{org:?} {}", claims.is_some())
    }
    let verifier = verifier();
    let app = Router::new()
        .route(
            "/optional",
            get(handler).route_layer(verifier.optional_layer().allow_global()),
        )
        .route("/required", get(handler).route_layer(verifier.layer()));
    let api = Api::serve(app).await;
    assert_says(&api.get_bare("/optional").await, "None false");
    assert_says(&api.get("/optional", &global()).await, "None true");
    assert_says(
        &api.get("/optional", &good()).await,
        r#"Some(OrgCode("org_a")) true"#,
    );
    api.get_bare("/required").await.assert_challenged();
}

/// A rejection of an extractor equals the layer's: the same realm, metadata and body.
#[tokio::test]
async fn extractor_uses_the_response_settings_of_its_layer() {
    let layer = verifier()
        .layer()
        .realm("invoices")
        .resource_metadata("https://api.example.com/m")
        .without_rejection_body();
    let app = Router::new()
        .route("/", get(|_: Scoped<Writing>| async {}))
        .route_layer(layer);
    let answer = Api::serve(app).await.get("/", &good()).await;
    let challenge = answer
        .assert_rejected(403, "insufficient_scope")
        .assert_scope("write:invoices")
        .challenge()
        .unwrap();
    assert_eq!(challenge.realm(), Some("invoices"));
    assert_eq!(
        challenge.resource_metadata(),
        Some("https://api.example.com/m")
    );
    assert!(answer.body().is_empty());
}

#[tokio::test]
async fn scoped_extractor_enforces_one_all_or_any() {
    let app = Router::new()
        .route(
            "/one",
            get(|claims: Scoped<Reading>| async move { claims.client_id().to_owned() }),
        )
        .route("/all", get(|_: Scoped<(Reading, Writing)>| async {}))
        .route(
            "/any",
            get(|_: Scoped<AnyOf<(Writing, Administering)>>| async {}),
        )
        .route_layer(verifier().layer());
    let api = Api::serve(app).await;
    let (read, write, admin) = ("read:invoices", "write:invoices", "admin");
    for (scopes, expected) in [
        (&[][..], [403, 403, 403]),
        (&[read], [200, 403, 403]),
        (&[write], [403, 403, 200]),
        (&[read, write], [200, 200, 200]),
        (&[admin], [403, 403, 200]),
    ] {
        for (path, expected) in ["/one", "/all", "/any"].into_iter().zip(expected) {
            assert_eq!(
                api.get(path, &good().scopes(scopes.iter().copied()))
                    .await
                    .status(),
                expected,
                "{path} {scopes:?}"
            );
        }
    }
    api.get("/all", &good())
        .await
        .assert_scope("read:invoices write:invoices");
}

#[tokio::test]
async fn claims_extractor_returns_the_claims_of_the_token() {
    async fn handler(claims: Claims) -> String {
        json!([
            claims.issuer(),
            claims.client_id(),
            claims.subject(),
            claims.org_code().map(OrgCode::as_str),
            claims.is_global(),
            claims.scopes().as_str(),
            claims.audience().collect::<Vec<_>>(),
            claims.jti(),
            claims.expires_at(),
            claims.issued_at(),
        ])
        .to_string()
    }
    let api = Api::serve(
        Router::new()
            .route("/", get(handler))
            .route_layer(verifier().layer().allow_global()),
    )
    .await;
    let expected = |org: Option<&str>| {
        let facts = json!([
            "https://acme.kinde.com",
            CLIENT_ID,
            null,
            org,
            org.is_none(),
            "read:invoices",
            [AUDIENCE],
            "j1",
            NOW + 86_400,
            NOW
        ]);
        facts.to_string()
    };
    for _ in 0..3 {
        // The same for a cached token.
        assert_says(
            &api.get("/", &good().claim("jti", "j1")).await,
            &expected(Some("org_a")),
        );
        assert_says(
            &api.get("/", &global().claim("jti", "j1")).await,
            &expected(None),
        );
    }
}

#[derive(Deserialize)]
struct Plan {
    plan: String,
}

#[tokio::test]
async fn custom_claims_properties_and_flags_are_read_by_type() {
    async fn handler(claims: Claims) -> String {
        let plan = claims.custom::<Plan>().map(|custom| custom.plan.as_str());
        let other = claims.custom::<String>().is_some();
        let flags = (
            claims.is_flag_on("beta"),
            claims.is_flag_on("limit"),
            claims.is_flag_on("absent"),
        );
        format!(
            "{plan:?} {other} {:?} {:?} {flags:?}",
            claims.property("region"),
            claims.flag("limit")
        )
    }
    let api = Api::serve(
        Router::new()
            .route("/", get(handler))
            .route_layer(build(trust().custom_claims::<Plan>()).layer()),
    )
    .await;
    let token = good()
        .claim("plan", "gold")
        .property("region", "eu")
        .flag("beta", true)
        .flag("limit", 5);
    assert_says(
        &api.get("/", &token).await,
        r#"Some("gold") false Some(String("eu")) Some(Number(5)) (true, false, false)"#,
    );
    // If a token does not match the application's type, it is rejected, and the response contains
    // no claim.
    for misfit in [
        good(),
        good().claim("plan", 7),
        good().claim("plan", serde_json::Value::Null),
    ] {
        api.get("/", &misfit)
            .await
            .assert_rejected(401, "invalid_token");
    }
    // Properties and flags of unusual types count as absent and are not errors.
    let odd = good()
        .claim("plan", "gold")
        .claim("application_properties", "x")
        .claim("feature_flags", json!({ "beta": true }));
    assert_says(
        &api.get("/", &odd).await,
        r#"Some("gold") false None None (false, false, false)"#,
    );
}

/// Row A3: what a handler learns about the caller can be a part of its JSON response.
#[tokio::test]
async fn organization_scopes_and_algorithm_serialize_as_strings() {
    async fn handler(org: OrgCode, claims: Claims) -> axum::Json<serde_json::Value> {
        let read = Scope::from_static("read:invoices");
        let (scopes, algorithm) = (claims.scopes(), Algorithm::RS256);
        axum::Json(json!({ "org": org, "scope": read, "scopes": scopes, "algorithm": algorithm }))
    }
    let layer = verifier().layer();
    let api = Api::serve(Router::new().route("/", get(handler)).route_layer(layer)).await;
    let response = api
        .get("/", &good().scopes(["read:invoices", "admin"]))
        .await;
    let body: serde_json::Value = serde_json::from_str(text(&response)).unwrap();
    let expected = json!({
        "org": "org_a", "scope": "read:invoices", "scopes": "read:invoices admin", "algorithm": "RS256",
    });
    assert_eq!(body, expected);
}

/// Rule 130.
///
/// The `Debug` and `Display` output of a request's types contains no secret.
#[tokio::test]
async fn debug_and_display_contain_no_token_or_claim() {
    async fn handler(org: OrgCode, claims: Claims, request: axum::extract::Request) -> String {
        format!(
            "{org:?} {claims:?} {:?} {:?}",
            request.extensions().claims(),
            request.extensions().org_code()
        )
    }
    let verifier = build(trust().custom_claims::<Plan>());
    let api = Api::serve(
        Router::new()
            .route("/", get(handler))
            .route_layer(verifier.layer()),
    )
    .await;
    let token = good()
        .claim("plan", "secret-plan")
        .claim("sub", "secret-sub")
        .property("p", "secret-property");
    let answer = api.get("/", &token).await;
    answer
        .assert_status(200)
        .assert_does_not_contain(&token.token());
    assert!(
        text(&answer).contains("org_a") && !text(&answer).contains("secret"),
        "{}",
        text(&answer)
    );
    let shown = format!(
        "{verifier:?} {:?} {:?}",
        verifier.layer(),
        trust().allow_clients(["c"])
    );
    assert!(!shown.contains(&token.token()));
}

/// If a handler returns a rejection, its own or an extractor's, the response is never a success.
#[tokio::test]
async fn rejection_is_an_error_response() {
    for (rejection, status) in [
        (Rejection::WrongOrganization, 403),
        (Rejection::HiddenOrganization, 404),
        (Rejection::InvalidClaims(TokenError::Expired), 401),
        (Rejection::CallerStatusUnavailable, 503),
        (Rejection::DenylistUnavailable, 503),
        (Rejection::JwtRequired, 403),
        (Rejection::UserNotAllowed, 403),
        (
            Rejection::IntrospectionUnavailable {
                retry_after: std::time::Duration::from_secs(1),
            },
            503,
        ),
    ] {
        let code = rejection.code();
        let answer = rejection.into_response();
        assert_eq!(answer.status().as_u16(), status, "{code}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{code}");
        assert_eq!(
            answer.headers().contains_key("retry-after"),
            status == 503,
            "{code}"
        );
    }
}
