//! The API on a temporary PostgreSQL server, with both clients, and what each of two organizations
//! sees. Tokens come from a local issuer.
//!
//! ```text
//! cargo run --example demo
//! ```

use std::error::Error;
use std::process::ExitCode;

use axum::body::Bytes;
use axum::http::{Method, Request};
use postgres_rls::{Database, TenantKey, with_sqlx, with_tokio_postgres};
use tower_m2m::Verifier;
use tower_m2m::testing::tenants::router;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, TokenBuilder};

#[path = "../src/tests/server.rs"]
mod server;

const A: &str = "/orgs/org_a/invoices";
const B: &str = "/orgs/org_b/invoices";
const B_UNDER_A: &str = "/orgs/org_a/invoices/2002";
const ONLY_A: &str = r#"[{"number":1001,"amount":1}]"#;
const ONLY_B: &str = r#"[{"number":2002,"amount":1}]"#;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<ExitCode> {
    // If PostgreSQL is not installed, this prints a message.
    let Some(server) = server::Server::with_schema().await else {
        return Ok(ExitCode::SUCCESS);
    };
    let (options, config) = (server.options("app"), server.config("app"));
    let key = || TenantKey::from_hex(server::KEY);
    let mut expected = Expected::default();

    // A table that the role can read and that no policy protects.
    let keeper = server.connect("keeper").await;
    let set_up = "CREATE TABLE test_notes (note text); GRANT SELECT ON test_notes TO app";
    println!("{set_up}\n");
    keeper.batch_execute(set_up).await?;
    match with_sqlx::Database::open(options.clone(), key()?, 1).await {
        Ok(_) => expected.check(false),
        Err(error) => {
            println!("The program does not start: {error}\n");
            expected.check(error.to_string().contains("table public.test_notes"));
        }
    }
    keeper.batch_execute("DROP TABLE test_notes").await?;

    let sqlx = with_sqlx::Database::open(options, key()?, 2).await?;
    println!("── sqlx ──\n");
    show(sqlx, &mut expected).await?;
    let tokio_postgres = with_tokio_postgres::Database::open(config, key()?, 2).await?;
    println!("── tokio-postgres ──\n");
    show(tokio_postgres, &mut expected).await?;

    let Expected { met, all } = expected;
    println!("{met} of {all} as expected.");
    Ok(if met == all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[derive(Default)]
struct Expected {
    met: usize,
    all: usize,
}

impl Expected {
    fn check(&mut self, is_met: bool) {
        self.all += 1;
        self.met += usize::from(is_met);
    }
}

/// Sends the same requests as each organization, and prints the responses.
async fn show<D: Database>(database: D, expected: &mut Expected) -> Outcome<()> {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()?;
    let (api, _) = postgres_rls::api(&verifier, database)?;
    let send = router(api);
    let [a, b] =
        ["org_a", "org_b"].map(|org| issuer.org(org).scopes(["read:invoices", "write:invoices"]));
    let requests = [
        ("org_a creates an invoice", post(A, 1001, &a)?, 201, ""),
        ("org_b creates one", post(B, 2002, &b)?, 201, ""),
        ("org_a lists, without WHERE", get(A, &a)?, 200, ONLY_A),
        ("org_b lists, the same statement", get(B, &b)?, 200, ONLY_B),
        (
            "org_a at the path of org_b: the layer",
            get(B, &a)?,
            403,
            "wrong_organization",
        ),
        (
            "invoice of org_b at the path of org_a: the policy",
            get(B_UNDER_A, &a)?,
            404,
            "null",
        ),
    ];
    for (title, request, status, content) in requests {
        let line = format!("{} {}", request.method(), request.uri());
        let response = send(request).await;
        let body = String::from_utf8_lossy(response.body());
        println!("{title}\n    {line}\n    {} {body}\n", response.status());
        expected.check(response.status() == status && body.contains(content));
    }
    Ok(())
}

fn get(path: &str, token: &TokenBuilder) -> Outcome<Request<Bytes>> {
    request(Method::GET, path, token, String::new())
}

fn post(path: &str, number: u32, token: &TokenBuilder) -> Outcome<Request<Bytes>> {
    let body = format!(r#"{{"number":{number},"amount":1}}"#);
    request(Method::POST, path, token, body)
}

fn request(
    method: Method,
    path: &str,
    token: &TokenBuilder,
    body: String,
) -> Outcome<Request<Bytes>> {
    Ok(Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", token.bearer())
        .header("content-type", "application/json")
        .body(body.into())?)
}
