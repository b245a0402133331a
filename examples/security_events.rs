//! An organization is suspended at the issuer, and the API rejects it: issuer, API and client in
//! one program, over HTTP.
//!
//! ```text
//! cargo run --features security-events --example security_events
//! ```

use axum::{Router, routing::get};
use tower_m2m::{Denylist, EventReceiver, KindeCallerCheck, OrgCode, StartError, Verifier};

/// The part that you write, with `Verifier::kinde("your-domain")`, the registered audience, and an
/// M2M application with the scope `read:organizations`.
async fn api(issuer: &str) -> Result<Router, StartError> {
    let denylist = Denylist::new();
    let kinde_check = KindeCallerCheck::client_credentials("svc-api", "secret-api");
    let verifier = Verifier::builder([Verifier::kinde(issuer).audience("https://api.example.com")])
        .denylist(denylist.clone())
        .check_caller(kinde_check.clone())
        .caller_check_timeout(std::time::Duration::from_secs(2))
        .build_ready()
        .await?;
    let webhooks = EventReceiver::kinde_webhooks(&verifier, &denylist)
        .map_err(StartError::Config)?
        .invalidates(&kinde_check);
    // Another issuer would have `EventReceiver::security_events` with its own URL.
    let events = EventReceiver::security_events(&verifier, &denylist, issuer)
        .audience("https://api.example.com/hooks/events")
        .authorization(STREAM_SECRET)
        .map_err(StartError::Config)?;
    Ok(Router::new()
        .route(
            "/invoices",
            get(|org: OrgCode| async move { format!("invoices of {org}") }),
        )
        .route_layer(verifier.layer())
        // Outside of the layer: the issuer sends no access token.
        .route_service("/hooks/kinde", webhooks)
        .route_service("/hooks/events", events))
}

/// In production, a random value from the environment.
const STREAM_SECRET: &str = "Bearer secret-of-the-stream";

// ── the rest of the program ──────────────────────────────────────────────────────────────────────

use std::error::Error;
use std::process::ExitCode;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::net::TcpListener;
use tower_m2m::testing::{App, LocalIssuer, TokenBuilder, events};

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
    let mut transcript = Transcript::new(url);
    let expected = transcript.run(&issuer).await?;
    server.abort();
    Ok(if expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Transcript {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
    sent: usize,
    expected: usize,
}

impl Transcript {
    fn new(url: String) -> Self {
        Self {
            url,
            client: Client::builder(TokioExecutor::new()).build_http(),
            sent: 0,
            expected: 0,
        }
    }

    /// Sends the requests and prints them. Returns `true` if every response is the expected one.
    async fn run(&mut self, issuer: &LocalIssuer) -> Result<bool, Box<dyn Error>> {
        let a = issuer.org("org_a").claim("sub", "user_1");
        let b = issuer.org("org_b");
        self.call("an app of org_a", &a, 200).await?;

        issuer.suspend_organization("org_a");
        println!("    At the issuer: org_a is suspended.\n");
        let data = json!({ "organization": { "code": "org_a", "name": "Acme" } });
        let updated = || issuer.kinde_webhook("organization.updated", data.clone());
        let event = updated();
        self.hook("Kinde's webhook about org_a", &event, 200)
            .await?;
        self.call("the same app", &a, 403).await?;
        self.call("an app of org_b", &b, 200).await?;

        issuer.resume_organization("org_a");
        println!("    At the issuer: org_a is resumed.\n");
        self.hook("the same webhook again: it was seen before", &event, 200)
            .await?;
        self.hook("Kinde's next webhook about org_a", &updated(), 200)
            .await?;
        self.call("the app of org_a", &a, 200).await?;

        let forged = updated().header("kid", "invented");
        self.hook("a webhook that another key signed", &forged, 400)
            .await?;
        self.hook("an access token in place of a webhook", &a, 400)
            .await?;

        let user = json!({ "format": "iss_sub", "iss": issuer.url(), "sub": "user_1" });
        let revoked = issuer.security_event(events::SESSION_REVOKED, user, json!({}));
        let revoked = revoked.audience("https://api.example.com/hooks/events");
        self.event("a session of user_1 was revoked", &revoked, 202)
            .await?;
        self.call("the app of org_a, with its old token for user_1", &a, 401)
            .await?;

        println!("{} of {} responses as expected.", self.expected, self.sent);
        Ok(self.expected == self.sent)
    }

    async fn call(
        &mut self,
        who: &str,
        token: &TokenBuilder,
        status: u16,
    ) -> Result<(), Box<dyn Error>> {
        let request = Request::get(format!("{}/invoices", self.url))
            .header(AUTHORIZATION, token.bearer())
            .body(Full::default())?;
        self.send(who, request, status).await
    }

    async fn hook(
        &mut self,
        what: &str,
        event: &TokenBuilder,
        status: u16,
    ) -> Result<(), Box<dyn Error>> {
        let request = Request::post(format!("{}/hooks/kinde", self.url))
            .header(CONTENT_TYPE, "application/jwt")
            .body(Full::from(event.token()))?;
        self.send(what, request, status).await
    }

    async fn event(
        &mut self,
        what: &str,
        event: &TokenBuilder,
        status: u16,
    ) -> Result<(), Box<dyn Error>> {
        let request = Request::post(format!("{}/hooks/events", self.url))
            .header(CONTENT_TYPE, "application/secevent+jwt")
            .header(AUTHORIZATION, STREAM_SECRET)
            .body(Full::from(event.token()))?;
        self.send(what, request, status).await
    }

    async fn send(
        &mut self,
        what: &str,
        request: Request<Full<Bytes>>,
        status: u16,
    ) -> Result<(), Box<dyn Error>> {
        self.sent += 1;
        println!(
            "{:2}  {what}\n    {} {}",
            self.sent,
            request.method(),
            request.uri().path()
        );
        let (parts, body) = self.client.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let response = Response::from_parts(parts, body);
        println!("    {}", response.status());
        if !response.body().is_empty() {
            println!("    {}", String::from_utf8_lossy(response.body()));
        }
        if response.status() == status {
            self.expected += 1;
        } else {
            println!("    UNEXPECTED: expected {status}");
        }
        println!();
        Ok(())
    }
}

/// Starts an issuer with the application of the API. In production, this is Kinde.
async fn issuer() -> Result<LocalIssuer, Box<dyn Error>> {
    let issuer = LocalIssuer::start().await?;
    let management = issuer.management_audience();
    issuer.add_app(
        App::global("svc-api", "secret-api")
            .audience(management)
            .scopes(["read:organizations"]),
    );
    Ok(issuer)
}
