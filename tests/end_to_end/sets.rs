//! Receivers accept the Security Event Tokens and webhooks that other libraries write.

use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_m2m::testing::events;
use tower_m2m::{Clock, Denylist, DenylistEntry, EventReceiver, Verifier};

use super::node::{Node, run_python};

const ISSUER: &str = "https://acme.kinde.com";
const EVENTS: &str = "https://api.example.com/events";
const SECRET: &str = "Bearer secret-of-the-stream";

/// A SET, the same with the wrong type, and a webhook.
fn documents() -> Vec<Value> {
    let now = Clock::system().unix_seconds();
    let subject = json!({ "format": "iss_sub", "iss": ISSUER, "sub": "user_1" });
    let set = json!({
        "iss": ISSUER, "aud": EVENTS, "iat": now, "jti": "set-1", "sub_id": subject,
        "events": { events::ACCOUNT_DISABLED: { "reason": "hijacking" } },
    });
    let at = events::timestamp(now);
    let webhook = json!({
        "type": "user.deleted", "event_id": "event_1", "event_timestamp": at, "timestamp": at,
        "source": "admin", "data": { "user": { "id": "kp_1" } },
    });
    vec![
        json!({ "header": { "typ": "secevent+jwt" }, "claims": set }),
        json!({ "header": { "typ": "JWT" }, "claims": set }),
        json!({ "header": { "typ": "JWT" }, "claims": webhook }),
    ]
}

async fn check(written: &[Value]) {
    let [written] = written else {
        panic!("the script prints one object")
    };
    let denylist = Denylist::new();
    let jwks = written.get("jwks").unwrap().to_string();
    let trusted = Verifier::kinde("acme").audience("https://api.example.com");
    let verifier = Verifier::builder([trusted.jwk_set(jwks)])
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let sets = EventReceiver::security_events(&verifier, &denylist, ISSUER)
        .audience(EVENTS)
        .critical_subject_members(["device"])
        .authorization(SECRET)
        .unwrap();
    let webhooks = EventReceiver::kinde_webhooks(&verifier, &denylist).unwrap();
    let tokens: Vec<String> =
        serde_json::from_value(written.get("tokens").unwrap().clone()).unwrap();
    let send = async |receiver: &EventReceiver, number: usize, content_type: &str| {
        let request = Request::post("/hooks")
            .header("content-type", content_type)
            .header("authorization", SECRET)
            .body(tokens.get(number).unwrap().clone())
            .unwrap();
        receiver.clone().oneshot(request).await.unwrap().status()
    };
    let set = "application/secevent+jwt";
    assert_eq!(send(&sets, 0, set).await, StatusCode::ACCEPTED);
    assert_eq!(send(&sets, 1, set).await, StatusCode::BAD_REQUEST);
    assert_eq!(
        send(&webhooks, 0, "application/jwt").await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(send(&webhooks, 2, "application/jwt").await, StatusCode::OK);
    assert_eq!(denylist.len(), 2);
    for subject in ["user_1", "kp_1"] {
        denylist.remove(&DenylistEntry::subject(ISSUER, subject));
    }
    assert!(denylist.is_empty());
}

/// RS256 with 2048 bits, as the interoperability profile of CAEP requires.
#[tokio::test]
async fn events_written_by_jose_are_accepted() {
    let Some(node) = Node::here() else { return };
    check(&node.run("sets.mjs", &documents()).await).await;
}

/// The same with the Python package `joserfc`.
#[tokio::test]
async fn events_written_by_joserfc_are_accepted() {
    let Some(written) = run_python("sets.py", "joserfc", &documents()).await else {
        return;
    };
    check(&written).await;
}
