//! An API accepts tokens that are bound to a client's key, so that a stolen token is useless:
//! issuer, API and client in one program, over HTTP.
//!
//! ```text
//! cargo run --features dpop --example dpop
//! ```

use axum::{Router, routing::get};
use tower_m2m::{OrgCode, ProofOfPossession, Scope, StartError, Verifier};

const READ_INVOICES: Scope = Scope::from_static("read:invoices");

/// The part that you write, with your issuer, the registered audience, and the public URL of your
/// API: what clients write into their proofs.
async fn api(issuer: &str, base_url: &str) -> Result<Router, StartError> {
    let verifier = Verifier::issuer(issuer)
        .audience("https://api.example.com")
        .proof_of_possession(ProofOfPossession::dpop(base_url))
        .build_ready()
        .await?;
    let layer = verifier.layer().require(READ_INVOICES);
    Ok(Router::new()
        // The handler does not know how the caller proved that the token is its own.
        .route("/orgs/{org_code}/invoices", get(invoices))
        .route_layer(layer.require_proof_of_possession()))
}

async fn invoices(org: OrgCode) -> String {
    format!("invoices of {org}")
}

// ── the rest of the program ──────────────────────────────────────────────────────────────────────

use std::error::Error;
use std::process::ExitCode;

use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower_m2m::testing::{DpopClient, LocalIssuer};

const PATH: &str = "/orgs/org_a/invoices";

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let issuer = LocalIssuer::start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let app = api(issuer.url(), &url).await?;
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
async fn transcript(issuer: &LocalIssuer, url: &str) -> Result<bool, Box<dyn Error>> {
    let (client, thief) = (DpopClient::new()?, DpopClient::new()?);
    let good = issuer.org("org_a").scopes(["read:invoices"]);
    let token = good.clone().bound_to(&client).token();
    let url = format!("{url}{PATH}");
    let proof = || client.proof("GET", &url, &token);
    let first = proof().sign();
    let dpop = format!("DPoP {token}");
    let bearer = format!("Bearer {token}");
    let unbound = format!("Bearer {}", good.token());

    let calls = [
        (
            "the client",
            &dpop,
            Some(first.clone()),
            200,
            "invoices of org_a",
        ),
        (
            "the same proof again",
            &dpop,
            Some(first),
            401,
            "invalid_dpop_proof",
        ),
        (
            "the client, with a new proof",
            &dpop,
            Some(proof().sign()),
            200,
            "invoices of org_a",
        ),
        (
            "a thief with the token only",
            &dpop,
            None,
            401,
            "invalid_dpop_proof",
        ),
        (
            "a thief who uses it as a bearer token",
            &bearer,
            None,
            401,
            "invalid_token",
        ),
        (
            "a thief with a key of his own",
            &dpop,
            Some(thief.proof("GET", &url, &token).sign()),
            401,
            "invalid_token",
        ),
        (
            "a proof for another method",
            &dpop,
            Some(client.proof("DELETE", &url, &token).sign()),
            401,
            "invalid_dpop_proof",
        ),
        (
            "a bearer token, which the route rejects",
            &unbound,
            None,
            401,
            "bound to a key",
        ),
    ];
    let http = Client::builder(TokioExecutor::new()).build_http();
    let (mut expected, count) = (0, calls.len());
    for (number, (who, authorization, proof, status, says)) in calls.into_iter().enumerate() {
        let scheme = authorization.split(' ').next().unwrap_or_default();
        println!("{:2}  {who}\n    GET {PATH}", number + 1);
        println!("    Authorization: {scheme} …");
        if proof.is_some() {
            println!("    DPoP: …");
        }
        let response = send(&http, &url, authorization, proof).await?;
        expected += usize::from(print(&response, status, says));
    }
    println!("{expected} of {count} responses as expected.");
    Ok(expected == count)
}

/// Prints a response, and returns `true` if it is the expected one.
fn print(response: &Response<Bytes>, status: u16, says: &str) -> bool {
    println!("    {}", response.status());
    let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
    let mut said = false;
    for challenge in challenges {
        let challenge = String::from_utf8_lossy(challenge.as_bytes());
        println!("    WWW-Authenticate: {challenge}");
        said |= challenge.contains(says);
    }
    let body = String::from_utf8_lossy(response.body());
    println!("    {body}");
    let is_expected = response.status() == status && (said || body.contains(says));
    if !is_expected {
        println!("    UNEXPECTED: expected {status} with {says:?}");
    }
    println!();
    is_expected
}

async fn send(
    client: &Client<HttpConnector, Full<Bytes>>,
    url: &str,
    authorization: &str,
    proof: Option<String>,
) -> Result<Response<Bytes>, Box<dyn Error>> {
    let mut request = Request::get(url).header(AUTHORIZATION, authorization);
    if let Some(proof) = proof {
        request = request.header("DPoP", proof);
    }
    let response = client.request(request.body(Full::default())?).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(parts, body))
}
