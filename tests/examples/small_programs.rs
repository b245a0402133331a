//! Tests `quickstart`, `api_keys`, `security_events`, `dpop`, `hyper` and `scopes`.

use http::Method;
use tower_m2m::testing::LocalIssuer;

use crate::program::{Program, run};

#[tokio::test]
async fn quickstart_prints_expected_responses_and_no_token() {
    let output = run("quickstart", &[], &[]).await;
    let transcript = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{transcript}");
    assert!(
        transcript.ends_with("11 of 11 responses as expected: 8 rejected, 3 accepted.\n"),
        "{transcript}"
    );
    for status in ["200 OK", "401 Unauthorized", "403 Forbidden"] {
        assert!(transcript.contains(status), "{status}");
    }
    // A JWT begins with the encoding of `{"`.
    assert!(!transcript.contains("eyJ"), "a token is in the transcript");
}

#[cfg(feature = "introspection")]
#[tokio::test]
async fn api_keys_prints_expected_responses_and_no_key() {
    let output = run("api_keys", &[], &[]).await;
    let transcript = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{transcript}");
    assert!(transcript.contains("12 of 12 responses as expected"));
    for status in ["200 OK", "401 Unauthorized", "403 Forbidden"] {
        assert!(transcript.contains(status), "{status}");
    }
    let keys: Vec<&str> = transcript.split("k_live_").skip(1).collect();
    assert!(keys.len() > 5);
    assert!(
        keys.iter().all(|rest| rest.starts_with('…')) && !transcript.contains("eyJhbGci"),
        "{transcript}"
    );
}

#[cfg(feature = "dpop")]
#[tokio::test]
async fn dpop_prints_expected_responses_and_no_token() {
    let output = run("dpop", &[], &[]).await;
    let transcript = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{transcript}");
    assert!(transcript.contains("8 of 8 responses as expected"));
    for text in [
        "200 OK",
        "401 Unauthorized",
        "the DPoP proof was used before",
    ] {
        assert!(transcript.contains(text), "{text}");
    }
    assert!(!transcript.contains("eyJ"), "{transcript}");
}

#[cfg(feature = "security-events")]
#[tokio::test]
async fn security_events_prints_suspension_and_resumption() {
    let output = run("security_events", &[], &[]).await;
    let transcript = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{transcript}");
    assert!(
        transcript.contains("11 of 11 responses as expected"),
        "{transcript}"
    );
    for status in [
        "200 OK",
        "202 Accepted",
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
    ] {
        assert!(transcript.contains(status), "{status}");
    }
    let (before, after) = transcript.split_once("org_a is resumed").unwrap();
    assert!(before.contains("403 Forbidden") && after.contains("invoices of org_a"));
    let secrets = ["eyJ", "secret-of-the-stream", "secret-api"];
    assert!(!secrets.iter().any(|secret| transcript.contains(secret)));
}

#[tokio::test]
async fn quickstart_keeps_running_with_serve_option() {
    let mut program = Program::start("quickstart", &["--serve"], &[], "and an API on").await;
    let lines = program.lines_until("client_id=svc-global").await;
    assert!(
        lines.iter().any(|line| line.starts_with("curl -i http://")),
        "{lines:?}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("eyJ")),
        "a token is in the transcript"
    );
}

#[tokio::test]
async fn quickstart_rejects_unknown_options() {
    assert_eq!(
        run("quickstart", &["--server"], &[]).await.status.code(),
        Some(2)
    );
}

/// Starts the program with an issuer.
async fn program(name: &str, issuer: &LocalIssuer) -> Program {
    let variables = [
        ("ISSUER", issuer.url()),
        ("AUDIENCE", issuer.audience()),
        ("LISTEN", "127.0.0.1:0"),
    ];
    Program::start(name, &[], &variables, "listening on").await
}

#[tokio::test]
async fn hyper_example_compares_path_organization() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = program("hyper", &issuer).await;
    let token = issuer.org("org_a").scopes(["read:invoices"]).token();
    for path in ["/orgs/org_a/invoices", "/orgs/%6Frg_a/invoices"] {
        let answer = server.get(path, &*token).await;
        answer.assert_status(200);
        assert_eq!(answer.body(), b"invoices of org_a\n");
    }
    for path in [
        "/orgs/org_b/invoices",
        "/orgs/org_%62/invoices",
        "/orgs/org_a%2f..%2forg_b/invoices",
        "/orgs//invoices",
    ] {
        server
            .get(path, &*token)
            .await
            .assert_status(403)
            .assert_problem();
    }
    server
        .get("/orgs/org_a/other", &*token)
        .await
        .assert_status(404);
    server
        .call(Method::DELETE, "/orgs/org_a/invoices", &*token)
        .await
        .assert_status(405);
    server
        .get("/orgs/org_a/invoices", None)
        .await
        .assert_challenged();
    // Row A7: the preflight passes the layer without claims.
    let preflight = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "GET"),
    ];
    for path in ["/orgs/org_a/invoices", "/elsewhere"] {
        server
            .send(Method::OPTIONS, path, &preflight)
            .await
            .assert_status(401);
    }
    let lacking = issuer.org("org_a").token();
    server
        .get("/orgs/org_a/invoices", &*lacking)
        .await
        .assert_rejected(403, "insufficient_scope")
        .assert_scope("read:invoices");
    let global = issuer.global().scopes(["read:invoices"]).token();
    server
        .get("/orgs/org_a/invoices", &*global)
        .await
        .assert_status(403);
}

#[tokio::test]
async fn each_scopes_example_route_requires_its_scope() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = program("scopes", &issuer).await;
    let org = |scopes: &[&str]| issuer.org("org_a").scopes(scopes.iter().copied()).token();
    let global = |scopes: &[&str]| issuer.global().scopes(scopes.iter().copied()).token();
    let (invoices, count) = ("/orgs/org_a/invoices", "/orgs/org_a/invoices/count");
    for (method, path, token, status) in [
        (Method::GET, invoices, org(&[]), 200),
        (Method::GET, invoices, global(&["read:any_invoices"]), 200),
        (Method::GET, invoices, global(&["read:invoices"]), 403),
        (
            Method::GET,
            "/orgs/org_b/invoices",
            org(&["read:any_invoices"]),
            403,
        ),
        (Method::POST, invoices, org(&["write:invoices"]), 200),
        (Method::POST, invoices, org(&["read:invoices"]), 403),
        (
            Method::POST,
            invoices,
            global(&["read:any_invoices", "write:invoices"]),
            403,
        ),
        (
            Method::DELETE,
            invoices,
            org(&["read:invoices", "write:invoices"]),
            200,
        ),
        (Method::DELETE, invoices, org(&["write:invoices"]), 403),
        (Method::GET, count, org(&["read:invoices"]), 200),
        (Method::GET, count, org(&["write:invoices"]), 200),
        (Method::GET, count, org(&[]), 403),
        (Method::GET, "/stats", global(&["read:stats"]), 200),
        (Method::GET, "/stats", global(&[]), 403),
        (Method::GET, "/stats", org(&["read:stats"]), 403),
    ] {
        let answer = server.call(method.clone(), path, &*token).await;
        assert_eq!(answer.status(), status, "{method} {path}: {answer:?}");
    }
    let answer = server.get("/scopes", None).await;
    assert_eq!(
        answer.body(),
        br#"["read:invoices","write:invoices","read:any_invoices","read:stats"]"#
    );
}
