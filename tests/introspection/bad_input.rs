//! The table of bad input: how often the issuer is queried, and the response.

use axum::body::Body;
use http::{Request, StatusCode, header};
use tower_m2m::testing::{Endpoint, Fault, LocalIssuer};
use tower_m2m::{ApiKeys, Denylist, DenylistEntry, EntryExpiry, Introspection, Verifier};

use super::support::{API_ID, CLIENT_ID, Fixture, SECRET, api, respond};

/// Rules 161, 163.
#[tokio::test]
async fn string_that_is_no_key_causes_no_request() {
    let fixture = Fixture::with_keys().await;
    let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
    let secret = key.secret();
    let body = secret.strip_prefix("k_live_").unwrap();
    for credential in [
        format!("{secret}.x"),
        format!("{secret}%20"),
        format!("K_LIVE_{body}"),
        format!("k_test_{body}"),
        format!("_{body}"),
        "k_live_".to_owned(),
        format!("k_live_{}", "a".repeat(293)),
    ] {
        assert_eq!(fixture.call(&credential).await, 401, "{credential}");
    }
    let too_long = format!("k_live_{}", "a".repeat(9_000));
    assert_eq!(fixture.call(&too_long).await, 400);
    assert_eq!(fixture.requests(), 0);
    assert_eq!(fixture.call(secret).await, 200);
    assert_eq!(fixture.requests(), 1);
}

/// Rule 161.
#[tokio::test]
async fn token_with_dots_is_opaque_by_its_prefix() {
    let fixture = Fixture::with_tokens(|tokens| tokens.prefix("ory_at_")).await;
    let claims = fixture.issuer.org("org_a").scopes(["read:invoices"]);
    for (number, token) in ["ory_at_key.signature", "ory_at_a.b.c"].iter().enumerate() {
        let before = fixture.requests();
        assert_eq!(fixture.call(token).await, 401, "{token} is not issued");
        assert_eq!(fixture.requests() - before, 1, "{number}");
        let issued = format!("{token}-issued");
        let _ = fixture.issuer.opaque_token_named(&issued, &claims);
        assert_eq!(fixture.call(&issued).await, 200, "{token}");
        assert_eq!(fixture.requests() - before, 2);
    }
}

/// Rule 161.
///
/// The example of RFC 9449 §7.1.
#[tokio::test]
async fn token_with_two_dots_and_other_characters_is_opaque() {
    let fixture = Fixture::with_tokens(|tokens| tokens).await;
    let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    assert_eq!(fixture.call(token).await, 401);
    assert_eq!(fixture.requests(), 1);
    let claims = fixture.issuer.org("org_a").scopes(["read:invoices"]);
    let other = format!("{token}U");
    let _ = fixture.issuer.opaque_token_named(&other, &claims);
    assert_eq!(fixture.call(&other).await, 200);
}

/// Rules 170, 171.
#[tokio::test]
async fn unknown_key_causes_one_request() {
    let fixture = Fixture::with_keys().await;
    let unknown = "k_live_unknown0000000000000000";
    assert_eq!(fixture.call(unknown).await, 401);
    assert_eq!(fixture.requests(), 1);
    assert_eq!(fixture.call(unknown).await, 401, "cached");
    assert_eq!(fixture.requests(), 1);
}

/// Rule 171.
#[tokio::test]
async fn callers_with_the_same_key_share_one_request() {
    for (credential, expected) in [("unknown", 401), ("issued", 200)] {
        let fixture = Fixture::with_keys().await;
        let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
        let secret = match credential {
            "issued" => key.secret().to_owned(),
            _ => "k_live_unknown0000000000000000".to_owned(),
        };
        // As many as may wait with one unknown credential.
        let callers = (0..129).map(|_| {
            let (verifier, secret) = (fixture.verifier.clone(), secret.clone());
            tokio::spawn(async move { verifier.verify(&secret).await.is_ok() })
        });
        let callers: Vec<_> = callers.collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), expected == 200);
        }
        assert_eq!(fixture.requests(), 1, "{credential}");
        assert_eq!(fixture.call(&secret).await, expected);
        assert_eq!(fixture.requests(), 1, "{credential}");
    }
}

/// Rule 171.
#[tokio::test]
async fn request_continues_if_its_caller_disconnects() {
    let fixture = Fixture::with_keys().await;
    let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
    let delay = std::time::Duration::from_millis(50);
    fixture
        .issuer
        .fail_next(Endpoint::VerifyApiKey, 1, Fault::Slow(delay));
    let (verifier, secret) = (fixture.verifier.clone(), key.secret().to_owned());
    let caller = tokio::spawn(async move { verifier.verify(&secret).await.is_ok() });
    fixture
        .issuer
        .wait_for_hits(Endpoint::VerifyApiKey, 1)
        .await;
    caller.abort();
    assert_eq!(fixture.call(key.secret()).await, 200);
    assert_eq!(fixture.requests(), 1);
}

/// Rules 166, 173, 174.
#[tokio::test]
async fn malformed_response_is_503() {
    let keys = Fixture::with_keys().await;
    for member in ["org_code", "user_id", "is_valid", "status"] {
        let key = keys.issuer.api_key("org_a").without(member);
        let before = keys.requests();
        assert_eq!(keys.call(key.secret()).await, 503, "{member}");
        assert_eq!(keys.requests() - before, 1, "{member}");
    }
    let tokens = Fixture::with_tokens(|tokens| tokens).await;
    for body in [
        r#"{"active":"true","client_id":"c"}"#,
        r#"{"active":1}"#,
        "{}",
        "[]",
        "",
        r#"{"active":true,"client_id":"c","client_id":"d"}"#,
        r#"{"active":false,"active":true}"#,
    ] {
        let fault = Fault::Json {
            status: StatusCode::OK,
            body: body.to_owned(),
        };
        tokens.issuer.fail_next(Endpoint::Introspect, 1, fault);
        let before = tokens.requests();
        let token = format!("token-{before}");
        assert_eq!(tokens.call(&token).await, 503, "{body}");
        assert_eq!(tokens.requests() - before, 1, "{body}");
    }
}

/// Rules 164, 173.
#[tokio::test]
async fn failing_issuer_is_503_and_never_401() {
    let faults = || {
        let statuses = [400, 401, 403, 404, 409, 418, 500, 502, 503]
            .map(|status| Fault::status(StatusCode::from_u16(status).unwrap()));
        let others = [
            Fault::Reset,
            Fault::Garbage,
            Fault::Html,
            Fault::Truncated,
            Fault::Oversized(64 * 1024 + 1),
            Fault::Endless,
            Fault::Redirect("http://127.0.0.1:1/elsewhere".to_owned()),
        ];
        statuses.into_iter().chain(others)
    };
    for (endpoint, fixture) in [
        (Endpoint::VerifyApiKey, Fixture::with_keys().await),
        (
            Endpoint::Introspect,
            Fixture::with_tokens(|tokens| tokens.prefix("k_live_")).await,
        ),
    ] {
        // The first 4xx causes the canary request, whose result is then known.
        let rejected = Fault::status(StatusCode::BAD_REQUEST);
        fixture.issuer.fail_next(endpoint, 1, rejected);
        assert_eq!(fixture.call("k_live_first000000000000").await, 503);
        for (number, fault) in faults().enumerate() {
            let described = format!("{endpoint:?} {fault:?}");
            fixture.issuer.fail_next(endpoint, 1, fault);
            let credential = format!("k_live_000000000000000{number}");
            let before = fixture.issuer.hits(endpoint);
            assert_eq!(fixture.call(&credential).await, 503, "{described}");
            let sent = fixture.issuer.hits(endpoint) - before;
            assert_eq!(sent, 1, "{described}");
        }
    }
}

/// Rule 173.
#[tokio::test]
async fn unreachable_issuer_is_503() {
    let fixture = Fixture::with_keys().await;
    fixture.issuer.go_down().await;
    assert_eq!(fixture.call("k_live_0000000000000000").await, 503);
    let status = || fixture.verifier.introspection_status()[0].clone();
    assert_eq!((status().requests, status().failures), (1, 1));
    // A second credential is another request, and the same one at once is too.
    assert_eq!(fixture.call("k_live_0000000000000001").await, 503);
    assert_eq!((status().requests, status().failures), (2, 2));
    assert_eq!(fixture.call("k_live_0000000000000001").await, 503);
    assert_eq!((status().requests, status().failures), (3, 3));
}

/// Rule 161.
#[tokio::test]
async fn jwt_causes_no_introspection_request() {
    let fixture = Fixture::with_tokens(|tokens| tokens).await;
    let token = fixture.issuer.org("org_a").scopes(["read:invoices"]);
    assert_eq!(fixture.call(&token.token()).await, 200);
    let unknown_kid = token.clone().header("kid", "unknown");
    assert_eq!(fixture.call(&unknown_kid.token()).await, 401);
    let forged = format!("{}A", token.token());
    assert_eq!(fixture.call(&forged).await, 401);
    assert_eq!(fixture.call("a.b.c").await, 401);
    assert_eq!(fixture.call("a.b.c.d.e").await, 401);
    assert_eq!(fixture.requests(), 0);
}

/// Rule 182.
#[tokio::test]
async fn credential_in_two_places_is_400() {
    let keys = || ApiKeys::kinde().header("X-Api-Key");
    let fixture = Fixture::new(|issuer| issuer.api_keys(keys())).await;
    let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
    let jwt = fixture.issuer.org("org_a").scopes(["read:invoices"]);
    let request = || Request::get("/orgs/org_a/invoices");
    let body = Body::empty;
    let both = request()
        .header("x-api-key", key.secret())
        .header(header::AUTHORIZATION, jwt.bearer());
    let twice = request()
        .header("x-api-key", key.secret())
        .header("x-api-key", key.secret());
    let empty = request().header("x-api-key", "");
    for request in [both, twice, empty] {
        let request = request.body(body()).unwrap();
        assert_eq!(respond(&fixture.api, request).await, 400);
    }
    // A JWT is no API key, before and after it was cached.
    let token = jwt.token();
    for _ in 0..2 {
        let jwt_as_key = request().header("x-api-key", &token);
        let request_with_jwt = jwt_as_key.body(body()).unwrap();
        assert_eq!(respond(&fixture.api, request_with_jwt).await, 401);
        assert_eq!(fixture.call(&token).await, 200);
    }
    assert_eq!(fixture.requests(), 0);
    let valid = request().header("x-api-key", key.secret());
    let valid = valid.body(body()).unwrap();
    assert_eq!(respond(&fixture.api, valid).await, 200);
    assert_eq!(fixture.call(key.secret()).await, 200);
    assert_eq!(fixture.requests(), 1);
}

/// Rule 178.
#[tokio::test]
async fn denied_key_is_rejected_while_its_response_is_fresh() {
    let issuer = LocalIssuer::start().await.unwrap();
    let denylist = Denylist::new();
    let verifier = Verifier::issuer(issuer.url())
        .audience(issuer.audience())
        .api_keys(ApiKeys::kinde())
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let api = api(&verifier);
    let key = issuer.api_key("org_a").scopes(["read:invoices"]);
    let call = || super::support::status(&api, "/orgs/org_a/invoices", key.secret());
    assert_eq!(call().await, 200);
    let entry = DenylistEntry::client(issuer.url(), key.id());
    denylist.deny(entry, EntryExpiry::Never).unwrap();
    assert_eq!(call().await, 403);
    assert_eq!(issuer.hits(Endpoint::VerifyApiKey), 1);
}

/// The subject of a user's API key is the user. A key without a user has no subject.
#[tokio::test]
async fn denied_user_is_rejected_with_each_of_its_keys() {
    let issuer = LocalIssuer::start().await.unwrap();
    let denylist = Denylist::new();
    let verifier = Verifier::issuer(issuer.url())
        .audience(issuer.audience())
        .api_keys(ApiKeys::kinde().allow_user_keys())
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let api = api(&verifier);
    let key = |user: &str| {
        let key = issuer.api_key("org_a").scopes(["read:invoices"]);
        key.user(user)
    };
    let (first, second, other) = (key("kp_1"), key("kp_1"), key("kp_2"));
    let organization = issuer.api_key("org_a").scopes(["read:invoices"]);
    let call = async |secret: &str| super::support::status(&api, "/orgs/org_a/users", secret).await;
    assert_eq!(call(first.secret()).await, 200);
    let entry = DenylistEntry::subject(issuer.url(), "kp_1");
    denylist.deny(entry, EntryExpiry::Never).unwrap();
    assert_eq!(call(first.secret()).await, 403);
    assert_eq!(call(second.secret()).await, 403);
    assert_eq!(call(other.secret()).await, 200);
    assert_eq!(call(organization.secret()).await, 200);
}

/// Rule 177.
#[tokio::test]
async fn key_of_another_api_is_rejected_with_api_id() {
    let keys = || {
        ApiKeys::kinde()
            .client_credentials(CLIENT_ID, SECRET)
            .api_id(API_ID)
    };
    let fixture = Fixture::new(|issuer| issuer.api_keys(keys())).await;
    let key = |ids: &[&str]| {
        let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
        key.api_ids(ids.iter().copied())
    };
    assert_eq!(fixture.call(key(&["api_other"]).secret()).await, 401);
    assert_eq!(fixture.requests(), 2);
    let ours = key(&["api_other", API_ID]);
    for _ in 0..3 {
        assert_eq!(fixture.call(ours.secret()).await, 200);
    }
    assert_eq!(
        fixture.requests(),
        4,
        "the second response is cached with the first"
    );
    for (member, value) in [
        ("id", "api_key_other"),
        ("organization_id", "org_b"),
        ("user_id", "kp_other"),
    ] {
        let contradicting = key(&[API_ID]).details(member, value);
        assert_eq!(fixture.call(contradicting.secret()).await, 503, "{member}");
    }
}

/// Rule 173.
#[tokio::test]
async fn failing_second_request_is_503() {
    let keys = || {
        ApiKeys::kinde()
            .client_credentials(CLIENT_ID, SECRET)
            .api_id(API_ID)
    };
    let fixture = Fixture::new(|issuer| issuer.api_keys(keys())).await;
    for status in [400, 401, 403, 404, 429, 500] {
        let key = fixture.issuer.api_key("org_a").api_ids([API_ID]);
        let fault = Fault::status(StatusCode::from_u16(status).unwrap());
        fixture.issuer.fail_next(Endpoint::ReadApiKey, 1, fault);
        assert_eq!(fixture.call(key.secret()).await, 503, "{status}");
    }
}

/// Rule 179.
#[tokio::test]
async fn debug_output_has_no_credential() {
    let secret = "a-secret-of-the-client";
    let keys = ApiKeys::kinde().client_credentials("the-client", secret);
    let tokens = Introspection::from_metadata().client_credentials_in_body("the-client", secret);
    let shown = format!("{keys:?} {tokens:?}");
    let issuer = Verifier::kinde("acme").audience("api").api_keys(keys);
    let shown = format!("{shown} {issuer:?}");
    let verifier = issuer.build().unwrap();
    let shown = format!(
        "{shown} {verifier:?} {:?}",
        verifier.export_known_credentials()
    );
    assert!(!shown.contains(secret), "{shown}");
}
