//! An API accepts API keys of customers beside access tokens: issuer, API and client in one
//! program, over HTTP.
//!
//! ```text
//! cargo run --features introspection --example api_keys
//! ```

use axum::{Router, routing::get, routing::post};
use tower_m2m::{ApiKeys, Claims, OrgCode, Scope, StartError, Verifier};

const READ_INVOICES: Scope = Scope::from_static("read:invoices");
const WRITE_PAYOUTS: Scope = Scope::from_static("write:payouts");

/// The part that you write, with `Verifier::kinde("your-domain")`, the registered audience and the
/// ID of your API, and an M2M application with the scope `read:api_keys`.
async fn api(issuer: &str) -> Result<Router, StartError> {
    let keys = ApiKeys::kinde()
        .client_credentials("svc-api", "secret-api")
        .api_id("api_invoices");
    let verifier = Verifier::kinde(issuer)
        .audience("https://api.example.com")
        .api_keys(keys)
        .build_ready()
        .await?;
    Ok(Router::new()
        // The handler does not know whether the caller sent an API key or an access token.
        .route(
            "/orgs/{org_code}/invoices",
            get(invoices).route_layer(verifier.layer().require(READ_INVOICES)),
        )
        // No API keys here.
        .route(
            "/orgs/{org_code}/payouts",
            post(pay).route_layer(verifier.layer().require(WRITE_PAYOUTS).require_jwt()),
        ))
}

async fn invoices(org: OrgCode, claims: Claims) -> String {
    format!("invoices of {org} for {:?}", claims.credential_kind())
}

async fn pay(org: OrgCode) -> String {
    format!("payout of {org}")
}

// ── the rest of the program ──────────────────────────────────────────────────────────────────────

use std::error::Error;
use std::process::ExitCode;

use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower_m2m::testing::{App, LocalIssuer};

const A: (Method, &str) = (Method::GET, "/orgs/org_a/invoices");
const B: (Method, &str) = (Method::GET, "/orgs/org_b/invoices");
const PAYOUTS: (Method, &str) = (Method::POST, "/orgs/org_a/payouts");

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let issuer = issuer().await?;
    let app = api(issuer.url()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    println!(
        "An issuer on {} and an API on {url}, both in this process.\n",
        issuer.url()
    );
    let expected = transcript(&issuer, &url).await?;
    server.abort();
    Ok(if expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Sends the requests and prints them. Returns `true` if every response is the expected one.
#[expect(clippy::too_many_lines, reason = "most of it is the list of requests")]
async fn transcript(issuer: &LocalIssuer, url: &str) -> Result<bool, Box<dyn Error>> {
    let key = |org: &str, scope: &str| {
        let key = issuer.api_key(org).scopes([scope]);
        key.api_ids(["api_invoices"])
    };
    let a = key("org_a", "read:invoices");
    let b = key("org_b", "read:invoices");
    let lacking = key("org_a", "read:reports");
    let payer = key("org_a", "write:payouts");
    let elsewhere = key("org_a", "read:invoices").api_ids(["api_reports"]);
    let user = issuer
        .user_api_key("kp_1234")
        .scopes(["read:invoices"])
        .api_ids(["api_invoices"]);
    let revoked = key("org_a", "read:invoices");
    issuer.revoke(&revoked);
    let jwt = issuer.org("org_a").scopes(["read:invoices"]).token();
    let paying = issuer.org("org_a").scopes(["write:payouts"]).token();

    let calls = [
        (
            "an invented key",
            A,
            "k_live_invented0000000000000000",
            401,
            "invalid_token",
        ),
        (
            "a revoked key of org_a",
            A,
            revoked.secret(),
            401,
            "invalid_token",
        ),
        ("a user's key", A, user.secret(), 401, "invalid_token"),
        (
            "a key of another API",
            A,
            elsewhere.secret(),
            401,
            "invalid_token",
        ),
        (
            "a key of org_a, at org_b's invoices",
            B,
            a.secret(),
            403,
            "wrong_organization",
        ),
        (
            "a key of org_a without the scope",
            A,
            lacking.secret(),
            403,
            "insufficient_scope",
        ),
        (
            "a key of org_a, where only access tokens are accepted",
            PAYOUTS,
            payer.secret(),
            403,
            "jwt_required",
        ),
        (
            "a key of org_a",
            A,
            a.secret(),
            200,
            "invoices of org_a for ApiKey",
        ),
        (
            "the same key again, from the cache",
            A,
            a.secret(),
            200,
            "invoices of org_a for ApiKey",
        ),
        (
            "a key of org_b",
            B,
            b.secret(),
            200,
            "invoices of org_b for ApiKey",
        ),
        (
            "an app of org_a, with an access token",
            A,
            &jwt,
            200,
            "invoices of org_a for Jwt",
        ),
        (
            "an app of org_a that pays",
            PAYOUTS,
            &paying,
            200,
            "payout of org_a",
        ),
    ];
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut expected = 0;
    for (number, (who, (method, path), credential, status, says)) in calls.iter().enumerate() {
        let response = send(&client, method, &format!("{url}{path}"), credential).await?;
        println!("{:2}  {who}\n    {method} {path}", number + 1);
        println!("    Authorization: Bearer {}", shortened(credential));
        expected += usize::from(print(&response, *status, says));
    }
    println!("{expected} of {} responses as expected.", calls.len());
    Ok(expected == calls.len())
}

/// Prints a response, and returns `true` if it is the expected one.
fn print(response: &Response<Bytes>, status: u16, says: &str) -> bool {
    println!("    {}", response.status());
    let challenge = response.headers().get(WWW_AUTHENTICATE);
    let challenge = challenge.map(|value| String::from_utf8_lossy(value.as_bytes()));
    if let Some(challenge) = &challenge {
        println!("    WWW-Authenticate: {challenge}");
    }
    let body = String::from_utf8_lossy(response.body());
    println!("    {body}");
    let said = body.contains(says) || challenge.is_some_and(|value| value.contains(says));
    let is_expected = response.status() == status && said;
    if !is_expected {
        println!("    UNEXPECTED: expected {status} with {says:?}");
    }
    println!();
    is_expected
}

/// Returns the credential with its secret part cut.
fn shortened(credential: &str) -> &str {
    if credential.starts_with("k_live_") {
        "k_live_…"
    } else {
        "eyJ…"
    }
}

async fn send(
    client: &Client<HttpConnector, Full<Bytes>>,
    method: &Method,
    url: &str,
    credential: &str,
) -> Result<Response<Bytes>, Box<dyn Error>> {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header(AUTHORIZATION, format!("Bearer {credential}"))
        .body(Full::default())?;
    let (parts, body) = client.request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(parts, body))
}

/// Starts an issuer with the application of the API. In production, this is Kinde.
async fn issuer() -> Result<LocalIssuer, Box<dyn Error>> {
    let issuer = LocalIssuer::builder().protect_api_keys().start().await?;
    let management = issuer.management_audience();
    issuer.add_app(
        App::global("svc-api", "secret-api")
            .audience(management)
            .scopes(["read:api_keys"]),
    );
    Ok(issuer)
}
