//! Explanations of opaque credentials.

use tower_m2m::{Explanation, Outcome};

use super::scripted::{Reply, Scripted};
use super::support::Fixture;

const KEY: &str = "k_live_0000000000000001";

fn failed(explanation: &Explanation) -> Option<&'static str> {
    let mut checks = explanation.checks().iter();
    let failed = checks.find(|check| check.outcome() == Outcome::Failed);
    failed.map(tower_m2m::Check::name)
}

fn response(explanation: &Explanation) -> String {
    let mut checks = explanation.checks().iter();
    let found = checks.find(|check| check.name() == "issuer's response");
    found.unwrap().found().to_owned()
}

/// Rule 184.
#[tokio::test(start_paused = true)]
async fn explanation_says_what_the_issuer_said_and_for_how_long() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    let explain = || test.verifier.explain_with_values(KEY);
    let first = explain().await;
    assert_eq!(response(&first), "active, requested now, used for 60 s");
    assert_eq!(failed(&first), None);
    test.advance(20).await;
    assert_eq!(response(&explain().await), "active, cached, used for 40 s");
    test.issuer.set_reply(Reply::Fail);
    test.advance(50).await;
    assert_eq!(
        response(&explain().await),
        "active, stale: the issuer fails"
    );
    test.issuer.set_reply(Reply::Regular);
    test.issuer.revoke(KEY);
    test.advance(400).await;
    assert_eq!(response(&explain().await), "not active, requested now");
    let again = explain().await;
    assert_eq!(response(&again), "not active, cached");
    assert_eq!(failed(&again), Some("issuer's response"));
    let shown = format!("{first} {again}");
    assert!(!shown.contains(KEY), "{shown}");
}

/// Rule 184.
#[tokio::test]
async fn explanation_names_the_check_that_failed() {
    let fixture = Fixture::with_keys().await;
    let malformed = fixture.issuer.api_key("org_a").member("scopes", 7);
    for (credential, expected) in [
        ("k_live_short", "credential"),
        ("k_live_unknown0000000000000000", "issuer's response"),
        (malformed.secret(), "claims"),
    ] {
        let explanation = fixture.verifier.explain(credential).await;
        assert_eq!(failed(&explanation), Some(expected), "{credential}");
    }
    let user = fixture.issuer.user_api_key("kp_1");
    let explanation = fixture.verifier.explain(user.secret()).await;
    assert_eq!(explanation.rejection().unwrap().code(), "wrong_grant_type");
    // A JWT is explained as before.
    let jwt = fixture.issuer.org("org_a").token();
    let explanation = fixture.verifier.explain(&jwt).await;
    assert!(
        explanation
            .checks()
            .iter()
            .any(|check| check.name() == "signature")
    );
}
