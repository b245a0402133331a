//! An API accepts and rejects real requests with real tokens: issuer, API and client in one
//! program, over HTTP.
//!
//! ```text
//! cargo run --example quickstart              # a transcript
//! cargo run --example quickstart -- --serve   # then keeps serving and prints curl lines
//! ```

use axum::{Router, routing::get};
use tower_m2m::{Claims, OrgCode, Scope, StartError, Verifier};

const READ_INVOICES: Scope = Scope::from_static("read:invoices");
const READ_STATS: Scope = Scope::from_static("read:stats");

/// The part that you write, with `Verifier::kinde("your-domain")` and the registered audience of
/// your API.
async fn api(issuer: &str) -> Result<Router, StartError> {
    let verifier = Verifier::kinde(issuer)
        .audience("https://api.example.com")
        .build_ready()
        .await?;
    Ok(Router::new()
        .route(
            "/orgs/{org_code}/invoices",
            get(invoices).route_layer(verifier.layer().require(READ_INVOICES)),
        )
        // A parameter with another name than `{org_code}` is named. Without this call the route
        // responds with 500.
        .route(
            "/tenants/{tenant}/report",
            get(report).route_layer(verifier.layer().organization_parameter("tenant")),
        )
        .route(
            "/admin/stats",
            get(stats).route_layer(verifier.layer().only_global().require(READ_STATS)),
        ))
}

async fn invoices(org: OrgCode) -> String {
    format!("invoices of {org}")
}

async fn report(org: OrgCode) -> String {
    format!("report of {org}")
}

async fn stats(claims: Claims) -> String {
    format!("figures of all organizations, for {}", claims.client_id())
}

// ── the rest of the program ──────────────────────────────────────────────────────────────────────

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower_m2m::testing::{App, LocalIssuer};

const AUDIENCE: &str = "https://api.example.com";
const A: &str = "/orgs/org_a/invoices";
const B: &str = "/orgs/org_b/invoices";
const STATS: &str = "/admin/stats";

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let serve = match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--serve" => true,
        _ => {
            eprintln!("usage: quickstart [--serve]");
            return Ok(ExitCode::from(2));
        }
    };
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
    if serve {
        println!("{}", manual(&issuer, &url));
        tokio::signal::ctrl_c().await?;
    }
    server.abort();
    Ok(if expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Sends the requests and prints them. Returns `true` if every response is the expected one.
async fn transcript(issuer: &LocalIssuer, url: &str) -> Result<bool, Box<dyn Error>> {
    let clients = Clients {
        http: Client::builder(TokioExecutor::new()).build_http(),
        issuer,
    };
    let a = clients.token("svc-a", "secret-a").await?;
    let b = clients.token("svc-b", "secret-b").await?;
    let writer = clients.token("svc-writer", "secret-writer").await?;
    let global = clients.token("svc-global", "secret-global").await?;
    // No application gets these two: one has expired, and one belongs to a user.
    let expired = issuer
        .org("org_a")
        .scopes(["read:invoices"])
        .expired_by(Duration::from_secs(3600))
        .token();
    let user = issuer
        .user("kp_1234")
        .org("org_a")
        .scopes(["read:invoices"])
        .token();

    let calls = [
        call("a client without a token", A, None, 401, "Bearer realm"),
        call(
            "a client with a malformed token",
            A,
            Some("garbage"),
            401,
            "invalid_token",
        ),
        call(
            "an app of org_a, with an expired token",
            A,
            Some(&expired),
            401,
            "the access token expired",
        ),
        call(
            "a user of org_a, signed in at the same issuer",
            A,
            Some(&user),
            401,
            "not a machine-to-machine token",
        ),
        call(
            "an app of org_a that may only write",
            A,
            Some(&writer),
            403,
            "insufficient_scope",
        ),
        call(
            "an app of org_a, at org_b's invoices",
            B,
            Some(&a),
            403,
            "wrong_organization",
        ),
        call(
            "a global app, at org_a's invoices",
            A,
            Some(&global),
            403,
            "organization_required",
        ),
        call(
            "an app of org_a, at the figures of all organizations",
            STATS,
            Some(&a),
            403,
            "global_required",
        ),
        call("an app of org_a", A, Some(&a), 200, "invoices of org_a"),
        call("an app of org_b", B, Some(&b), 200, "invoices of org_b"),
        call(
            "a global app",
            STATS,
            Some(&global),
            200,
            "figures of all organizations, for svc-global",
        ),
    ];
    let mut expected = 0;
    for (number, call) in calls.iter().enumerate() {
        let answer = clients.call(url, call).await?;
        expected += usize::from(print(number + 1, call, &answer));
    }
    let accepted = calls
        .iter()
        .filter(|call| call.status == StatusCode::OK)
        .count();
    println!(
        "{expected} of {} responses as expected: {} rejected, {accepted} accepted.",
        calls.len(),
        calls.len() - accepted
    );
    Ok(expected == calls.len())
}

/// Prints a call and its response, and returns `true` if the response is the expected one.
fn print(number: usize, call: &Call<'_>, answer: &Response<Bytes>) -> bool {
    let challenge = answer
        .headers()
        .get(WWW_AUTHENTICATE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let (status, body) = (answer.status(), String::from_utf8_lossy(answer.body()));
    println!("{number:2}  {}\n    GET {}", call.who, call.path);
    println!("    {status}");
    if let Some(challenge) = &challenge {
        println!("    WWW-Authenticate: {challenge}");
    }
    println!("    {}", shortened(&body));
    let said = body.contains(call.says)
        || challenge.is_some_and(|challenge| challenge.contains(call.says));
    let is_expected = status == call.status && said;
    if !is_expected {
        println!(
            "    UNEXPECTED: expected {} with {:?}",
            call.status, call.says
        );
    }
    println!();
    is_expected
}

struct Call<'a> {
    who: &'static str,
    path: &'static str,
    token: Option<&'a str>,
    status: u16,
    /// A part of the expected challenge or body.
    says: &'static str,
}

fn call<'a>(
    who: &'static str,
    path: &'static str,
    token: Option<&'a str>,
    status: u16,
    says: &'static str,
) -> Call<'a> {
    Call {
        who,
        path,
        token,
        status,
        says,
    }
}

/// The applications that call the API.
struct Clients<'a> {
    http: Client<HttpConnector, Full<Bytes>>,
    issuer: &'a LocalIssuer,
}

impl Clients<'_> {
    /// Requests a token like every M2M application (RFC 6749 §4.4).
    async fn token(&self, client_id: &str, secret: &str) -> Result<String, Box<dyn Error>> {
        let form = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={secret}&audience={AUDIENCE}"
        );
        let request = Request::post(self.issuer.token_endpoint())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(form))?;
        let answer: serde_json::Value = serde_json::from_slice(self.send(request).await?.body())?;
        let token = answer.get("access_token").and_then(|token| token.as_str());
        Ok(token.ok_or("the issuer returned no token")?.to_owned())
    }

    async fn call(&self, url: &str, call: &Call<'_>) -> Result<Response<Bytes>, Box<dyn Error>> {
        let mut request = Request::get(format!("{url}{}", call.path));
        if let Some(token) = call.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Full::default())?).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Box<dyn Error>> {
        let (parts, body) = self.http.request(request).await?.into_parts();
        Ok(Response::from_parts(
            parts,
            body.collect().await?.to_bytes(),
        ))
    }
}

/// Starts an issuer with four applications. In production, this is Kinde.
async fn issuer() -> Result<LocalIssuer, Box<dyn Error>> {
    let issuer = LocalIssuer::builder().audience(AUDIENCE).start().await?;
    let apps = [
        App::org("svc-a", "secret-a", "org_a").scopes(["read:invoices"]),
        App::org("svc-b", "secret-b", "org_b").scopes(["read:invoices"]),
        App::org("svc-writer", "secret-writer", "org_a").scopes(["write:invoices"]),
        App::global("svc-global", "secret-global").scopes(["read:stats"]),
    ];
    for app in apps {
        issuer.add_app(app.audience(AUDIENCE));
    }
    Ok(issuer)
}

fn manual(issuer: &LocalIssuer, url: &str) -> String {
    let token_endpoint = issuer.token_endpoint();
    let line = |app: &str, path: &str| {
        format!(
            r#"curl -s {token_endpoint} -d grant_type=client_credentials -d client_id=svc-{app} -d client_secret=secret-{app} -d audience={AUDIENCE} \
  | sed -E 's/.*"access_token":"([^"]+)".*/Authorization: Bearer \1/' | curl -i -H @- {url}{path}
"#
        )
    };
    format!(
        "\nServing until Ctrl-C. A request without a token, an accepted one, a rejected one, a global one:\n\n\
         curl -i {url}{A}\n\n{}\n{}\n{}",
        line("a", A),
        line("a", B),
        line("global", STATS),
    )
}

/// Returns only the title of a problem document (RFC 9457), or the whole body.
fn shortened(body: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(body) {
        Ok(problem) => format!(
            "{{… \"title\":{} …}}",
            problem.get("title").unwrap_or_default()
        ),
        Err(_) => body.to_owned(),
    }
}
