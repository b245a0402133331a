//! Tests `resource_server`, route by route.

use http::Method;
use tower_m2m::testing::{AUDIENCE, Endpoint, Fault, LocalIssuer};

use crate::program::{Program, patiently};

pub(crate) const INVOICES_A: &str = "/orgs/org_a/invoices";

/// Starts the server with an issuer and additional variables.
pub(crate) async fn server(issuer: &LocalIssuer, variables: &[(&str, &str)]) -> Program {
    let mut all = vec![
        ("ISSUER", issuer.url()),
        ("AUDIENCE", AUDIENCE),
        ("LISTEN", "127.0.0.1:0"),
    ];
    all.extend_from_slice(variables);
    Program::start("resource_server", &[], &all, "listening on").await
}

#[tokio::test]
async fn readiness_fails_during_outage_and_recovers() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.set_fault(Endpoint::Discovery, Fault::Reset);
    issuer.set_fault(Endpoint::Metadata, Fault::Reset);
    let server = server(&issuer, &[("JWKS_COOLDOWN_SECONDS", "1")]).await;
    let token = issuer.org("org_a").scopes(["read:invoices"]).token();

    server.get("/healthz", None).await.assert_status(200);
    let unready = server
        .until("/readyz", None, |answer| {
            answer
                .body()
                .ends_with(b"before its response was complete\n")
        })
        .await;
    unready.assert_status(503);
    let refused = server.get(INVOICES_A, &*token).await;
    refused
        .assert_status(503)
        .assert_does_not_contain(&token)
        .assert_problem();
    assert!(
        refused.headers().contains_key("retry-after")
            && !refused.headers().contains_key("www-authenticate")
    );

    issuer.set_fault(Endpoint::Discovery, None);
    issuer.set_fault(Endpoint::Metadata, None);
    server
        .until(INVOICES_A, Some(&token), |answer| answer.status() == 200)
        .await;
    server.get("/readyz", None).await.assert_status(200);
}

#[tokio::test]
async fn public_route_needs_no_token_and_matches_whoami_size() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(&issuer, &[]).await;
    let token = issuer
        .org("org_ba4a2311eb1")
        .scopes(["read:invoices", "write:invoices"])
        .token();
    let (public, whoami) = (
        server.get("/public", None).await,
        server.get("/whoami", &*token).await,
    );
    assert_eq!((public.status(), whoami.status()), (200, 200));
    assert_eq!(public.body().len(), whoami.body().len());
    server.get("/public", "garbage").await.assert_status(200);
}

#[tokio::test]
async fn whoami_describes_organization_and_global_callers() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(&issuer, &[]).await;
    let org = issuer
        .org("org_a")
        .client("svc-a")
        .scopes(["read:invoices", "x"])
        .token();
    let answer = server.get("/whoami", &*org).await;
    answer.assert_status(200);
    assert_eq!(
        answer.body(),
        br#"{"org_code":"org_a","client_id":"svc-a","scopes":["read:invoices","x"]}"#
    );
    let global = issuer.global().client("svc-global").token();
    let answer = server.get("/whoami", &*global).await;
    answer.assert_status(200);
    assert_eq!(
        answer.body(),
        br#"{"org_code":null,"client_id":"svc-global","scopes":[]}"#
    );

    server
        .get("/whoami", None)
        .await
        .assert_challenged()
        .assert_problem();
    let user = issuer.user("kp_1").org("org_a").token();
    for refused in [
        user,
        issuer
            .org("org_a")
            .audience("https://other.example.com")
            .token(),
        "garbage".to_owned(),
    ] {
        server
            .get("/whoami", &*refused)
            .await
            .assert_rejected(401, "invalid_token")
            .assert_does_not_contain(&refused);
    }
}

#[tokio::test]
async fn invoices_require_path_organization_and_method_scope() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(&issuer, &[]).await;
    let reader = issuer.org("org_a").scopes(["read:invoices"]).token();
    let writer = issuer.org("org_a").scopes(["write:invoices"]).token();
    let other = issuer
        .org("org_b")
        .scopes(["read:invoices", "write:invoices"])
        .token();
    let global = issuer
        .global()
        .scopes(["read:invoices", "write:invoices"])
        .token();

    for (method, allowed, lacking, scope, status) in [
        (Method::GET, &reader, &writer, "read:invoices", 200),
        (Method::POST, &writer, &reader, "write:invoices", 201),
    ] {
        let answer = server.call(method.clone(), INVOICES_A, &**allowed).await;
        let invoices = answer.assert_status(status).json().unwrap();
        assert_eq!(invoices["org_code"], "org_a");
        assert!(
            invoices["invoices"]
                .as_array()
                .is_some_and(|invoices| !invoices.is_empty())
        );

        let refused = server.call(method.clone(), INVOICES_A, &**lacking).await;
        refused
            .assert_rejected(403, "insufficient_scope")
            .assert_scope(scope);
        for stranger in [&other, &global] {
            server
                .call(method.clone(), INVOICES_A, &**stranger)
                .await
                .assert_status(403)
                .assert_problem();
        }
        server
            .call(method, INVOICES_A, None)
            .await
            .assert_challenged();
    }
}

#[tokio::test]
async fn path_organization_is_decoded_before_comparison() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(&issuer, &[]).await;
    let token = issuer.org("org_a").scopes(["read:invoices"]).token();
    server
        .get("/orgs/%6frg%5Fa/invoices", &*token)
        .await
        .assert_status(200);
    // Axum also matches an empty segment, which is not an organization of any client.
    for path in [
        "/orgs//invoices",
        "/orgs/org_%62/invoices",
        "/orgs/ORG_A/invoices",
        "/orgs/org_a%20/invoices",
        "/orgs/org_a%2F..%2Forg_b/invoices",
    ] {
        server.get(path, &*token).await.assert_status(403);
    }
}

#[tokio::test]
async fn stats_require_a_global_token_with_scope() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(&issuer, &[]).await;
    let global = issuer.global().scopes(["read:stats"]).token();
    server
        .get("/admin/stats", &*global)
        .await
        .assert_status(200)
        .json()
        .unwrap();
    let org = issuer.org("org_a").scopes(["read:stats"]).token();
    server
        .get("/admin/stats", &*org)
        .await
        .assert_status(403)
        .assert_problem();
    let lacking = issuer.global().scopes(["read:invoices"]).token();
    server
        .get("/admin/stats", &*lacking)
        .await
        .assert_rejected(403, "insufficient_scope")
        .assert_scope("read:stats");
    server.get("/admin/stats", None).await.assert_challenged();
}

/// If a path is not a route, no credentials are required. The same is true for a wrong method.
#[tokio::test]
async fn unmatched_requests_get_404_or_405_without_challenge() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(&issuer, &[]).await;
    let token = issuer.org("org_a").scopes(["read:invoices"]).token();
    for token in [None, Some("garbage"), Some(&*token)] {
        for path in [
            "/",
            "/nope",
            "/orgs",
            "/orgs/org_a",
            "/orgs/org_a/invoices/",
            "/admin",
            "/whoami/",
        ] {
            let answer = server.get(path, token).await;
            answer.assert_status(404);
            assert!(!answer.headers().contains_key("www-authenticate"), "{path}");
        }
        for (path, allow) in [
            (INVOICES_A, "GET,HEAD,POST"),
            ("/whoami", "GET,HEAD"),
            ("/admin/stats", "GET,HEAD"),
        ] {
            let answer = server.call(Method::DELETE, path, token).await;
            answer.assert_status(405);
            assert_eq!(answer.headers()["allow"], allow, "{path}");
            assert!(!answer.headers().contains_key("www-authenticate"), "{path}");
        }
    }
}

#[tokio::test]
async fn rotated_key_is_accepted_without_restart() {
    let issuer = LocalIssuer::start().await.unwrap();
    let server = server(&issuer, &[("JWKS_TTL_SECONDS", "3600")]).await;
    server
        .get("/whoami", &*issuer.org("org_a").token())
        .await
        .assert_status(200);
    issuer.rotate_key().unwrap();
    server
        .get("/whoami", &*issuer.org("org_a").token())
        .await
        .assert_status(200);
}

#[cfg(unix)]
#[tokio::test]
async fn signal_shuts_the_program_down_gracefully() {
    let issuer = LocalIssuer::start().await.unwrap();
    for signal in ["TERM", "INT"] {
        let server = server(&issuer, &[]).await;
        // The client keeps its connection open. The server still ends.
        server.get("/healthz", None).await.assert_status(200);
        assert_eq!(
            patiently(server.signal(signal)).await.code(),
            Some(0),
            "{signal}"
        );
    }
}
