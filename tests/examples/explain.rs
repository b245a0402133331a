//! `explain`: result, exit code, and no token in the output.

use serde_json::Value;
use tower_m2m::testing::{Endpoint, Fault, LocalIssuer};

use crate::program::run;

/// Returns the exit code and the output.
async fn explain(issuer: &LocalIssuer, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(
        "explain",
        arguments,
        &[
            ("KINDE_DOMAIN", issuer.url()),
            ("KINDE_AUDIENCE", issuer.audience()),
        ],
    )
    .await;
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!printed.contains("eyJ"), "a token is printed: {printed}");
    (output.status.code(), printed)
}

#[tokio::test]
async fn explain_prints_reason_and_sets_exit_code() {
    let issuer = LocalIssuer::start().await.unwrap();
    let good = issuer.org("org_a").scopes(["read:invoices"]);
    let (code, printed) = explain(&issuer, &[&good.token()]).await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.trim_end().ends_with("ACCEPTED")
            && printed.contains(&format!("issuer {}", issuer.url())),
        "{printed}"
    );

    let (code, printed) = explain(
        &issuer,
        &[&good
            .clone()
            .audience("https://other.example")
            .claim("email", "ada@acme.com")
            .token()],
    )
    .await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("REJECTED (invalid_audience)")
            && printed.contains("check that the client requests the API's audience"),
        "{printed}"
    );
    assert!(
        printed.contains("personal data: email") && !printed.contains("ada@acme.com"),
        "{printed}"
    );

    let (code, printed) = explain(&issuer, &["--json", &good.without("gty").token()]).await;
    assert_eq!(code, Some(1));
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (&report["token"]["verdict"], &report["token"]["reason"]),
        (&"rejected".into(), &"wrong_grant_type".into())
    );
    assert_eq!(report["issuers"][0]["problems"], Value::Array(vec![]));
}

#[tokio::test]
async fn explain_checks_the_issuer() {
    let issuer = LocalIssuer::start().await.unwrap();
    let (code, printed) = explain(&issuer, &["--issuer-only"]).await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("key      RS256"), "{printed}");

    // One usable key, and one that must not be published.
    let jwks: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    let mut keys = jwks["keys"].as_array().unwrap().clone();
    keys.push(serde_json::json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0" }));
    issuer.set_jwks(serde_json::json!({ "keys": keys }).to_string());
    let (code, printed) = explain(&issuer, &["--issuer-only"]).await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("PROBLEM  the key shared is not used: the key is symmetric"),
        "{printed}"
    );

    issuer.set_fault(Endpoint::Jwks, Fault::status(http::StatusCode::FORBIDDEN));
    let (code, printed) = explain(&issuer, &[&issuer.org("org_a").token()]).await;
    assert_eq!(code, Some(3), "{printed}");
    assert!(
        printed.contains("PROBLEM  failed to fetch its keys: ")
            && printed.contains("/.well-known/jwks: the server responded with 403: look for"),
        "{printed}"
    );
}

#[tokio::test]
async fn explain_lists_weak_settings() {
    let issuer = LocalIssuer::start().await.unwrap();
    let settings = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("explain-{}.json", std::process::id()));
    let settings_text = serde_json::json!({ "issuers": [{ "issuer": issuer.url(), "audience": issuer.audience() }] });
    std::fs::write(&settings, settings_text.to_string()).unwrap();
    let (code, printed) = explain(
        &issuer,
        &["--config", settings.to_str().unwrap(), "--issuer-only"],
    )
    .await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("PROBLEM  weak setting require_claim: user tokens are accepted too"),
        "{printed}"
    );
    std::fs::remove_file(settings).unwrap();
}

#[tokio::test]
async fn explain_names_the_missing_variable() {
    let output = run("explain", &["--issuer-only"], &[("KINDE_DOMAIN", "acme")]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .starts_with("KINDE_AUDIENCE: is missing")
    );
}
