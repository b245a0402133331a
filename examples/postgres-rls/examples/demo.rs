//! The API on a PostgreSQL of its own, which is started unprivileged in a temporary folder and is gone afterwards, with tokens
//! of a local issuer: what each of two organizations gets to see of the other.
//!
//! ```text
//! cargo run --example demo
//! ```

use std::error::Error;
use std::process::ExitCode;

use axum::http::{Method, Request};
use postgres_rls::Database;
use tower_m2m::Verifier;
use tower_m2m::testing::tenants::router;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, TokenBuilder};

#[path = "../src/tests/server.rs"]
mod server;

const A: &str = "/orgs/org_a/invoices";
const B: &str = "/orgs/org_b/invoices";
const B_UNDER_A: &str = "/orgs/org_a/invoices/2002";

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    // Says so itself where PostgreSQL is not installed.
    let Some(server) = server::Server::start() else {
        return Ok(ExitCode::SUCCESS);
    };
    let owner = server.connect("owner").await;
    owner.batch_execute("CREATE ROLE app LOGIN").await?;
    owner.batch_execute(include_str!("../schema.sql")).await?;

    println!("The owner of the tables would get around row-level security:");
    let refused = Database::open(server.config("owner"), 1).await.err();
    println!(
        "    {}\n",
        refused
            .as_ref()
            .map_or("LET IN".to_owned(), ToString::to_string)
    );

    let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()?;
    let (api, inventory) =
        postgres_rls::api(&verifier, Database::open(server.config("app"), 2).await?)?;
    println!("The role of the application does not. The routes:\n{inventory}");
    let send = router(api);
    let [a, b] =
        ["org_a", "org_b"].map(|org| issuer.org(org).scopes(["read:invoices", "write:invoices"]));

    let mut expected = usize::from(refused.is_some());
    let calls = [
        ("org_a makes an invoice", post(A, 1001, &a), 201, ""),
        ("org_b makes one", post(B, 2002, &b), 201, ""),
        (
            "org_a lists: SELECT without WHERE",
            get(A, &a),
            200,
            r#"[{"number":1001,"amount":1}]"#,
        ),
        (
            "org_b lists: the same statement",
            get(B, &b),
            200,
            r#"[{"number":2002,"amount":1}]"#,
        ),
        (
            "org_a at org_b's path: the layer",
            get(B, &a),
            403,
            "wrong_organization",
        ),
        (
            "org_b's invoice at org_a's path: the database",
            get(B_UNDER_A, &a),
            404,
            "",
        ),
    ];
    let all = calls.len() + 1;
    for (who, request, status, says) in calls {
        let (line, answer) = (
            format!("{} {}", request.method(), request.uri()),
            send(request).await,
        );
        let body = String::from_utf8_lossy(answer.body());
        println!("{who}\n    {line}\n    {} {body}\n", answer.status());
        expected += usize::from(answer.status() == status && body.contains(says));
    }
    println!("{expected} of {all} as expected.");
    Ok(if expected == all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn get(path: &str, token: &TokenBuilder) -> Request<axum::body::Bytes> {
    request(Method::GET, path, token, String::new())
}

fn post(path: &str, number: u32, token: &TokenBuilder) -> Request<axum::body::Bytes> {
    request(
        Method::POST,
        path,
        token,
        format!(r#"{{"number":{number},"amount":1}}"#),
    )
}

fn request(
    method: Method,
    path: &str,
    token: &TokenBuilder,
    body: String,
) -> Request<axum::body::Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", token.bearer());
    request
        .header("content-type", "application/json")
        .body(body.into())
        .expect("a path of this file")
}
