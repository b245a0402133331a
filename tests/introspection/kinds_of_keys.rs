//! The kinds of Kinde's keys, under each access setting.

use tower_m2m::testing::ApiKey;
use tower_m2m::{ApiKeys, CredentialKind, Scope};

use super::support::{API_ID, CLIENT_ID, Fixture, SECRET};

const READ: [&str; 1] = ["read:invoices"];

async fn statuses(fixture: &Fixture, key: &ApiKey) -> [u16; 4] {
    let mut statuses = [0; 4];
    let paths = ["/organization", "/any", "/global", "/users"];
    for (status, path) in statuses.iter_mut().zip(paths) {
        *status = fixture.get(path, key.secret()).await;
    }
    statuses
}

/// Rules 175, 176.
#[tokio::test]
async fn kind_of_key_decides_where_it_is_admitted() {
    let fixture = Fixture::with_keys().await;
    let issuer = &fixture.issuer;
    let organization = issuer.api_key("org_a").scopes(READ);
    let user = issuer.user_api_key("kp_1").scopes(READ);
    let environment = issuer.environment_api_key().scopes(READ);
    let both = issuer.api_key("org_a").user("kp_1").scopes(READ);
    assert_eq!(
        statuses(&fixture, &organization).await,
        [200, 200, 403, 200]
    );
    assert_eq!(statuses(&fixture, &user).await, [401; 4]);
    assert_eq!(statuses(&fixture, &environment).await, [403, 200, 200, 403]);
    assert_eq!(statuses(&fixture, &both).await, [401; 4]);
    assert_eq!(fixture.requests(), 4, "one for each key");
    assert_eq!(
        fixture
            .get("/orgs/org_b/invoices", organization.secret())
            .await,
        403
    );
    assert_eq!(
        fixture
            .get("/orgs/org_a/invoices", environment.secret())
            .await,
        403
    );
}

/// Rule 176.
#[tokio::test]
async fn user_key_needs_a_layer_that_allows_users() {
    let keys = || ApiKeys::kinde().allow_user_keys();
    let fixture = Fixture::new(|issuer| issuer.api_keys(keys())).await;
    let user = fixture.issuer.user_api_key("kp_1").scopes(READ);
    assert_eq!(statuses(&fixture, &user).await, [403, 403, 403, 200]);
    assert_eq!(fixture.call(user.secret()).await, 403);
    let of_route = |org: &str| format!("/orgs/{org}/users");
    assert_eq!(
        fixture.get(&of_route("org_a"), user.secret()).await,
        403,
        "no organization"
    );
    // Without the second request, a key with an organization and a user is a user's.
    let both = fixture.issuer.api_key("org_a").user("kp_1").scopes(READ);
    assert_eq!(statuses(&fixture, &both).await, [403, 403, 403, 200]);
    assert_eq!(fixture.get(&of_route("org_a"), both.secret()).await, 200);
    assert_eq!(fixture.get(&of_route("org_b"), both.secret()).await, 403);
    let claims = fixture.verifier.verify(user.secret()).await.unwrap();
    assert!(!claims.is_global());
    assert_eq!(claims.org_code(), None);
    assert_eq!(claims.subject(), Some("kp_1"));
}

/// Rules 176, 177.
#[tokio::test]
async fn second_response_decides_about_organization_and_user() {
    let keys = || {
        ApiKeys::kinde()
            .client_credentials(CLIENT_ID, SECRET)
            .api_id(API_ID)
    };
    let fixture = Fixture::new(|issuer| issuer.api_keys(keys())).await;
    let both = |kind: &str| {
        let key = fixture.issuer.api_key("org_a").user("kp_1").scopes(READ);
        key.api_ids([API_ID]).details("type", kind)
    };
    assert_eq!(fixture.call(both("organization").secret()).await, 200);
    assert_eq!(fixture.call(both("user").secret()).await, 401);
}

/// Rules 176, 183.
#[tokio::test]
async fn claims_of_a_key_are_its_own() {
    let fixture = Fixture::with_keys().await;
    let key = fixture
        .issuer
        .api_key("org_a")
        .scopes(["read:invoices", "write:invoices"]);
    // Members that are not needed are not parsed.
    let key = key
        .member("last_verified_on", "2024-11-18T13:32:03+11")
        .member("verification_count", "x");
    let claims = fixture.verifier.verify(key.secret()).await.unwrap();
    assert_eq!(claims.credential_kind(), CredentialKind::ApiKey);
    assert_eq!(claims.client_id(), key.id());
    assert_eq!(claims.subject(), None);
    assert_eq!(claims.org_code().unwrap().as_str(), "org_a");
    assert!(
        claims
            .scopes()
            .contains(&Scope::from_static("write:invoices"))
    );
    assert_eq!(claims.issuer(), fixture.issuer.url());
    let now = tower_m2m::Clock::system().unix_seconds();
    assert!((now + 55..=now + 60).contains(&claims.expires_at()));
    let jwt = fixture.issuer.org("org_a").token();
    let claims = fixture.verifier.verify(&jwt).await.unwrap();
    assert_eq!(claims.credential_kind(), CredentialKind::Jwt);
}

/// Rules 174, 175.
#[tokio::test]
async fn malformed_claim_is_401() {
    let fixture = Fixture::with_keys().await;
    for (member, value) in [
        ("org_code", serde_json::json!("")),
        ("cnf", serde_json::json!({ "jkt": "key" })),
        ("cnf", serde_json::json!("key")),
        ("org_code", serde_json::json!(7)),
        ("org_code", serde_json::json!(["org_a"])),
        ("user_id", serde_json::json!(7)),
        ("key_id", serde_json::json!("")),
        ("key_id", serde_json::json!(null)),
        ("scopes", serde_json::json!("read:invoices")),
        ("status", serde_json::json!("revoked")),
        ("status", serde_json::json!("inactive")),
        ("is_valid", serde_json::json!(false)),
    ] {
        let key = fixture
            .issuer
            .api_key("org_a")
            .scopes(READ)
            .member(member, value.clone());
        assert_eq!(fixture.call(key.secret()).await, 401, "{member} {value}");
    }
}
