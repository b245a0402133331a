//! The local issuer as Kinde: suspension, webhooks and API keys over HTTP.

use serde_json::json;
use tower_m2m::testing::{App, LocalIssuer};
use tower_m2m::{ApiKeys, Denylist, EventReceiver, KindeCallerCheck, Verifier};

use super::support::{hook, verify};

/// Rules 225, 227.
/// Suspension takes effect after a webhook, and a suspended user's API keys are
/// rejected.
#[tokio::test]
async fn suspension_and_api_keys_over_http() {
    let issuer = LocalIssuer::start().await.unwrap();
    let scopes = ["read:organizations", "read:api_keys"];
    let app = App::global("svc", "s3cret").audience(issuer.management_audience());
    issuer.add_app(app.scopes(scopes));
    let check = KindeCallerCheck::client_credentials("svc", "s3cret");
    let denylist = Denylist::new();
    let trusted = Verifier::kinde(issuer.url()).audience(issuer.audience());
    let keys = ApiKeys::kinde()
        .client_credentials("svc", "s3cret")
        .allow_user_keys();
    let verifier = Verifier::builder([trusted.api_keys(keys)])
        .denylist(denylist.clone())
        .check_caller(check.clone())
        .caller_check_timeout(std::time::Duration::from_secs(10))
        .build_ready()
        .await
        .unwrap();
    let receiver = EventReceiver::kinde_webhooks(&verifier, &denylist).unwrap();
    let receiver = receiver.invalidates(&check);
    let code = async |token: &str| verify(&verifier, token).await;

    let token = issuer.org("org_a").token();
    assert_eq!(code(&token).await, "ok");
    issuer.suspend_organization("org_a");
    let data = json!({ "organization": { "code": "org_a", "name": "Acme" } });
    let updated = || issuer.kinde_webhook("organization.updated", data.clone());
    assert_eq!(hook(&receiver, &updated()).await.status, 200);
    assert_eq!(code(&token).await, "suspended");
    issuer.resume_organization("org_a");
    assert_eq!(hook(&receiver, &updated()).await.status, 200);
    assert_eq!(code(&token).await, "ok");

    let key = issuer.user_api_key("kp_1").scopes(["read:invoices"]);
    assert_eq!(code(key.secret()).await, "ok");
    let user = json!({ "user": { "id": "kp_1", "is_suspended": true } });
    let suspended = issuer.kinde_webhook("user.updated", user);
    assert_eq!(hook(&receiver, &suspended).await.status, 200);
    assert_eq!(code(key.secret()).await, "suspended");
}
