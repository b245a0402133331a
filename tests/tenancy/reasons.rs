//! A rejection says why: the event for the operator, the response for the client.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use tower::ServiceExt as _;
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::{
    Claims, OrgCode, OrganizationSource, Profile, Rejection, RequestExt as _, Scoped, Verifier,
};

use super::decisions::Recorder;
use super::support::{self, Fixture, NOW};

tower_m2m::scopes! { Api { Read = "read:x" } }

fn app(verifier: &Verifier) -> Router {
    Router::new()
        .route("/x", get(async || "hello"))
        .route("/orgs/{org_code}/x", get(async || "hello"))
        .route_layer(verifier.layer())
}

async fn respond(app: &Router, authorization: Option<&str>) -> TestResponse {
    let request = Request::get("/x");
    let request = match authorization {
        Some(value) => request.header("authorization", value),
        None => request,
    };
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    TestResponse::read(response).await.unwrap()
}

/// Row B1: the operator learns who was rejected, why, and what is required.
#[tokio::test]
async fn event_says_why_a_signed_token_is_rejected() {
    let fixture = Fixture::new();
    let verifier = Verifier::builder([fixture.trusted().allow_clients(["c1", "c2"])])
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    let app = app(&verifier);
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    let good = || fixture.org("org_a").client("c1").claim("jti", "t1");
    let audience = tower_m2m::testing::AUDIENCE;
    for (token, outcome, error, expected, found) in [
        (
            good().audience(format!("{audience}/")),
            "invalid_audience",
            "aud names none of the accepted audiences",
            audience,
            Some("/aud is an array of length 1"),
        ),
        (
            good().claim("exp", NOW - 3600),
            "expired",
            "exp is in the past",
            "in the future, 30 s tolerated",
            None,
        ),
        (
            good().issued_at(NOW + 3600),
            "issued_in_future",
            "compare the clocks",
            "not in the future, 30 s tolerated",
            None,
        ),
        (
            good().claim("nbf", NOW + 3600),
            "not_yet_valid",
            "compare the clocks",
            "in the past if present, 30 s tolerated",
            None,
        ),
        (
            good().without("gty"),
            "wrong_grant_type",
            "not a client-credentials token",
            "/gty is or contains client_credentials",
            Some("/gty is absent"),
        ),
        (
            good().claim("org_code", 7),
            "invalid_organization",
            "not an organization code",
            "absent, or an organization code",
            Some("/org_code is a number"),
        ),
    ] {
        let (status, code) = support::get(&app, "/x", &token).await;
        assert_eq!((status, code), (401, Some(outcome)));
        let event = recorder.one();
        assert_eq!(event["outcome"], outcome);
        assert_eq!(event["level"], "INFO");
        assert!(event["error"].contains(error), "{event:?}");
        assert_eq!(event["client_id"], "c1");
        assert_eq!(event["issuer"], "https://acme.kinde.com");
        assert_eq!(event["jti"], "t1");
        assert!(event["expected"].starts_with(expected), "{event:?}");
        assert_eq!(event.get("found").map(String::as_str), found, "{outcome}");
        let organization = event.get("organization").map(String::as_str);
        let is_valid = outcome != "invalid_organization";
        assert_eq!(organization, is_valid.then_some("org_a"), "{outcome}");
    }
    // Not before the signature was verified, because anyone can write a client into a token.
    let forged = good().signed_with(&Fixture::new().issuer.signing_key());
    support::get(&app, "/x", &forged.without("exp")).await;
    let event = recorder.one();
    assert!(
        event["error"].contains("the claim exp is required"),
        "{event:?}"
    );
    for field in [
        "client_id",
        "organization",
        "issuer",
        "jti",
        "expected",
        "found",
    ] {
        assert!(!event.contains_key(field), "{event:?}");
    }
}

/// Row B1: what a caller sent is written at level DEBUG only, escaped and cut.
#[tokio::test]
async fn requested_organization_is_recorded_at_debug() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let header = OrganizationSource::header(http::HeaderName::from_static("x-org"));
    let app = Router::new()
        .route("/orgs/{org_code}/x", get(async || "hello"))
        .route("/files/{name}", get(async || "hello"))
        .route_layer(verifier.layer().hide_organizations())
        .route("/extract/{org_code}", get(async |_: OrgCode| "hello"))
        .layer(verifier.layer().organization_from(header));
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    let token = fixture.org("org_a").client("c1");
    let long = "b".repeat(200);
    for (path, header, expected) in [
        ("/orgs/org_b/x", None, Some("org_b".to_owned())),
        ("/orgs/a%0Ab/x", None, Some("a\\nb".to_owned())),
        (&format!("/orgs/{long}/x"), None, Some("b".repeat(64))),
        ("/files/org_b", None, Some("org_b".to_owned())),
        ("/extract/org_b", None, Some("org_b".to_owned())),
        ("/files/x", Some("org_c"), Some("org_c".to_owned())),
        ("/orgs/%2e%2e/x", None, None),
    ] {
        let mut request = Request::get(path).header("authorization", token.bearer());
        if let Some(header) = header {
            request = request.header("x-org", header);
        }
        let request = request.body(Body::empty()).unwrap();
        let (status, code) = support::send(&app, request).await;
        assert!(matches!(status, 403 | 404), "{path}");
        assert_eq!(code, Some("wrong_organization"), "{path}");
        let events = recorder.take();
        let requested: Vec<_> = events
            .iter()
            .filter(|event| event["message"] == "other organization requested")
            .collect();
        assert_eq!(requested.len(), 1, "{events:?}");
        assert_eq!(requested[0]["level"], "DEBUG");
        assert_eq!(requested[0]["client_id"], "c1");
        assert_eq!(requested[0]["organization"], "org_a");
        let organization = requested[0].get("requested_organization");
        // The debug form of the recorder escapes once more.
        let organization = organization.map(|code| code.replace("\\\\", "\\"));
        assert_eq!(organization, expected, "{path}");
        for event in events.iter().filter(|event| event["level"] != "DEBUG") {
            assert!(!format!("{event:?}").contains("org_b"), "{event:?}");
        }
    }
}

/// Row B2: the caller learns only that the server is misconfigured, and the operator learns the
/// fix.
#[tokio::test]
async fn missing_layer_is_named_to_the_operator_only() {
    let handler = || get(async |_: OrgCode| "hello");
    let app = Router::new()
        .route("/bare/{id}", handler())
        .nest("/nested", Router::new().route("/{id}", handler()))
        .route("/scoped", get(async |_: Scoped<Read>| "hello"))
        .fallback(async |_: Claims| "hello");
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    for (path, named, fix) in [
        (
            "/bare/1",
            "the handler of \"/bare/{id}\" extracts `OrgCode`",
            ".route_layer(",
        ),
        (
            "/nested/1",
            "the handler of \"/nested/{id}\" extracts `OrgCode`",
            ".route_layer(",
        ),
        (
            "/scoped",
            "the handler of \"/scoped\" extracts `Scoped`",
            ".route_layer(",
        ),
        (
            "/nowhere",
            "a fallback",
            "`.layer(verifier.layer())` to the router after `.fallback(..)`",
        ),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        let rejection = response.extensions().get::<Rejection>().unwrap().clone();
        assert_eq!(rejection.code(), "layer_missing");
        let event = recorder.one();
        assert_eq!(event["level"], "ERROR");
        for text in [event["error"].clone(), rejection.to_string()] {
            assert!(text.contains(named) && text.contains(fix), "{text}");
        }
        let response = TestResponse::read(response).await.unwrap();
        assert!(!response.headers().contains_key("www-authenticate"));
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(
            body.contains("\"title\":\"The server is misconfigured\""),
            "{body}"
        );
        for revealed in ["layer", "verifier", "OrgCode", "detail"] {
            assert!(!body.contains(revealed), "{body}");
        }
    }
}

/// Row B5: for each way in, the response names the limit.
#[tokio::test]
async fn response_to_a_long_token_names_the_limit() {
    let fixture = Fixture::new();
    for limit in [512, 8 * 1024] {
        let verifier = fixture.trusted().max_token_bytes(limit).build().unwrap();
        let long = "a".repeat(limit + 1);
        let response = respond(&app(&verifier), Some(&format!("Bearer {long}"))).await;
        let expected = format!("the access token is longer than {limit} bytes");
        response.assert_rejected(400, "invalid_request");
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(body.contains(&expected), "{body}");
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains(&expected), "{challenge}");
        let rejection = verifier.verify(&long).await.unwrap_err();
        assert_eq!(rejection.code(), "token_too_long");
        assert!(rejection.to_string().contains(&format!("{limit} bytes")));
        // One byte less is read, and is no token.
        let response = respond(
            &app(&verifier),
            Some(&format!("Bearer {}", "a".repeat(limit))),
        )
        .await;
        response.assert_rejected(401, "invalid_token");
    }
}

/// Row B6. Rules 10, 14.
#[tokio::test]
async fn other_schemes_and_bare_tokens_are_told_apart() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier();
    let caller = async |request: axum::extract::Request| format!("{:?}", request.caller_org());
    let required = app(&verifier);
    let optional = Router::new()
        .route("/x", get(caller))
        .route_layer(verifier.optional_layer());
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    let nothing = respond(&required, None).await;
    assert_eq!(recorder.one()["outcome"], "missing_token");
    let token = fixture.org("org_a").token();
    for other in ["Basic dXNlcjpwYXNz", "DPoP abc", "Token", "Negotiate a.b.c"] {
        let response = respond(&required, Some(other)).await;
        // To the byte the response to a request without credentials.
        assert_eq!(response.status(), 401, "{other}");
        assert_eq!(response.body(), nothing.body(), "{other}");
        assert_eq!(response.headers(), nothing.headers(), "{other}");
        let event = recorder.one();
        assert_eq!(event["outcome"], "unsupported_scheme");
        assert!(
            event["error"].contains("another scheme than Bearer"),
            "{event:?}"
        );
        let response = respond(&optional, Some(other)).await;
        assert_eq!(response.status(), 200, "{other}");
        assert_eq!(response.body(), b"Ok(Anonymous)", "{other}");
        recorder.take();
    }
    for bare in [token.as_str(), "a.b.c", "Bearera.b.c"] {
        for app in [&required, &optional] {
            let response = respond(app, Some(bare)).await;
            response.assert_rejected(400, "invalid_request");
            let event = recorder.one();
            assert_eq!(event["outcome"], "unsupported_scheme");
            assert!(
                event["error"].contains("a token without a scheme"),
                "{event:?}"
            );
            assert!(!format!("{event:?}").contains(bare));
        }
    }
}

/// Row B7: a rule that compares a claim with the client says where the client was looked up.
#[tokio::test]
async fn machine_rule_names_the_claim_that_is_missing() {
    let fixture = Fixture::new();
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    let token = || fixture.org("org_a").without("client_id").claim("azp", "c1");
    let auth0 = || {
        let token = fixture.org("org_a").without("azp");
        token
            .claim("gty", "client-credentials")
            .claim("sub", "c1@clients")
    };
    for (profile, token, found, expected) in [
        (
            Profile::KEYCLOAK,
            token(),
            "/azp is a string of length 2, /client_id is absent",
            "/azp is the client, and the client is in client_id",
        ),
        (
            Profile::KEYCLOAK,
            token().claim("client_id", 7),
            "/azp is a string of length 2, /client_id is a number",
            "/azp is the client, and the client is in client_id",
        ),
        (
            Profile::AUTH0,
            auth0(),
            "/client_id is absent",
            "and the client is in client_id or azp",
        ),
    ] {
        let verifier = Verifier::issuer(support::ISSUER)
            .audience(tower_m2m::testing::AUDIENCE)
            .profile(profile)
            .jwk_set(fixture.issuer.jwks())
            .clock(fixture.clock.clone())
            .build()
            .unwrap();
        support::get(&app(&verifier), "/x", &token).await;
        let event = recorder.one();
        assert_eq!(event["outcome"], "wrong_grant_type");
        assert!(
            event["error"].contains("is absent or has another value"),
            "{event:?}"
        );
        assert!(event["found"].contains(found), "{event:?}");
        assert!(event["expected"].contains(expected), "{event:?}");
        let explanation = verifier.explain(&token.token()).await.to_string();
        assert!(explanation.contains(found), "{explanation}");
    }
}

/// Row B7: a pointer that leads through a value that is not an object.
#[tokio::test]
async fn organization_pointer_says_where_it_stops() {
    let fixture = Fixture::new();
    let verifier = fixture
        .trusted()
        .organization_claim("/a/id")
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    let app = app(&verifier);
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    for (value, found) in [
        (
            serde_json::json!("secret"),
            "/a is a string of length 6, so it has no /a/id",
        ),
        (
            serde_json::json!([1]),
            "/a is an array of length 1, so it has no /a/id",
        ),
        (serde_json::json!(null), "/a is null, so it has no /a/id"),
        (serde_json::json!({ "id": 7 }), "/a/id is a number"),
    ] {
        let token = fixture
            .org("org_a")
            .without("org_code")
            .claim("a", value.clone());
        support::get(&app, "/x", &token).await;
        let event = recorder.one();
        assert_eq!(event["outcome"], "invalid_organization", "{value}");
        assert_eq!(event["found"], found, "{value}");
        let explanation = verifier.explain(&token.token()).await.to_string();
        assert!(explanation.contains(found), "{explanation}");
        assert!(!explanation.contains("secret"));
    }
}

/// Row B10: off by default; per reason and client, with a count of what was left out.
#[tokio::test]
async fn rejection_events_are_bounded_per_reason_and_client() {
    let fixture = Fixture::new();
    let recorder = Recorder::default();
    let _guard = crate::subscriber::set_subscriber(recorder.clone());
    let verifier = |limit: Option<u32>| {
        let builder = Verifier::builder([fixture.trusted()]).clock(fixture.clock.clone());
        match limit {
            Some(limit) => builder
                .max_rejection_events_per_second(limit)
                .build()
                .unwrap(),
            None => builder.build().unwrap(),
        }
    };
    let routes = |verifier: &Verifier| {
        Router::new()
            .route("/x", get(async || "hello"))
            .route("/scoped", get(async |_: Scoped<Read>| "hello"))
            .route_layer(verifier.layer())
            .merge(
                Router::new()
                    .route("/anonymous", get(async |_: Claims| "hello"))
                    .route_layer(verifier.optional_layer()),
            )
            .route("/missing", get(async |_: OrgCode| "hello"))
    };
    let rejections = || {
        let mut events = recorder.take();
        events.retain(|event| event["level"] != "DEBUG");
        let omitted = |event: &super::decisions::Fields| event.get("omitted").cloned();
        events.iter().map(omitted).collect::<Vec<_>>()
    };
    let send = async |app: &Router, path: &str, token: &tower_m2m::testing::TokenBuilder| {
        for _ in 0..5 {
            support::get(app, path, token).await;
        }
        rejections()
    };
    let good = |client: &str| fixture.org("org_a").client(client);
    let expired = |client: &str| good(client).claim("exp", NOW - 3600);
    let app = routes(&verifier(None));
    assert_eq!(send(&app, "/x", &expired("c1")).await, [const { None }; 5]);

    let app = routes(&verifier(Some(2)));
    for token in [expired("c1"), expired("c2"), good("c1").without("gty")] {
        assert_eq!(send(&app, "/x", &token).await, [None, None]);
    }
    let forged = good("c1").signed_with(&Fixture::new().issuer.signing_key());
    assert_eq!(send(&app, "/x", &forged).await, [None, None]);
    // The extractor's decisions are bounded too, after those of its layer.
    assert_eq!(send(&app, "/scoped", &good("c1")).await, [None, None]);
    let mut anonymous = 0;
    for _ in 0..5 {
        let request = Request::get("/anonymous").body(Body::empty()).unwrap();
        assert_eq!(support::send(&app, request).await.0, 401);
        anonymous += rejections().len();
    }
    assert_eq!(anonymous, 2);
    // Without a layer there is no verifier that could bound them.
    assert_eq!(send(&app, "/missing", &good("c1")).await.len(), 5);
    // Admitted requests are always recorded.
    for _ in 0..5 {
        support::get(&app, "/x", &good("c1")).await;
    }
    assert_eq!(recorder.take().len(), 5);
    fixture.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(
        send(&app, "/x", &expired("c1")).await,
        [Some("3".to_owned()), None]
    );
    let error = fixture
        .trusted()
        .max_rejection_events_per_second(0)
        .build()
        .unwrap_err();
    assert_eq!(error.setting(), "max_rejection_events_per_second");
}
