//! API keys and opaque tokens, with the endpoints that report them.

use http::StatusCode;
use serde_json::{Value, json};

use super::super::{ApiKey, App, Endpoint, Fault, LocalIssuer, Profile};
use super::support::{Answer, get, send, token};

async fn verify_with(issuer: &LocalIssuer, headers: &str, body: &str) -> Answer {
    let head = format!(
        "POST /api/v1/api_keys/verify HTTP/1.1\r\nContent-Type: application/json\r\n{headers}"
    );
    send(issuer, &head, body).await.unwrap()
}

async fn verify(issuer: &LocalIssuer, key: &str) -> Answer {
    verify_with(issuer, "X-None: 0", &json!({ "api_key": key }).to_string()).await
}

async fn describe(issuer: &LocalIssuer, key: &ApiKey, token: &str) -> Answer {
    let head = format!(
        "GET /api/v1/api_keys/{} HTTP/1.1\r\nAuthorization: Bearer {token}",
        key.id()
    );
    send(issuer, &head, "").await.unwrap()
}

/// Registers an app for the Management API and returns a token of it.
async fn management_token(issuer: &LocalIssuer, scope: &str) -> String {
    let audience = issuer.management_audience();
    let app = App::global("m2m", "s3cret")
        .audience(&audience)
        .scopes([scope]);
    issuer.add_app(app);
    let form = format!(
        "grant_type=client_credentials&client_id=m2m&client_secret=s3cret&audience={audience}"
    );
    let answer = token(issuer, &form).await.json();
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn introspect(issuer: &LocalIssuer, headers: &str, form: &str) -> Answer {
    let head = format!(
        "POST /oauth2/introspect HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n{headers}"
    );
    send(issuer, &head, form).await.unwrap()
}

#[tokio::test]
async fn verify_endpoint_reports_each_kind_of_key() {
    let issuer = LocalIssuer::start().await.unwrap();
    let org = issuer.api_key("org_a").scopes(["read:invoices"]);
    let user = issuer.user_api_key("kp_1");
    let both = issuer.user_api_key("kp_1").org("org_a");
    let environment = issuer.environment_api_key();
    for (key, org_code, user_id) in [
        (&org, json!("org_a"), Value::Null),
        (&user, Value::Null, json!("kp_1")),
        (&both, json!("org_a"), json!("kp_1")),
        (&environment, Value::Null, Value::Null),
    ] {
        let answer = verify(&issuer, key.secret()).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["is_valid"]), (200, &true.into()));
        assert_eq!((&body["org_code"], &body["user_id"]), (&org_code, &user_id));
        assert_eq!(body["key_id"], key.id());
    }
    let mut found = verify(&issuer, org.secret()).await.json();
    found["key_id"] = "…".into();
    let documented = json!({
        "code": "API_KEY_VERIFIED", "message": "API key verified", "is_valid": true, "key_id": "…", "status": "active",
        "scopes": ["read:invoices"], "org_code": "org_a", "user_id": null, "last_verified_on": "2024-11-18T13:32:03+11",
        "verification_count": 2,
    });
    assert_eq!(found, documented);
    assert_eq!(issuer.hits(Endpoint::VerifyApiKey), 5);
}

#[tokio::test]
async fn unknown_and_revoked_keys_are_reported_as_configured() {
    let issuer = LocalIssuer::start().await.unwrap();
    let key = issuer.api_key("org_a");
    let unknown = verify(&issuer, "k_live_unknown0000000000").await;
    assert_eq!(
        (unknown.status, &unknown.json()["is_valid"]),
        (200, &false.into())
    );

    issuer.revoke(&key);
    let revoked = verify(&issuer, key.secret()).await.json();
    assert_eq!(
        (&revoked["is_valid"], &revoked["status"]),
        (&false.into(), &"revoked".into())
    );

    issuer.set_unknown_key_response(StatusCode::BAD_REQUEST, "API_KEY_NOT_FOUND");
    for secret in [key.secret(), "k_live_unknown0000000000"] {
        let answer = verify(&issuer, secret).await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["code"]),
            (400, &"API_KEY_NOT_FOUND".into())
        );
    }
}

#[tokio::test]
async fn rotated_key_keeps_its_id() {
    let issuer = LocalIssuer::start().await.unwrap();
    let old = issuer.api_key("org_a");
    let new = issuer.rotate_api_key(&old);
    assert_eq!(old.id(), new.id());
    assert_ne!(old.secret(), new.secret());
    assert_eq!(
        verify(&issuer, old.secret()).await.json()["is_valid"],
        false
    );
    let answer = verify(&issuer, new.secret()).await.json();
    assert_eq!(answer["key_id"], old.id());
}

#[tokio::test]
async fn setters_change_a_registered_key() {
    let issuer = LocalIssuer::start().await.unwrap();
    let key = issuer.api_key("org_a");
    key.clone()
        .member("is_valid", "true")
        .without("org_code")
        .details("type", 7)
        .without_details("id");
    let answer = verify(&issuer, key.secret()).await.json();
    assert_eq!(answer["is_valid"], "true");
    assert!(answer.get("org_code").is_none());

    let management = management_token(&issuer, "read:api_keys").await;
    let details = describe(&issuer, &key, &management).await.json();
    assert_eq!(details["api_key"]["type"], 7);
    assert!(details["api_key"].get("id").is_none());
}

#[tokio::test]
async fn key_description_requires_a_management_token() {
    let issuer = LocalIssuer::start().await.unwrap();
    let key = issuer.api_key("org_a").api_ids(["api_1"]);
    let path = format!("/api/v1/api_keys/{}", key.id());
    assert_eq!(get(&issuer, &path).await.unwrap().status, 403);
    let other_scope = management_token(&issuer, "read:users").await;
    assert_eq!(describe(&issuer, &key, &other_scope).await.status, 403);

    let management = management_token(&issuer, "read:api_keys").await;
    let answer = describe(&issuer, &key, &management).await;
    let details = &answer.json()["api_key"];
    assert_eq!(answer.status, 200);
    assert_eq!(
        (&details["id"], &details["type"], &details["api_ids"]),
        (&key.id().into(), &"organization".into(), &json!(["api_1"]))
    );
    assert_eq!(details["key_prefix"], "k_live");
    let unknown = format!("GET /api/v1/api_keys/x HTTP/1.1\r\nAuthorization: Bearer {management}");
    assert_eq!(send(&issuer, &unknown, "").await.unwrap().status, 404);
    assert_eq!(issuer.hits(Endpoint::ReadApiKey), 4);
}

#[tokio::test]
async fn protected_verify_endpoint_requires_a_management_token() {
    let issuer = LocalIssuer::builder()
        .protect_api_keys()
        .start()
        .await
        .unwrap();
    let key = issuer.api_key("org_a");
    let body = json!({ "api_key": key.secret() }).to_string();
    let rejected = verify(&issuer, key.secret()).await;
    assert_eq!(
        (rejected.status, &rejected.json()["errors"][0]["code"]),
        (401, &"INVALID_CREDENTIALS".into())
    );
    issuer.set_rejected_client_response(StatusCode::BAD_REQUEST, "NO");
    assert_eq!(verify(&issuer, key.secret()).await.status, 400);
    let minted = issuer
        .global()
        .audience(issuer.management_audience())
        .scopes(["read:api_keys"]);
    let forged = format!("Authorization: {}", minted.bearer());
    assert_eq!(verify_with(&issuer, &forged, &body).await.status, 400);

    let other_scope = management_token(&issuer, "read:users").await;
    let authorization = format!("Authorization: Bearer {other_scope}");
    let missing = verify_with(&issuer, &authorization, &body).await;
    assert_eq!(
        (missing.status, &missing.json()["errors"][0]["code"]),
        (403, &"INSUFFICIENT_SCOPE".into())
    );
    issuer.set_missing_scope_response(StatusCode::UNAUTHORIZED, "SCOPE");
    let missing = verify_with(&issuer, &authorization, &body).await;
    assert_eq!(
        (missing.status, &missing.json()["errors"][0]["code"]),
        (401, &"SCOPE".into())
    );

    let management = management_token(&issuer, "read:api_keys").await;
    let authorization = format!("Authorization: Bearer {management}");
    assert_eq!(
        verify_with(&issuer, &authorization, &body).await.status,
        200
    );
}

#[tokio::test]
async fn introspection_reports_claims_and_revocation() {
    let issuer = LocalIssuer::builder()
        .profile(Profile::Rfc9068)
        .start()
        .await
        .unwrap();
    issuer.add_app(App::global("api", "s3cret"));
    let credentials = "client_id=api&client_secret=s3cret";
    let good = issuer.org("org_a").client("svc").scopes(["read:invoices"]);
    let opaque = issuer.opaque_token(&good);
    let form = format!("{credentials}&token={}", opaque.token());
    let answer = introspect(&issuer, "X-None: 0", &form).await;
    assert!(answer.head.contains("cache-control: no-store"));
    let body = answer.json();
    for (name, value) in [
        ("active", json!(true)),
        ("token_type", "Bearer".into()),
        ("client_id", "svc".into()),
        ("scope", "read:invoices".into()),
        ("org_code", "org_a".into()),
        ("iss", issuer.url().into()),
    ] {
        assert_eq!(body[name], value, "{name}");
    }

    let basic = "Authorization: Basic YXBpOnMzY3JldA==";
    let refresh = issuer.opaque_refresh_token(&good);
    let form = format!("token={}", refresh.token());
    let refresh = introspect(&issuer, basic, &form).await.json();
    assert_eq!(
        issuer.last_body(Endpoint::Introspect),
        Some(form.into_bytes())
    );
    assert!(refresh["active"] == true && refresh.get("token_type").is_none());

    let named = issuer.opaque_token_named("ory_at_a.b", &good.claim("active", "true"));
    let form = format!("token={}", named.token());
    assert_eq!(
        introspect(&issuer, basic, &form).await.json()["active"],
        "true"
    );

    issuer.revoke(&opaque);
    let form = format!("token={}", opaque.token());
    let revoked = introspect(&issuer, basic, &form).await.json();
    assert_eq!(revoked, json!({ "active": false }));
}

#[tokio::test]
async fn introspection_requires_a_client_and_a_token() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.add_app(App::global("api", "s3cret"));
    let opaque = issuer.opaque_token(&issuer.org("org_a"));
    let token = format!("token={}", opaque.token());
    let credentials = "client_id=api&client_secret=s3cret";
    let basic = "Authorization: Basic YXBpOnMzY3JldA==";
    for (headers, form, status) in [
        ("X-None: 0", token.clone(), 401),
        (
            "X-None: 0",
            format!("{token}&client_id=api&client_secret=no"),
            401,
        ),
        ("Authorization: Basic YXBpOm5v", token.clone(), 401),
        (basic, credentials.to_owned(), 400),
        (basic, format!("{token}&{credentials}"), 400),
        (basic, format!("{token}&{token}"), 400),
        ("X-None: 0", format!("{token}&{credentials}"), 200),
    ] {
        let answer = introspect(&issuer, headers, &form).await;
        assert_eq!(answer.status, status, "{headers} {form}");
    }
    let wrong = get(&issuer, "/oauth2/introspect").await.unwrap();
    assert_eq!(wrong.status, 405);
    let metadata = get(&issuer, "/.well-known/oauth-authorization-server").await;
    assert_eq!(
        metadata.unwrap().json()["introspection_endpoint"],
        format!("{}/oauth2/introspect", issuer.url())
    );
}

#[tokio::test]
async fn new_endpoints_have_faults_and_documents() {
    let issuer = LocalIssuer::start().await.unwrap();
    let key = issuer.api_key("org_a");
    let wrong = Fault::kinde_error(StatusCode::FORBIDDEN, "ACCESS_DENIED");
    issuer.fail_next(Endpoint::VerifyApiKey, 1, wrong);
    let answer = verify(&issuer, key.secret()).await;
    assert_eq!(
        (answer.status, &answer.json()["errors"][0]["code"]),
        (403, &"ACCESS_DENIED".into())
    );
    let twice = r#"{"is_valid":true,"is_valid":true}"#;
    issuer.set_document(Endpoint::VerifyApiKey, twice);
    assert_eq!(verify(&issuer, key.secret()).await.body, twice.as_bytes());
    issuer.restore_documents();
    assert_eq!(verify(&issuer, key.secret()).await.json()["is_valid"], true);
    for (name, endpoint) in [
        ("verify_api_key", Endpoint::VerifyApiKey),
        ("read_api_key", Endpoint::ReadApiKey),
        ("introspect", Endpoint::Introspect),
    ] {
        assert_eq!(Endpoint::from_name(name), Some(endpoint));
    }
}

#[tokio::test]
async fn admin_endpoints_issue_and_revoke_keys() {
    let issuer = LocalIssuer::builder().with_admin().start().await.unwrap();
    let post = async |path: &str, body: &str| {
        send(&issuer, &format!("POST {path} HTTP/1.1"), body)
            .await
            .unwrap()
    };
    let new = r#"{"org_code":"org_a","scopes":["read:invoices"],"api_ids":["api_1"]}"#;
    let key = post("/admin/api-keys", new).await.json();
    let secret = key["api_key"].as_str().unwrap().to_owned();
    let found = verify(&issuer, &secret).await.json();
    assert_eq!(
        (&found["org_code"], &found["key_id"], &found["scopes"]),
        (&"org_a".into(), &key["id"], &json!(["read:invoices"]))
    );
    let user = post("/admin/api-keys", r#"{"user_id":"kp_1"}"#)
        .await
        .json();
    let user = verify(&issuer, user["api_key"].as_str().unwrap())
        .await
        .json();
    assert_eq!(
        (&user["user_id"], &user["org_code"]),
        (&"kp_1".into(), &Value::Null)
    );

    post(
        "/admin/revoke",
        &json!({ "credential": secret }).to_string(),
    )
    .await;
    assert_eq!(verify(&issuer, &secret).await.json()["is_valid"], false);
    post(
        "/admin/fault",
        r#"{"endpoint":"verify_api_key","fault":"kinde_error","status":429,"code":"LIMIT"}"#,
    )
    .await;
    let limited = verify(&issuer, &secret).await;
    assert_eq!(
        (limited.status, &limited.json()["errors"][0]["code"]),
        (429, &"LIMIT".into())
    );
}

#[tokio::test]
async fn debug_output_contains_no_credential() {
    let issuer = LocalIssuer::start().await.unwrap();
    let key = issuer.api_key("org_a");
    let opaque = issuer.opaque_token(&issuer.org("org_a"));
    assert_eq!((key.secret().len(), opaque.token().len()), (43, 43));
    let printed = format!("{key:?} {opaque:?} {issuer:?}");
    assert!(printed.contains(key.id()));
    assert!(!printed.contains(key.secret()) && !printed.contains(opaque.token()));
}
