//! Independent clients get tokens from the local issuer and call an API with them.

use serde_json::{Value, json};
use tower_m2m::testing::{App, LocalIssuer};
use tower_m2m::{Profile, Verifier};

use super::api::Api;
use super::node::{Node, has};

const AUDIENCE: &str = "https://api.example.com";

async fn issuer_and_api(app: App) -> (LocalIssuer, Api) {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.add_app(
        app.audience(AUDIENCE)
            .scopes(["orders:read", "orders:write"]),
    );
    let trusted = Verifier::issuer(issuer.url())
        .audience(AUDIENCE)
        .profile(Profile::KINDE);
    let api = Api::behind(&trusted.build().unwrap()).await;
    (issuer, api)
}

/// Both forms of discovery, both forms of client authentication, and a secret that tests the
/// encoding.
#[tokio::test]
async fn openid_client_gets_a_token_and_is_admitted() {
    let Some(node) = Node::here() else { return };
    let (id, secret) = ("svc acme", "p%73+w: rd&=ü");
    let (issuer, api) = issuer_and_api(App::org(id, secret, "org_acme")).await;
    let wishes = [("oidc", "basic"), ("oauth2", "post")].map(|(discovery, method)| {
        json!({
            "issuer": issuer.url(), "client_id": id, "client_secret": secret, "discovery": discovery, "method": method,
            "parameters": { "audience": AUDIENCE, "scope": "orders:read" }, "api": api.url("/orgs/org_acme/orders"),
        })
    });
    for said in node.run("client.mjs", &wishes).await {
        assert_eq!(
            said["api"],
            json!({ "status": 200, "body": "orders of org_acme" }),
            "{said}"
        );
        assert_eq!(
            (&said["token_type"], &said["scope"]),
            (&json!("bearer"), &json!("orders:read"))
        );
        assert!(
            said["expires_in"]
                .as_u64()
                .is_some_and(|seconds| (86_000..=86_400).contains(&seconds)),
            "{said}"
        );
    }
}

/// The library parses the token endpoint's errors (RFC 6749 §5.2) and the API's challenges (RFC
/// 6750 §3).
#[tokio::test]
async fn openid_client_understands_errors_and_challenges() {
    let Some(node) = Node::here() else { return };
    let (issuer, api) = issuer_and_api(App::org("svc-acme", "s3cret", "org_acme")).await;
    let orders = api.url("/orgs/org_acme/orders");
    let narrow = json!({ "audience": AUDIENCE, "scope": "orders:write" });
    let wishes = [
        json!({ "client_secret": "wrong", "method": "post" }),
        json!({ "parameters": { "scope": "admin" } }),
        json!({ "parameters": { "audience": "https://other.example" } }),
        json!({ "client_secret": "wrong" }),
        json!({ "api": &orders, "parameters": narrow }),
        json!({ "api": &orders, "parameters": {} }),
        json!({ "api": api.url("/orgs/org_globex/orders") }),
    ];
    let wishes = wishes.map(|changes| {
        let mut wish = json!({
            "issuer": issuer.url(), "client_id": "svc-acme", "client_secret": "s3cret", "parameters": { "audience": AUDIENCE },
        });
        wish.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        wish
    });
    let said: Vec<Value> = node
        .run("client.mjs", &wishes)
        .await
        .iter()
        .map(|said| said["failed"].clone())
        .collect();
    let statuses: Vec<&Value> = said.iter().map(|failed| &failed["status"]).collect();
    assert_eq!(statuses, [401, 400, 400, 401, 403, 401, 403], "{said:?}");
    let errors: Vec<&Value> = said[..3].iter().map(|failed| &failed["error"]).collect();
    assert_eq!(
        errors,
        ["invalid_client", "invalid_scope", "unauthorized_client"]
    );
    let challenges: Vec<&Value> = said[3..]
        .iter()
        .map(|failed| &failed["challenges"][0])
        .collect();
    assert_eq!(challenges[0]["scheme"], "basic");
    assert!(
        challenges[1..]
            .iter()
            .all(|challenge| challenge["scheme"] == "bearer"),
        "{said:?}"
    );
    assert_eq!(challenges[1]["parameters"]["error"], "insufficient_scope");
    assert_eq!(challenges[1]["parameters"]["scope"], "orders:read");
    assert_eq!(challenges[2]["parameters"]["error"], "invalid_token");
}

#[tokio::test]
async fn curl_gets_a_token_and_is_admitted() {
    if !has("curl") {
        return;
    }
    let (issuer, api) = issuer_and_api(App::org("svc-acme", "s3cret", "org_acme")).await;
    let endpoint = issuer.token_endpoint();
    let form = [
        "--data",
        "grant_type=client_credentials",
        "--data-urlencode",
        "audience=https://api.example.com",
    ];
    for credentials in [
        &["--user", "svc-acme:s3cret"][..],
        &[
            "--data",
            "client_id=svc-acme",
            "--data",
            "client_secret=s3cret",
        ],
    ] {
        let (status, body) = curl(&[&form, credentials, &[&endpoint]].concat()).await;
        assert_eq!(status, "200", "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let token = answer["access_token"].as_str().unwrap();
        let said = curl(&["--oauth2-bearer", token, &api.url("/orgs/org_acme/orders")]).await;
        assert_eq!(said, ("200".to_owned(), "orders of org_acme".to_owned()));
        let (status, _) = curl(&[
            "--oauth2-bearer",
            token,
            &api.url("/orgs/org_globex/orders"),
        ])
        .await;
        assert_eq!(status, "403");
    }
    let (status, body) =
        curl(&[&form[..], &["--user", "svc-acme:wrong", &endpoint]].concat()).await;
    assert_eq!(
        (status.as_str(), body.contains("invalid_client")),
        ("401", true)
    );
    assert_eq!(curl(&[&api.url("/me")]).await.0, "401");
}

/// Returns the status and the body that curl received.
pub(crate) async fn curl(arguments: &[&str]) -> (String, String) {
    let mut curl = tokio::process::Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "30",
        "--write-out",
        "\n%{http_code}",
    ]);
    let output = curl
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = String::from_utf8(output.stdout).unwrap();
    let (body, status) = output.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}
