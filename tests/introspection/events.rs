//! What operators learn: events and status.

use tracing::Level;

use super::recorder::Recorder;
use super::scripted::{Reply, Scripted, invented};
use super::subscriber::set_subscriber;
use super::support::Fixture;

const KEY: &str = "k_live_0000000000000001";

/// Counts are per issuer.
#[tokio::test(start_paused = true)]
async fn status_shows_requests_hits_and_failures() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    for _ in 0..3 {
        assert_eq!(test.outcome(KEY).await, "ok");
    }
    test.issuer.set_reply(Reply::Fail);
    assert_eq!(
        test.outcome("k_live_0000000000000002").await,
        "introspection_unavailable"
    );
    let status = &test.verifier.introspection_status()[0];
    assert_eq!(status.issuer, super::scripted::ISSUER);
    assert_eq!(
        (status.requests, status.cache_hits, status.failures),
        (2, 2, 1)
    );
    assert_eq!(status.last_error.unwrap().code(), "unreachable");
    assert_eq!(status.cached_credentials, 1);
    assert!(status.budget_left >= 49, "{status:?}");
}

/// Rejected credentials are reported at ERROR once a minute, other failures at WARN once in 10 s.
#[tokio::test(start_paused = true)]
async fn failures_are_reported_once_in_a_while() {
    for (reply, level, text, seconds) in [
        (Reply::Json(401, "{}"), "ERROR", "credentials rejected", 60),
        (Reply::Fail, "WARN", "introspection failed", 10),
    ] {
        let recorder = Recorder::lines(Level::WARN);
        let _guard = set_subscriber(recorder.clone());
        let test = Scripted::new();
        test.issuer.set_reply(reply);
        let begun = tokio::time::Instant::now();
        let mut number = 0;
        while begun.elapsed().as_secs() < 119 {
            let _ = test.outcome(&invented(number)).await;
            test.advance(1).await;
            number += 1;
        }
        let lines = recorder.take();
        let reported = lines
            .iter()
            .filter(|line| line.starts_with(level) && line.contains(text));
        let expected = 120 / seconds;
        let found = reported.count();
        assert!(
            (expected - 1..=expected).contains(&found),
            "{found}: {lines:?}"
        );
        assert!(!lines.join("").contains("k_live_"), "{lines:?}");
    }
}

/// The event about a rejected response says what was expected, and the types of what was found.
#[tokio::test]
async fn rejected_response_is_described_without_its_values() {
    let recorder = Recorder::lines(Level::DEBUG);
    let _guard = set_subscriber(recorder.clone());
    let fixture = Fixture::with_tokens(|tokens| tokens).await;
    let token = || fixture.issuer.org("org_a").scopes(["read:invoices"]);
    for (claims, expected, found) in [
        (
            token().audience("https://secret.example"),
            fixture.issuer.audience(),
            "/aud is a",
        ),
        (
            token().claim("cnf", serde_json::json!({ "jkt": "secret" })),
            "absent",
            "/cnf is an object",
        ),
        (
            token().claim("client_id", 4711),
            "a string in client_id",
            "/client_id is a number",
        ),
        (
            token().claim("token_use", "secret"),
            "token_type Bearer",
            "/token_use is a string",
        ),
    ] {
        let token = fixture.issuer.opaque_token(&claims);
        // The second response is cached, and its description too.
        for _ in 0..2 {
            assert_eq!(fixture.call(token.token()).await, 401, "{found}");
            let lines = recorder.take().join("\n");
            assert!(lines.contains(expected), "{expected}: {lines}");
            assert!(lines.contains(found), "{found}: {lines}");
            assert!(
                !lines.contains("secret") && !lines.contains("4711"),
                "{lines}"
            );
            assert!(!lines.contains(token.token()), "{lines}");
        }
    }
}
