//! Layers that restrict opaque credentials.

use axum::Router;
use axum::routing::get;
use tower_m2m::testing::Endpoint;
use tower_m2m::{ApiKeys, Claims};

use super::support::{API_ID, CLIENT_ID, Fixture, READ, SECRET, status};

/// Rule 181.
#[tokio::test]
async fn require_jwt_rejects_opaque_credentials_without_a_request() {
    let fixture = Fixture::with_keys().await;
    let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
    let jwt = fixture.issuer.org("org_a").scopes(["read:invoices"]);
    assert_eq!(fixture.get("/jwt", &jwt.token()).await, 200);
    assert_eq!(fixture.get("/jwt", key.secret()).await, 403);
    assert_eq!(
        fixture.get("/jwt", "k_live_unknown0000000000000000").await,
        403
    );
    assert_eq!(fixture.requests(), 0);
    assert_eq!(fixture.call(key.secret()).await, 200);
    assert_eq!(
        fixture.get("/jwt", key.secret()).await,
        403,
        "also if it is cached"
    );
}

/// Rule 181.
#[tokio::test]
async fn inner_layer_cannot_admit_opaque_credentials_again() {
    let fixture = Fixture::with_keys().await;
    let key = fixture.issuer.api_key("org_a").scopes(["read:invoices"]);
    let layer = || fixture.verifier.layer().require(READ);
    for (outer, inner) in [
        (layer().require_jwt(), layer()),
        (layer(), layer().require_jwt()),
    ] {
        let api = Router::new()
            .route(
                "/",
                get(|claims: Claims| async move { claims.client_id().to_owned() }),
            )
            .route_layer(inner)
            .layer(outer);
        assert_eq!(status(&api, "/", key.secret()).await, 403);
    }
}

#[tokio::test]
async fn without_api_id_a_layer_must_require_a_scope() {
    for (settings, expected) in [
        (ApiKeys::kinde(), 403),
        (
            ApiKeys::kinde()
                .client_credentials(CLIENT_ID, SECRET)
                .api_id(API_ID),
            200,
        ),
    ] {
        let fixture = Fixture::new(|issuer| issuer.api_keys(settings)).await;
        let key = fixture
            .issuer
            .api_key("org_a")
            .scopes(["read:invoices"])
            .api_ids([API_ID]);
        let api = Router::new()
            .route("/", get(|| async {}))
            .route_layer(fixture.verifier.layer());
        assert_eq!(status(&api, "/", key.secret()).await, expected);
        assert_eq!(fixture.call(key.secret()).await, 200);
    }
}

/// Rule 178.
#[tokio::test]
async fn caller_status_is_checked_for_cached_keys_too() {
    use tower_m2m::{Caller, CallerStatus, Verifier};
    let issuer = tower_m2m::testing::LocalIssuer::start().await.unwrap();
    let suspended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = suspended.clone();
    let verifier = Verifier::issuer(issuer.url())
        .audience(issuer.audience())
        .api_keys(ApiKeys::kinde())
        .check_caller(move |_caller: Caller| {
            let is_suspended = flag.load(std::sync::atomic::Ordering::Relaxed);
            async move {
                Ok(if is_suspended {
                    CallerStatus::Suspended
                } else {
                    CallerStatus::Active
                })
            }
        })
        .build()
        .unwrap();
    let api = super::support::api(&verifier);
    let key = issuer.api_key("org_a").scopes(["read:invoices"]);
    assert_eq!(status(&api, "/organization", key.secret()).await, 200);
    suspended.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(status(&api, "/organization", key.secret()).await, 403);
    assert_eq!(issuer.hits(Endpoint::VerifyApiKey), 1);
}
