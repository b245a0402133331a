//! How an unknown key is told from a rejection of this service's own credentials.

use http::StatusCode;
use tower_m2m::testing::{Endpoint, Fault, LocalIssuer};
use tower_m2m::{ApiKeys, Issuer, Verifier};

use super::support::{API_ID, CLIENT_ID, Fixture, SECRET};

const UNKNOWN: &str = "k_live_unknown0000000000000000";

fn with_client(issuer: Issuer) -> Issuer {
    issuer.api_keys(ApiKeys::kinde().client_credentials(CLIENT_ID, SECRET))
}

async fn protected() -> LocalIssuer {
    protected_with(&["read:api_keys"]).await
}

/// Returns an issuer whose verify endpoint requires an access token, and a client with these
/// scopes.
async fn protected_with(scopes: &[&str]) -> LocalIssuer {
    let issuer = LocalIssuer::builder()
        .protect_api_keys()
        .start()
        .await
        .unwrap();
    issuer.add_app(
        tower_m2m::testing::App::global(CLIENT_ID, SECRET)
            .audience(issuer.management_audience())
            .scopes(scopes.iter().copied()),
    );
    issuer
}

/// Rule 322.
#[tokio::test]
async fn error_of_the_canary_request_means_an_unknown_key() {
    for (status, code, with_credentials, expected) in [
        (400, "INVALID_KEY", false, 401),
        (400, "INVALID_KEY", true, 401),
        (404, "NOT_FOUND", false, 401),
        (422, "UNKNOWN", true, 401),
        // Without client credentials, these can also mean that credentials are required.
        (401, "UNKNOWN_KEY", false, 503),
        (403, "UNKNOWN_KEY", false, 503),
        // The second request with an invalid access token has another code.
        (401, "UNKNOWN_KEY", true, 401),
        (403, "UNKNOWN_KEY", true, 401),
        // It has the same one.
        (401, "INVALID_CREDENTIALS", true, 503),
        (429, "UNKNOWN_KEY", true, 503),
        (500, "UNKNOWN_KEY", true, 503),
    ] {
        let issuer = protected_if(with_credentials).await;
        let fixture = if with_credentials {
            Fixture::with_issuer(issuer, with_client)
        } else {
            Fixture::with_issuer(issuer, |issuer| issuer.api_keys(ApiKeys::kinde()))
        };
        let described = format!("{status} {code} {with_credentials}");
        let unknown = StatusCode::from_u16(status).unwrap();
        fixture.issuer.set_unknown_key_response(unknown, code);
        // A 401 or 403 can mean a missing scope until a key was verified.
        let is_about_credentials = matches!(status, 401 | 403);
        let first = if is_about_credentials { 503 } else { expected };
        assert_eq!(fixture.call(UNKNOWN).await, first, "{described}");
        let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
        assert_eq!(fixture.call(key.secret()).await, 200, "{described}");
        let other = fixture.call(&format!("{UNKNOWN}1")).await;
        assert_eq!(other, expected, "{described}");
    }
}

/// Rule 322.
#[tokio::test]
async fn missing_scope_is_503() {
    for (status, code) in [
        (403, "INSUFFICIENT_SCOPE"),
        (401, "SCOPE"),
        (403, "UNKNOWN_KEY"),
    ] {
        let issuer = protected_with(&[]).await;
        let scope = StatusCode::from_u16(status).unwrap();
        issuer.set_missing_scope_response(scope, code);
        issuer.set_unknown_key_response(StatusCode::FORBIDDEN, "UNKNOWN_KEY");
        let fixture = Fixture::with_issuer(issuer, with_client);
        let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
        for _ in 0..3 {
            assert_eq!(fixture.call(key.secret()).await, 503, "{status} {code}");
            assert_eq!(fixture.call(UNKNOWN).await, 503, "{status} {code}");
        }
        let status = &fixture.verifier.introspection_status()[0];
        assert_eq!(status.last_error.unwrap().code(), "credentials_rejected");
        assert_eq!(fixture.issuer.hits(Endpoint::Token), 1);
    }
}

async fn protected_if(with_credentials: bool) -> LocalIssuer {
    if with_credentials {
        protected().await
    } else {
        LocalIssuer::start().await.unwrap()
    }
}

/// Rule 322.
#[tokio::test]
async fn other_error_than_that_of_the_canary_request_is_503() {
    let fixture = Fixture::with_issuer(protected().await, with_client);
    fixture
        .issuer
        .set_unknown_key_response(StatusCode::BAD_REQUEST, "INVALID_KEY");
    assert_eq!(fixture.call(UNKNOWN).await, 401);
    for (status, code) in [(400, "OTHER"), (404, "INVALID_KEY"), (401, "INVALID_KEY")] {
        let status = StatusCode::from_u16(status).unwrap();
        let fault = Fault::kinde_error(status, code);
        fixture.issuer.fail_next(Endpoint::VerifyApiKey, 1, fault);
        let unknown = format!("{UNKNOWN}{}{code}", status.as_u16()).replace('_', "0");
        let unknown = unknown.replacen("k0live0", "k_live_", 1);
        assert_eq!(fixture.call(&unknown).await, 503, "{status} {code}");
    }
}

/// Rule 322.
#[tokio::test]
async fn canary_request_is_sent_once() {
    let fixture = Fixture::with_issuer(protected().await, with_client);
    fixture
        .issuer
        .set_unknown_key_response(StatusCode::UNAUTHORIZED, "UNKNOWN_KEY");
    assert_eq!(fixture.call(UNKNOWN).await, 503);
    let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
    assert_eq!(fixture.call(key.secret()).await, 200);
    for number in 0..5 {
        assert_eq!(fixture.call(&format!("{UNKNOWN}{number}")).await, 401);
    }
    // Two canary requests, and one for each key.
    assert_eq!(fixture.requests(), 9);
}

/// Rule 322.
#[tokio::test]
async fn build_ready_sends_the_canary_request() {
    let issuer = protected().await;
    issuer.set_unknown_key_response(StatusCode::BAD_REQUEST, "INVALID_KEY");
    let trusted = Verifier::issuer(issuer.url()).audience(issuer.audience());
    let verifier = with_client(trusted).build_ready().await.unwrap();
    assert_eq!(issuer.hits(Endpoint::VerifyApiKey), 1);
    let rejection = verifier.verify(UNKNOWN).await.unwrap_err();
    assert_eq!(rejection.code(), "inactive_credential");
    assert_eq!(issuer.hits(Endpoint::VerifyApiKey), 2);
}

/// Rule 322.
///
/// The caller of `build_ready` learns that unknown keys look like rejected credentials.
#[tokio::test]
async fn build_ready_reports_unknown_keys_that_are_not_distinguishable() {
    for (status, code, distinguishes) in [
        (401, "INVALID_CREDENTIALS", Some(false)),
        // It can also mean that the scope is missing, until a key was verified.
        (401, "UNKNOWN_KEY", None),
        (403, "UNKNOWN_KEY", None),
        (400, "INVALID_KEY", Some(true)),
        // The canary request fails, so it is not known.
        (500, "DOWN", None),
    ] {
        let issuer = protected().await;
        let status = StatusCode::from_u16(status).unwrap();
        issuer.set_unknown_key_response(status, code);
        let trusted = Verifier::issuer(issuer.url()).audience(issuer.audience());
        let keys = ApiKeys::kinde().client_credentials(CLIENT_ID, SECRET);
        let trusted = trusted.api_keys(keys.api_id(API_ID));
        let verifier = trusted
            .require_claim("/v", "2")
            .build_ready()
            .await
            .unwrap();
        let weak = verifier.weak_settings();
        let weak: Vec<_> = weak.iter().map(|weak| weak.setting).collect();
        let expected = (distinguishes == Some(false)).then_some("client_credentials");
        assert_eq!(weak, Vec::from_iter(expected), "{status} {code}");
        let reported = verifier.introspection_status()[0].distinguishes_unknown_keys;
        assert_eq!(reported, distinguishes, "{status} {code}");
    }
}

/// Rule 321.
#[tokio::test]
async fn access_token_is_requested_once_with_the_audience_of_the_api() {
    let fixture = Fixture::with_issuer(protected().await, with_client);
    for _ in 0..5 {
        let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
        assert_eq!(fixture.call(key.secret()).await, 200);
    }
    assert_eq!(fixture.issuer.hits(Endpoint::Token), 1);
    let body = fixture.issuer.last_body(Endpoint::Token).unwrap();
    let body = String::from_utf8(body).unwrap();
    assert!(
        body.contains("audience=http%3A%2F%2F127.0.0.1%3A"),
        "{body}"
    );
    assert!(body.contains("%2Fapi"), "{body}");
}

#[tokio::test]
async fn failing_token_endpoint_is_503() {
    for (fault, code) in [
        (
            Fault::status(StatusCode::UNAUTHORIZED),
            "credentials_rejected",
        ),
        (
            Fault::status(StatusCode::INTERNAL_SERVER_ERROR),
            "unexpected_status",
        ),
        (Fault::Garbage, "invalid_response"),
        (Fault::Reset, "unreachable"),
    ] {
        let fixture = Fixture::with_issuer(protected().await, with_client);
        fixture.issuer.set_fault(Endpoint::Token, fault);
        let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
        assert_eq!(fixture.call(key.secret()).await, 503, "{code}");
        let status = &fixture.verifier.introspection_status()[0];
        assert_eq!(status.last_error.unwrap().code(), code);
        fixture.issuer.set_fault(Endpoint::Token, None);
        assert_eq!(fixture.call(key.secret()).await, 200, "{code}");
    }
}

#[tokio::test]
async fn wrong_client_secret_is_503() {
    let fixture = Fixture::with_issuer(protected().await, |issuer| {
        issuer.api_keys(ApiKeys::kinde().client_credentials(CLIENT_ID, "wrong"))
    });
    let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
    assert_eq!(fixture.call(key.secret()).await, 503);
    assert_eq!(fixture.issuer.hits(Endpoint::VerifyApiKey), 0);
}
