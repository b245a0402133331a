//! The corpus of forged opaque credentials, against the routes of an organization.

use axum::body::Body;
use http::{Request, header};
use tower::ServiceExt as _;
use tower_m2m::ApiKeys;
use tower_m2m::testing::Endpoint;
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::testing::forged::{self, Forgery, opaque};

use super::support::{API_ID, CLIENT_ID, Fixture, SECRET};

/// Sends the valid credential and every forgery, and checks each response.
async fn attack(fixture: &Fixture, good: String, forgeries: &[Forgery]) {
    let send = async |authorization: String| {
        let request =
            Request::get("/orgs/org_a/invoices").header(header::AUTHORIZATION, authorization);
        let request = request.body(Body::empty()).unwrap();
        let response = fixture.api.clone().oneshot(request).await.unwrap();
        TestResponse::read(response).await.unwrap()
    };
    let report = forged::attack_credential(good, forgeries, send).await;
    assert_eq!(report.sent(), forgeries.len() + 1);
    report.assert_all_rejected();
}

/// Rules 161, 163.
#[tokio::test]
async fn changed_strings_are_rejected() {
    let keys = Fixture::with_keys().await;
    let key = keys.issuer.api_key("org_a").scopes(["read:invoices"]);
    attack(&keys, key.bearer(), &opaque::strings::all(key.secret())).await;

    let tokens = Fixture::with_tokens(|tokens| tokens).await;
    let claims = tokens.issuer.org("org_a").scopes(["read:invoices"]);
    let token = tokens.issuer.opaque_token(&claims);
    attack(
        &tokens,
        token.bearer(),
        &opaque::strings::all(token.token()),
    )
    .await;
}

/// Rules 174–178.
#[tokio::test]
async fn keys_that_are_not_valid_for_an_organization_are_rejected() {
    let fixture = Fixture::with_keys().await;
    let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
    attack(&fixture, key.bearer(), &opaque::api_keys::all(&key)).await;

    let keys = || {
        ApiKeys::kinde()
            .client_credentials(CLIENT_ID, SECRET)
            .api_id(API_ID)
    };
    let fixture = Fixture::new(|issuer| issuer.api_keys(keys())).await;
    let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
    let key = key.api_ids([API_ID]);
    let mut forgeries = opaque::api_keys::all(&key);
    forgeries.push(opaque::api_keys::key_of_another_api(&key));
    attack(&fixture, key.bearer(), &forgeries).await;
}

/// Rules 166–168, 174.
#[tokio::test]
async fn tokens_that_are_no_access_tokens_for_this_api_are_rejected() {
    let fixture = Fixture::with_tokens(|tokens| tokens).await;
    let claims = fixture.issuer.org("org_a").scopes(["read:invoices"]);
    let token = fixture.issuer.opaque_token(&claims);
    let forgeries = opaque::tokens::all(&fixture.issuer, &claims);
    attack(&fixture, token.bearer(), &forgeries).await;
}

/// Rule 174: the ID of a key is part of a URL only if it is a plain name.
#[tokio::test]
async fn key_id_does_not_change_the_path_of_a_request() {
    let keys = ApiKeys::kinde()
        .client_credentials(CLIENT_ID, SECRET)
        .api_id(API_ID);
    let fixture = Fixture::new(|issuer| issuer.api_keys(keys)).await;
    for id in ["../users", "a/b", "a?b", "a#b", "%2e", "..", "a b", ""] {
        let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
        let key = key.api_ids([API_ID]).member("key_id", id).details("id", id);
        assert_eq!(fixture.call(key.secret()).await, 401, "{id}");
    }
    let hits = [Endpoint::ReadApiKey, Endpoint::Other].map(|at| fixture.issuer.hits(at));
    assert_eq!(hits, [0, 0]);
}
