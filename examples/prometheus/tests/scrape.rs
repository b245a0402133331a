//! Checks the metrics that Prometheus reads: the names in the guide, and no label that a client
//! selected.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get as route_get;
use example_prometheus::{app, recorder};
use tower::ServiceExt as _;
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::testing::{DpopClient, LocalIssuer, MemoryStore, forged};
use tower_m2m::{ApiKeys, Denylist, DenylistEntry, EntryExpiry, ProofOfPossession, Verifier};

const INVOICES: &str = "/orgs/org_secret/invoices";
/// The public base URL, which clients sign.
const BASE: &str = "https://api.acme.com";

async fn get(app: &Router, path: &str, authorization: Option<&str>) -> TestResponse {
    let request = authorization
        .into_iter()
        .fold(Request::get(path), |request, value| {
            request.header("authorization", value)
        });
    TestResponse::read(
        app.clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap(),
    )
    .await
    .unwrap()
}

/// Denies the organization of a response whose body was not read yet.
async fn end_a_stream(verifier: &Verifier, denylist: &Denylist, issuer: &LocalIssuer) {
    let app = Router::new()
        .route("/orgs/{org_code}/export", route_get(|| async { "all" }))
        .route_layer(verifier.layer().end_streams());
    let token = issuer.org("org_denied").bearer();
    let request = Request::get("/orgs/org_denied/export").header("authorization", token);
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await;
    let body = response.unwrap().into_body();
    let entry = DenylistEntry::organization(issuer.url(), "org_denied");
    denylist.deny(entry, EntryExpiry::Never).unwrap();
    assert!(axum::body::to_bytes(body, 10).await.is_err());
}

async fn scrape(app: &Router) -> String {
    let answer = get(app, "/metrics", None).await;
    assert_eq!(
        answer.assert_status(200).headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    String::from_utf8(answer.body().to_vec()).unwrap()
}

/// Returns each series without its value.
fn series(text: &str) -> BTreeSet<String> {
    let samples = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    samples
        .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
        .collect()
}

/// Returns the first cells of the guide's table of metrics.
fn documented() -> BTreeSet<&'static str> {
    let guide = include_str!("../../../src/guide/observability.md");
    guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `tower_m2m_")?.split('`').next())
        .collect()
}

/// There is only one test, because a process has one recorder.
#[tokio::test]
async fn metrics_match_guide_and_contain_no_client_values() {
    let figures = recorder().unwrap();
    let issuer = LocalIssuer::start().await.unwrap();
    let denylist = Denylist::replicated(MemoryStore::new());
    let verifier = Verifier::kinde(issuer.url())
        .audience(issuer.audience())
        .api_keys(ApiKeys::kinde())
        .proof_of_possession(ProofOfPossession::dpop(BASE))
        .denylist(denylist.clone())
        .build_ready()
        .await
        .unwrap();
    let other = DenylistEntry::client(issuer.url(), "another_client");
    let replicated = denylist.deny_on_all_replicas(other, EntryExpiry::Never);
    replicated.await.unwrap();
    let app = app(&verifier, figures);
    let good = issuer
        .org("org_secret")
        .client("client_secret")
        .scopes(["read:invoices"]);
    for _ in 0..3 {
        get(&app, INVOICES, Some(&good.bearer()))
            .await
            .assert_status(200);
    }
    let client = DpopClient::new().unwrap();
    let bound = good.clone().bound_to(&client).token();
    let request = Request::get(INVOICES).body(Body::empty()).unwrap();
    let request = client.authorize(request, BASE, &bound);
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    // The task that measures the store begins with the first proof.
    tokio::task::yield_now().await;
    let key = issuer.api_key("org_secret").scopes(["read:invoices"]);
    get(&app, INVOICES, Some(&key.bearer()))
        .await
        .assert_status(200);
    get(&app, INVOICES, None).await.assert_status(401);

    end_a_stream(&verifier, &denylist, &issuer).await;

    let text = scrape(&app).await;
    assert!(documented().len() >= 8, "{:?}", documented());
    for name in documented() {
        // They belong to security events.
        let elsewhere = ["organization_", "security_event"];
        if elsewhere.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        assert!(
            text.contains(&format!("# HELP tower_m2m_{name} ")),
            "{name} is not described: {text}"
        );
        assert!(
            text.contains(&format!("# TYPE tower_m2m_{name} ")),
            "{name} is missing: {text}"
        );
    }
    for name in text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE tower_m2m_")?.split(' ').next())
    {
        assert!(documented().contains(name), "{name} is not in the guide");
    }
    let issuer_label = format!("issuer=\"{}\"", issuer.url());
    for line in [
        "tower_m2m_decisions_total{stage=\"layer\",outcome=\"admitted\",compared=\"path\"} 6",
        "tower_m2m_decisions_total{stage=\"layer\",outcome=\"missing_token\",compared=\"none\"} 1",
        "tower_m2m_streams_ended_total{reason=\"suspended\"} 1",
        "tower_m2m_token_cache_lookups_total{result=\"hit\"} 2",
        "tower_m2m_used_proofs 1",
        "tower_m2m_used_proofs_max 1000000",
        "tower_m2m_verification_duration_seconds_bucket{le=\"+Inf\"} ",
        &format!("tower_m2m_keys{{{issuer_label}}} 1"),
    ] {
        assert!(
            text.lines().any(|found| found.starts_with(line)),
            "{line} is not in {text}"
        );
    }

    // Sends every forgery of the corpus twice, and once more with names that the client invented:
    // this adds no names, only reasons.
    for forgery in forged::all(&good).iter().chain(&forged::all(&good)) {
        get(&app, INVOICES, Some(forgery.authorization())).await;
    }
    let once = series(&scrape(&app).await);
    let other = good
        .client("other")
        .org("org_other")
        .header("kid", "other")
        .claim("iss", "https://other.example");
    for forgery in forged::all(&other) {
        get(
            &app,
            "/orgs/org_other/invoices",
            Some(forgery.authorization()),
        )
        .await;
    }
    assert_eq!(series(&scrape(&app).await), once);
    assert!(
        once.len() < 80 && once.iter().all(|series| !series.contains("secret")),
        "{once:?}"
    );
}
