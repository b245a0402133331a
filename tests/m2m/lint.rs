//! `m2m lint`: keys, weak settings, exit codes.

use serde_json::{Value, json};
use tower_m2m::testing::{Endpoint, Fault, LocalIssuer};

use crate::program::run;
use crate::support::printed;

async fn lint(issuer: &LocalIssuer, arguments: &[&str]) -> (Option<i32>, String) {
    let variables = [
        ("KINDE_DOMAIN", issuer.url()),
        ("KINDE_AUDIENCE", issuer.audience()),
    ];
    let output = run("m2m", &[&["lint"], arguments].concat(), &variables).await;
    (output.status.code(), printed(&output))
}

/// Rules 308, 310, 318.
#[tokio::test]
async fn lint_checks_the_issuer() {
    let issuer = LocalIssuer::start().await.unwrap();
    let (code, text) = lint(&issuer, &[]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("key      RS256") && text.contains("no problems"),
        "{text}"
    );

    // One usable key, and one that must not be published.
    let jwks: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    let mut keys = jwks["keys"].as_array().unwrap().clone();
    keys.push(json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0" }));
    issuer.set_jwks(json!({ "keys": keys }).to_string());
    let (code, text) = lint(&issuer, &[]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("PROBLEM  the key shared is not used: the key is symmetric"),
        "{text}"
    );
    let (code, text) = lint(&issuer, &["--json"]).await;
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["version"]), (Some(1), &json!(1)));
    assert_eq!(report["issuers"][0]["keys"].as_array().unwrap().len(), 1);
    assert!(!text.contains("c2VjcmV0"), "{text}");

    issuer.set_fault(Endpoint::Jwks, Fault::status(http::StatusCode::FORBIDDEN));
    let (code, text) = lint(&issuer, &[]).await;
    assert_eq!(code, Some(3), "{text}");
    assert!(
        text.contains("/.well-known/jwks: the server responded with 403: look for"),
        "{text}"
    );
}

#[tokio::test]
async fn lint_lists_weak_settings_of_a_file() {
    let issuer = LocalIssuer::start().await.unwrap();
    let settings = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("lint-{}.json", std::process::id()));
    let text = json!({ "issuers": [{ "issuer": issuer.url(), "audience": issuer.audience() }] });
    std::fs::write(&settings, text.to_string()).unwrap();
    let (code, text) = lint(&issuer, &["--config", settings.to_str().unwrap()]).await;
    std::fs::remove_file(settings).unwrap();
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("PROBLEM  weak setting require_claim: user tokens are accepted too"),
        "{text}"
    );
}
