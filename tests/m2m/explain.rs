//! `m2m explain`: reason, exit code, route, and no token in the output.

use serde_json::{Value, json};
use tower_m2m::testing::{CLIENT_ID, Endpoint, Fault, LocalIssuer};

use crate::program::{run, run_with_input};
use crate::support::printed;

async fn explain(issuer: &LocalIssuer, token: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let variables = [
        ("KINDE_DOMAIN", issuer.url()),
        ("KINDE_AUDIENCE", issuer.audience()),
    ];
    let arguments = [&["explain"], arguments].concat();
    let output = run_with_input("m2m", &arguments, &variables, token).await;
    let signature = token.rsplit('.').next().unwrap();
    let text = printed(&output);
    assert!(
        signature.trim().is_empty() || !text.contains(signature),
        "the signature is printed: {text}"
    );
    (output.status.code(), text)
}

/// Rules 308, 309, 310, 318.
#[tokio::test]
async fn explain_prints_reason_and_sets_exit_code() {
    let issuer = LocalIssuer::start().await.unwrap();
    let good = issuer.org("org_a").scopes(["read:invoices"]);
    let headers = [good.bearer(), format!("DPoP {}", good.token())];
    let headers = headers.map(|value| format!("Authorization: {value}\n"));
    for input in headers.into_iter().chain([good.token()]) {
        let (code, text) = explain(&issuer, &input, &[]).await;
        assert_eq!(code, Some(0), "{text}");
        assert!(text.trim_end().ends_with("ACCEPTED"), "{text}");
    }
    let other = good
        .clone()
        .audience("https://other.example")
        .claim("email", "ada@acme.com");
    let (code, text) = explain(&issuer, &other.token(), &[]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("REJECTED (invalid_audience)"), "{text}");
    assert!(
        text.contains("check that the client requests the API's audience"),
        "{text}"
    );
    assert!(
        text.contains("personal data: email") && !text.contains("ada@acme.com"),
        "{text}"
    );

    let (code, text) = explain(&issuer, &good.without("gty").token(), &["--json"]).await;
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["version"]), (Some(1), &json!(1)));
    assert_eq!(report["reason"], "wrong_grant_type");
}

#[tokio::test]
async fn explain_explains_a_403() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.org("org_a").scopes(["read:invoices"]).token();
    let global = issuer.global().token();
    for (token, arguments, reason) in [
        (
            &token,
            &["--require-scope", "read:invoices", "--path-org", "org_a"][..],
            "ACCEPTED",
        ),
        (
            &token,
            &["--require-scope", "write:invoices"],
            "REJECTED (insufficient_scope)",
        ),
        (
            &token,
            &["--path-org", "org_b"],
            "REJECTED (wrong_organization)",
        ),
        (
            &token,
            &["--access", "global"],
            "REJECTED (global_required)",
        ),
        (&token, &["--access", "any"], "ACCEPTED"),
        (&global, &["--access", "any"], "ACCEPTED"),
        (
            &global,
            &["--access", "org"],
            "REJECTED (organization_required)",
        ),
    ] {
        let (code, text) = explain(&issuer, token, arguments).await;
        assert!(text.contains(reason), "{arguments:?}: {text}");
        assert_eq!(code, Some(i32::from(reason != "ACCEPTED")), "{text}");
    }
    let (code, _) = explain(&issuer, &token, &["--require-scope", "two scopes"]).await;
    assert_eq!(code, Some(2));
}

/// Rule 310.
#[tokio::test]
async fn show_prints_values_and_never_the_token() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.org("org_a").scopes(["read:invoices"]).token();
    let values = [
        issuer.url(),
        issuer.audience(),
        "read:invoices",
        "\"org_a\"",
        CLIENT_ID,
    ];
    let (_, shown) = explain(&issuer, &token, &["--show"]).await;
    for value in values {
        assert!(shown.contains(value), "{value}: {shown}");
    }
    let (_, hidden) = explain(&issuer, &token, &[]).await;
    for value in &values[2..] {
        assert!(!hidden.contains(value), "{value}: {hidden}");
    }
}

/// Rule 308.
#[tokio::test]
async fn explain_says_that_keys_are_unavailable() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.set_fault(Endpoint::Jwks, Fault::status(http::StatusCode::FORBIDDEN));
    let (code, text) = explain(&issuer, &issuer.org("org_a").token(), &[]).await;
    assert_eq!(code, Some(3), "{text}");

    let output = run("m2m", &["explain"], &[("KINDE_DOMAIN", "acme")]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(printed(&output).starts_with("KINDE_AUDIENCE: is missing"));
    // Standard input has no token.
    let (code, _) = explain(&issuer, " ", &[]).await;
    assert_eq!(code, Some(2));
}
