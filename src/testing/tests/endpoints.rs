//! Documents, tokens, apps and keys.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::{
    App, Endpoint, LocalIssuer, Profile, SecretRotation, SigningAlgorithm, SigningKey,
};
use super::support::{claims, get, part, send, token, token_with};
use crate::clock::Clock;

const API: &str = "https://api.example.com";

async fn with_app() -> LocalIssuer {
    let issuer = LocalIssuer::start().await.unwrap();
    let app = App::org("svc", "s3cret", "org_a")
        .audience(API)
        .scopes(["read:invoices", "write:invoices"]);
    issuer.add_app(app.property("region", "eu").flag("agent-v2", true));
    issuer
}

#[tokio::test]
async fn issuer_publishes_metadata_and_keys() {
    let issuer = LocalIssuer::start().await.unwrap();
    let oidc = get(&issuer, "/.well-known/openid-configuration")
        .await
        .unwrap();
    let oauth = get(&issuer, "/.well-known/oauth-authorization-server")
        .await
        .unwrap();
    assert_eq!(oidc.json(), oauth.json());
    assert_eq!(oidc.json()["issuer"], issuer.url());
    assert_eq!(oidc.json()["jwks_uri"], issuer.jwks_uri());
    assert_eq!(oidc.json()["token_endpoint"], issuer.token_endpoint());

    let keys = get(&issuer, "/.well-known/jwks").await.unwrap();
    assert_eq!(
        get(&issuer, "/.well-known/jwks.json").await.unwrap().body,
        keys.body
    );
    assert_eq!(String::from_utf8(keys.body).unwrap(), issuer.jwks());
    assert_eq!(get(&issuer, "/nothing").await.unwrap().status, 404);
    assert_eq!(
        send(&issuer, "POST /.well-known/jwks HTTP/1.1", "")
            .await
            .unwrap()
            .status,
        405
    );
    let hits = [
        Endpoint::Discovery,
        Endpoint::Metadata,
        Endpoint::Jwks,
        Endpoint::Other,
    ]
    .map(|at| issuer.hits(at));
    assert_eq!(hits, [1, 1, 3, 1]);
}

#[tokio::test]
async fn issuer_path_is_part_of_document_urls() {
    let issuer = LocalIssuer::builder()
        .path("tenants/a/")
        .start()
        .await
        .unwrap();
    assert!(issuer.url().ends_with("/tenants/a"));
    for path in [
        "/tenants/a/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenants/a",
    ] {
        assert_eq!(
            get(&issuer, path).await.unwrap().json()["issuer"],
            issuer.url()
        );
    }
    assert_eq!(
        get(&issuer, "/.well-known/openid-configuration")
            .await
            .unwrap()
            .status,
        404
    );
    assert_eq!(
        get(&issuer, "/tenants/a/.well-known/jwks")
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn issuer_rejects_non_loopback_addresses() {
    let everywhere = LocalIssuer::builder()
        .listen(([0, 0, 0, 0], 0).into())
        .start()
        .await;
    assert_eq!(
        everywhere.unwrap_err().kind(),
        std::io::ErrorKind::InvalidInput
    );
}

#[test]
fn issuer_mints_kinde_tokens() {
    let clock = Clock::manual(1_751_150_668);
    let issuer = LocalIssuer::builder()
        .clock(clock)
        .in_process("https://acme.kinde.com")
        .unwrap();
    let token = issuer
        .org("org_a")
        .scopes(["read:users", "write:flags"])
        .token();
    let mut found = claims(&token);
    assert_eq!(found["jti"].as_str().unwrap().len(), 36);
    found["jti"] = "…".into();
    let kinde = json!({
        "aud": [API], "azp": super::super::CLIENT_ID, "exp": 1_751_237_068, "gty": ["client_credentials"],
        "iat": 1_751_150_668, "iss": "https://acme.kinde.com", "jti": "…", "org_code": "org_a",
        "scope": "read:users write:flags", "scp": [], "v": "2",
    });
    assert_eq!(found, kinde);
    assert_eq!(
        part(&token, 0),
        json!({ "alg": "RS256", "kid": issuer.signing_key().kid(), "typ": "JWT" })
    );
    assert!(claims(&issuer.global().token()).get("org_code").is_none());
    assert!(claims(&issuer.user("kp_1").token()).get("gty").is_none());
}

#[test]
fn issuer_mints_rfc9068_tokens() {
    let builder = LocalIssuer::builder()
        .profile(Profile::Rfc9068)
        .algorithm(SigningAlgorithm::EdDsa);
    let issuer = builder.in_process("https://issuer.example").unwrap();
    let token = issuer.global().client("svc").token();
    assert_eq!(part(&token, 0)["typ"], "at+jwt");
    let claims = claims(&token);
    assert_eq!(
        (&claims["sub"], &claims["client_id"], &claims["aud"]),
        (&"svc".into(), &"svc".into(), &API.into())
    );
    assert!(claims.get("gty").is_none() && claims.get("azp").is_none());
    assert_eq!(
        super::support::claims(&issuer.user("u1").client("web").token())["sub"],
        "u1"
    );
}

#[test]
fn token_setters_override_defaults() {
    let clock = Clock::manual(1_000_000);
    let issuer = LocalIssuer::builder()
        .clock(clock)
        .in_process("https://acme.kinde.com")
        .unwrap();
    let other = SigningKey::generate(SigningAlgorithm::Es256)
        .unwrap()
        .with_kid("other");
    let token = issuer
        .global()
        .expired_by(Duration::from_secs(5))
        .property("region", "eu")
        .property("tier", 2);
    let token = token
        .flag("a", true)
        .flag("b", "x")
        .without("jti")
        .header("typ", 7)
        .signed_with(&other)
        .token();
    let claims = claims(&token);
    assert_eq!(
        (&claims["exp"], &claims["iat"]),
        (&999_995.into(), &913_595.into())
    );
    assert_eq!(
        claims["application_properties"],
        json!({ "region": { "v": "eu" }, "tier": { "v": 2 } })
    );
    assert_eq!(
        claims["feature_flags"],
        json!({ "a": { "t": "b", "v": true }, "b": { "t": "s", "v": "x" } })
    );
    assert!(claims.get("jti").is_none());
    assert_eq!(
        part(&token, 0),
        json!({ "alg": "ES256", "kid": "other", "typ": 7 })
    );
}

#[tokio::test]
async fn token_endpoint_issues_tokens_to_apps() {
    let issuer = with_app().await;
    let form =
        format!("grant_type=client_credentials&client_id=svc&client_secret=s3cret&audience={API}");
    let answer = token(&issuer, &form).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("cache-control: no-store"));
    let body = answer.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&"bearer".into(), &86_400.into())
    );
    assert_eq!(body["scope"], "read:invoices write:invoices");
    let all = claims(body["access_token"].as_str().unwrap());
    assert_eq!(
        (&all["org_code"], &all["azp"], &all["scp"]),
        (&"org_a".into(), &"svc".into(), &json!([]))
    );
    assert_eq!(all["application_properties"]["region"]["v"], "eu");

    let narrow = token(&issuer, &format!("{form}&scope=read:invoices"))
        .await
        .json();
    let narrow = claims(narrow["access_token"].as_str().unwrap());
    assert_eq!(
        (&narrow["scope"], &narrow["scp"]),
        (&"read:invoices".into(), &json!(["read:invoices"]))
    );

    let basic = format!("Authorization: Basic {}", STANDARD.encode("svc:s3cret"));
    let nobody = token_with(&issuer, &basic, "grant_type=client_credentials").await;
    assert_eq!(
        claims(nobody.json()["access_token"].as_str().unwrap())["aud"],
        json!([])
    );
}

#[tokio::test]
async fn token_endpoint_returns_error_codes() {
    let issuer = with_app().await;
    let good = "client_id=svc&client_secret=s3cret";
    let grant = "grant_type=client_credentials";
    for (form, status, error) in [
        (good.to_owned(), 400, "invalid_request"),
        (
            format!("grant_type=password&{good}"),
            400,
            "unsupported_grant_type",
        ),
        (format!("{grant}&{grant}&{good}"), 400, "invalid_request"),
        (grant.to_owned(), 401, "invalid_client"),
        (
            format!("{grant}&client_id=svc&client_secret=wrong"),
            401,
            "invalid_client",
        ),
        (
            format!("{grant}&client_id=who&client_secret=s3cret"),
            401,
            "invalid_client",
        ),
        (
            format!("{grant}&{good}&audience=https://other"),
            400,
            "unauthorized_client",
        ),
        (
            format!("{grant}&{good}&scope=read:invoices+admin"),
            400,
            "invalid_scope",
        ),
        (format!("{grant}&{good}&scope=%f"), 400, "invalid_request"),
    ] {
        let answer = token(&issuer, &form).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (status, &error.into()),
            "{form}"
        );
        assert!(!answer.head.contains("www-authenticate"), "{form}");
    }
    let answer = token_with(&issuer, "Authorization: Basic c3ZjOndyb25n", grant).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (401, &"invalid_client".into())
    );
    assert!(answer.head.contains("www-authenticate: basic"));
    let twice = token_with(
        &issuer,
        "Authorization: Basic c3ZjOnMzY3JldA==",
        &format!("{grant}&{good}"),
    )
    .await;
    assert_eq!(twice.json()["error"], "invalid_request");
    assert_eq!(get(&issuer, "/oauth2/token").await.unwrap().status, 405);
}

#[tokio::test]
async fn secret_rotation_keeps_or_revokes_old_secret() {
    let issuer = with_app().await;
    let status = async |secret: &str| {
        let form = format!("grant_type=client_credentials&client_id=svc&client_secret={secret}");
        token(&issuer, &form).await.status
    };
    let second = issuer
        .rotate_secret("svc", SecretRotation::KeepOld)
        .unwrap();
    assert_eq!((status("s3cret").await, status(&second).await), (200, 200));
    let third = issuer
        .rotate_secret("svc", SecretRotation::RevokeOld)
        .unwrap();
    assert_eq!(
        (
            status("s3cret").await,
            status(&second).await,
            status(&third).await
        ),
        (401, 401, 200)
    );
    assert!(
        issuer
            .rotate_secret("nobody", SecretRotation::KeepOld)
            .is_err()
    );
}

#[test]
fn issuer_rotates_keys() {
    let builder = LocalIssuer::builder().algorithm(SigningAlgorithm::Es256);
    let issuer = builder.in_process("https://acme.kinde.com").unwrap();
    let first = issuer.signing_key();
    let second = issuer.rotate_key().unwrap();
    assert_eq!(issuer.signing_key().kid(), second);
    assert!(issuer.jwks().contains(first.kid()) && issuer.jwks().contains(&second));

    let third = issuer.publish_next_key().unwrap();
    assert_eq!(issuer.signing_key().kid(), second);
    issuer.use_key(&third).unwrap();
    issuer.remove_key(&second).unwrap();
    assert!(!issuer.jwks().contains(&second));
    assert_eq!(part(&issuer.global().token(), 0)["kid"], third);

    let first_keys = issuer.jwks();
    issuer.replace_key_same_kid().unwrap();
    assert_eq!(issuer.signing_key().kid(), third);
    assert_ne!(issuer.jwks(), first_keys);
    assert!(issuer.use_key("none").is_err() && issuer.remove_key("none").is_err());
}

#[tokio::test]
async fn admin_endpoints_are_disabled_by_default() {
    let closed = LocalIssuer::start().await.unwrap();
    assert_eq!(
        send(&closed, "POST /admin/rotate-key HTTP/1.1", "")
            .await
            .unwrap()
            .status,
        404
    );

    let issuer = LocalIssuer::builder().with_admin().start().await.unwrap();
    let post = async |path: &str, body: &str| {
        send(&issuer, &format!("POST {path} HTTP/1.1"), body)
            .await
            .unwrap()
    };
    let app = post(
        "/admin/apps",
        r#"{"client_id":"a b","org_code":"org_a","audiences":["x"],"scopes":["s"]}"#,
    )
    .await;
    let secret = app.json()["client_secret"].as_str().unwrap().to_owned();
    let form = |secret: &str| {
        format!("grant_type=client_credentials&client_id=a+b&client_secret={secret}")
    };
    assert_eq!(token(&issuer, &form(&secret)).await.json()["scope"], "s");
    assert_eq!(
        post("/admin/apps/a%20b/rotate-secret?overlap=true", "")
            .await
            .status,
        200
    );
    assert_eq!(token(&issuer, &form(&secret)).await.status, 200);
    assert_eq!(
        post("/admin/apps/a%20b/rotate-secret", "").await.status,
        200
    );
    assert_eq!(token(&issuer, &form(&secret)).await.status, 401);
    assert_eq!(post("/admin/apps/c/rotate-secret", "").await.status, 404);

    let kid = post("/admin/rotate-key", "").await.json()["kid"].clone();
    assert_eq!(kid, issuer.signing_key().kid());
    post(
        "/admin/fault",
        r#"{"endpoint":"jwks","fault":"status","status":503}"#,
    )
    .await;
    assert_eq!(get(&issuer, "/.well-known/jwks").await.unwrap().status, 503);
    post("/admin/fault", r#"{"endpoint":"jwks"}"#).await;
    assert_eq!(get(&issuer, "/.well-known/jwks").await.unwrap().status, 200);
    assert_eq!(post("/admin/fault", "{}").await.status, 400);
    let browser = send(
        &issuer,
        "POST /admin/rotate-key HTTP/1.1\r\nOrigin: https://evil.example",
        "",
    )
    .await
    .unwrap();
    assert_eq!(browser.status, 403);
}
