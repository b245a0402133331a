//! Runs the example `resource_server` as a program, with a local issuer and independent clients.

use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, App, LocalIssuer};

use super::clients::curl;
use super::node::{Node, has};
use super::program::Program;

async fn issuer_and_api() -> (LocalIssuer, Program) {
    let issuer = LocalIssuer::start().await.unwrap();
    for org in ["a", "b"] {
        let app = App::org(
            format!("svc-{org}"),
            format!("secret-{org}"),
            format!("org_{org}"),
        );
        issuer.add_app(
            app.audience(AUDIENCE)
                .scopes(["read:invoices", "write:invoices"]),
        );
    }
    let variables = [
        ("ISSUER", issuer.url()),
        ("AUDIENCE", AUDIENCE),
        ("LISTEN", "127.0.0.1:0"),
    ];
    let api = Program::start("resource_server", &[], &variables, "listening on").await;
    (issuer, api)
}

#[tokio::test]
async fn openid_client_works_with_the_examples() {
    let Some(node) = Node::here() else { return };
    let (issuer, api) = issuer_and_api().await;
    let wishes = [
        ("svc-a", "secret-a", "read:invoices"),
        ("svc-a", "secret-a", "write:invoices"),
        ("svc-b", "secret-b", ""),
    ];
    let wishes = wishes.map(|(id, secret, scope)| {
        json!({
            "issuer": issuer.url(), "client_id": id, "client_secret": secret,
            "parameters": { "audience": AUDIENCE, "scope": scope }, "api": format!("{}/orgs/org_a/invoices", api.url),
        })
    });
    let said = node.run("client.mjs", &wishes).await;
    assert_eq!(said[0]["api"]["status"], 200, "{said:?}");
    assert!(
        said[0]["api"]["body"]
            .as_str()
            .is_some_and(|body| body.contains(r#""org_code":"org_a""#))
    );
    let failed = &said[1]["failed"];
    assert_eq!(
        (
            &failed["status"],
            &failed["challenges"][0]["parameters"]["scope"]
        ),
        (&json!(403), &json!("read:invoices"))
    );
    assert_eq!(said[2]["failed"]["status"], 403, "{said:?}");
}

#[tokio::test]
async fn curl_works_with_the_examples() {
    if !has("curl") {
        return;
    }
    let (issuer, api) = issuer_and_api().await;
    let discovery = curl(&[&format!(
        "{}/.well-known/openid-configuration",
        issuer.url()
    )])
    .await
    .1;
    let discovery: Value = serde_json::from_str(&discovery).unwrap();
    let endpoint = discovery["token_endpoint"].as_str().unwrap();
    let audience = format!("audience={AUDIENCE}");
    let form = [
        "--data",
        "grant_type=client_credentials",
        "--data-urlencode",
        &audience,
        "--user",
        "svc-b:secret-b",
        endpoint,
    ];
    let answer: Value = serde_json::from_str(&curl(&form).await.1).unwrap();
    let token = answer["access_token"].as_str().unwrap();
    for (path, status) in [
        ("/orgs/org_b/invoices", "200"),
        ("/orgs/org_a/invoices", "403"),
        ("/whoami", "200"),
    ] {
        let (found, body) = curl(&["--oauth2-bearer", token, &format!("{}{path}", api.url)]).await;
        assert_eq!(found, status, "{path}: {body}");
    }
    assert_eq!(curl(&[&format!("{}/whoami", api.url)]).await.0, "401");
}
