//! Opaque access tokens (RFC 7662).

use std::time::Duration;

use base64::Engine as _;
use http::header;
use serde_json::json;
use tower_m2m::testing::{Endpoint, LocalIssuer};
use tower_m2m::{CredentialKind, Introspection};

use super::support::{CLIENT_ID, Fixture, SECRET};

const READ: [&str; 1] = ["read:invoices"];

/// Rules 164, 165.
#[tokio::test]
async fn request_is_a_form_with_one_authentication() {
    let fixture = Fixture::with_tokens(|tokens| tokens).await;
    let token = fixture
        .issuer
        .opaque_token(&fixture.issuer.org("org_a").scopes(READ));
    assert_eq!(fixture.call(token.token()).await, 200);
    let headers = fixture.issuer.last_headers(Endpoint::Introspect).unwrap();
    assert_eq!(
        headers[header::CONTENT_TYPE],
        "application/x-www-form-urlencoded"
    );
    let basic = headers[header::AUTHORIZATION]
        .to_str()
        .unwrap()
        .strip_prefix("Basic ")
        .unwrap();
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(basic)
        .unwrap();
    let decoded = String::from_utf8(decoded).unwrap();
    assert_eq!(decoded, "m2m_of_the_api:secret+of+the+api%3A+100%25+%26%2B");
    let body = fixture.issuer.last_body(Endpoint::Introspect).unwrap();
    let body = String::from_utf8(body).unwrap();
    assert_eq!(
        body,
        format!("token={}&token_type_hint=access_token", token.token())
    );

    let in_body = |issuer: tower_m2m::Issuer| {
        let tokens = Introspection::from_metadata().client_credentials_in_body(CLIENT_ID, SECRET);
        issuer.introspection(tokens)
    };
    let fixture = Fixture::new(in_body).await;
    let token = fixture
        .issuer
        .opaque_token(&fixture.issuer.org("org_a").scopes(READ));
    assert_eq!(fixture.call(token.token()).await, 200);
    let headers = fixture.issuer.last_headers(Endpoint::Introspect).unwrap();
    assert!(!headers.contains_key(header::AUTHORIZATION));
}

#[tokio::test]
async fn wrong_client_secret_is_503() {
    let wrong = |issuer: tower_m2m::Issuer| {
        issuer.introspection(Introspection::from_metadata().client_credentials(CLIENT_ID, "wrong"))
    };
    let fixture = Fixture::new(wrong).await;
    let token = fixture
        .issuer
        .opaque_token(&fixture.issuer.org("org_a").scopes(READ));
    assert_eq!(fixture.call(token.token()).await, 503);
    let status = &fixture.verifier.introspection_status()[0];
    assert_eq!(status.last_error.unwrap().code(), "credentials_rejected");
    assert_eq!(fixture.issuer.hits(Endpoint::Introspect), 1);
}

/// Rule 164.
#[tokio::test]
async fn endpoint_is_found_in_metadata_or_configured() {
    let fixture = Fixture::with_tokens(|tokens| tokens).await;
    let claims = || fixture.issuer.org("org_a").scopes(READ);
    for _ in 0..2 {
        let token = fixture.issuer.opaque_token(&claims());
        assert_eq!(fixture.call(token.token()).await, 200);
    }
    let metadata =
        fixture.issuer.hits(Endpoint::Discovery) + fixture.issuer.hits(Endpoint::Metadata);
    assert!(metadata <= 2, "the endpoint is cached: {metadata}");
    let url = format!("{}/oauth2/introspect", fixture.issuer.url());
    let token = fixture.issuer.opaque_token(&claims());
    let explicit = Fixture::with_issuer(fixture.issuer, |issuer| {
        issuer.introspection(Introspection::endpoint(url).client_credentials(CLIENT_ID, SECRET))
    });
    assert_eq!(explicit.call(token.token()).await, 200);
}

/// Rules 167, 168.
#[tokio::test]
async fn claims_must_be_those_of_an_access_token_for_this_api() {
    let fixture = Fixture::with_tokens(|tokens| tokens).await;
    let issuer = &fixture.issuer;
    let good = || issuer.org("org_a").scopes(READ);
    let second = Duration::from_secs(1);
    for (claims, expected) in [
        (good(), 200),
        (good().claim("token_type", "bearer"), 200),
        (good().claim("token_use", "access_token"), 200),
        (good().claim("iss", issuer.url()), 200),
        (good().without("iss"), 200),
        (good().without("exp"), 200),
        (good().without("sub"), 200),
        (good().claim("token_use", "refresh_token"), 401),
        (good().claim("token_type", "refresh_token"), 401),
        (good().claim("token_type", "DPoP"), 401),
        (good().claim("token_type", 7), 401),
        (good().claim("iss", "https://other.example"), 401),
        (good().audience("https://other.example"), 401),
        (good().without("aud"), 401),
        (good().claim("aud", json!([])), 401),
        (good().claim("cnf", json!({"jkt": "x"})), 401),
        (good().claim("act", json!({"sub": "x"})), 401),
        (good().claim("client_id", ""), 401),
        (good().claim("client_id", json!(null)), 401),
        (good().claim("client_id", 7), 401),
        (good().claim("scope", json!(["read:invoices"])), 401),
        (good().claim("exp", json!(null)), 401),
        (good().claim("exp", "soon"), 401),
        (good().claim("nbf", 9_000_000_000_u64), 401),
        (good().claim("org_code", json!(null)), 401),
        (good().claim("org_code", json!(["org_a"])), 401),
        (good().claim("nonce", "n"), 401),
        (good().expired_by(60 * second), 401),
    ] {
        let payload = claims.payload_json();
        let token = issuer.opaque_token(&claims);
        let before = fixture.requests();
        assert_eq!(fixture.call(token.token()).await, expected, "{payload}");
        assert_eq!(fixture.requests() - before, 1, "{payload}");
        assert_eq!(
            fixture.call(token.token()).await,
            expected,
            "{payload}, cached"
        );
        assert_eq!(fixture.requests() - before, 1, "{payload}, cached");
    }
}

/// Rule 168.
#[tokio::test]
async fn refresh_token_is_rejected_unless_missing_types_are_allowed() {
    let fixture = Fixture::with_tokens(|tokens| tokens).await;
    let claims = fixture.issuer.org("org_a").scopes(READ);
    let refresh = fixture.issuer.opaque_refresh_token(&claims);
    assert_eq!(fixture.call(refresh.token()).await, 401);
    let lenient = Fixture::with_tokens(Introspection::allow_missing_token_type).await;
    let claims = lenient.issuer.org("org_a").scopes(READ);
    let refresh = lenient.issuer.opaque_refresh_token(&claims);
    assert_eq!(lenient.call(refresh.token()).await, 200);
    let hydra = claims
        .claim("token_type", "Bearer")
        .claim("token_use", "refresh_token");
    let hydra = lenient.issuer.opaque_token(&hydra);
    assert_eq!(lenient.call(hydra.token()).await, 401);
}

/// Rule 178.
///
/// Tenant and scope are those of a JWT.
#[tokio::test]
async fn tenant_and_scope_are_checked_as_for_a_jwt() {
    let fixture = Fixture::with_tokens(|tokens| tokens).await;
    let issuer = &fixture.issuer;
    let token = issuer.opaque_token(&issuer.org("org_a").scopes(READ));
    assert_eq!(
        fixture.get("/orgs/org_b/invoices", token.token()).await,
        403
    );
    let no_scope = issuer.opaque_token(&issuer.org("org_a"));
    assert_eq!(fixture.call(no_scope.token()).await, 403);
    let global = issuer.opaque_token(&issuer.global().scopes(READ));
    assert_eq!(fixture.call(global.token()).await, 403);
    assert_eq!(fixture.get("/global", global.token()).await, 200);
    let claims = fixture.verifier.verify(token.token()).await.unwrap();
    assert_eq!(claims.credential_kind(), CredentialKind::OpaqueToken);
}

/// The machine-token claims of the profile hold for opaque tokens too.
#[tokio::test]
async fn machine_token_claims_are_required_of_opaque_tokens() {
    let fixture = Fixture::new(|issuer| {
        issuer
            .require_claim("/gty", "client_credentials")
            .introspection(Introspection::from_metadata().client_credentials(CLIENT_ID, SECRET))
    })
    .await;
    let issuer: &LocalIssuer = &fixture.issuer;
    let machine = issuer
        .org("org_a")
        .scopes(READ)
        .claim("gty", "client_credentials");
    let machine = issuer.opaque_token(&machine);
    assert_eq!(fixture.call(machine.token()).await, 200);
    let user = issuer.org("org_a").scopes(READ).claim("gty", "password");
    let user = issuer.opaque_token(&user);
    assert_eq!(fixture.call(user.token()).await, 401);
}
