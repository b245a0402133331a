//! A real MCP client calls the real server.

use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_m2m::Verifier;
use tower_m2m::testing::LocalIssuer;

struct Server {
    issuer: LocalIssuer,
    resource: String,
}

async fn serve() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let resource = format!("http://{}/mcp", listener.local_addr().unwrap());
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(&resource)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    let app = example_mcp::app(&verifier, &resource).unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Server { issuer, resource }
}

impl Server {
    fn token(&self, org: &str, scopes: &[&str]) -> String {
        self.issuer
            .org(org)
            .audience(&self.resource)
            .scopes(scopes.iter().copied())
            .token()
    }

    /// Returns a connected client, or the challenge of the rejection.
    async fn connect(
        &self,
        token: Option<String>,
    ) -> Result<RunningService<RoleClient, ()>, String> {
        let config = StreamableHttpClientTransportConfig::with_uri(self.resource.as_str());
        let config = token
            .into_iter()
            .fold(config, StreamableHttpClientTransportConfig::auth_header);
        let transport = StreamableHttpClientTransport::from_config(config);
        ().serve(transport)
            .await
            .map_err(|error| error.auth_challenge().unwrap_or_default().to_owned())
    }

    fn metadata_url(&self) -> String {
        self.resource
            .replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
    }
}

#[tokio::test]
async fn tool_acts_for_calling_organization() {
    let server = serve().await;
    for org in ["org_a", "org_b"] {
        let client = server
            .connect(Some(server.token(org, &["read:invoices"])))
            .await
            .unwrap();
        let tools = client.list_all_tools().await.unwrap();
        assert_eq!(
            tools
                .iter()
                .map(|tool| tool.name.as_ref())
                .collect::<Vec<_>>(),
            ["list_invoices"]
        );
        let answer = client
            .call_tool(CallToolRequestParams::new("list_invoices"))
            .await
            .unwrap();
        let answer = serde_json::to_string(&answer).unwrap();
        assert!(answer.contains(&format!("invoice 1 of {org}")), "{answer}");
        client.cancel().await.unwrap();
    }
}

/// Rules 91, 93.
///
/// The challenge names the URL of the metadata, and the client finds the metadata there.
#[tokio::test]
async fn challenge_leads_client_to_resource_metadata() {
    let server = serve().await;
    let refused = server.connect(None).await.err().unwrap();
    let url = server.metadata_url();
    assert!(
        refused.contains(&format!("resource_metadata=\"{url}\"")),
        "{refused}"
    );
    assert!(!refused.contains("error=\""), "{refused}");

    let document: Value =
        serde_json::from_str(&reqwest::get(url).await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(
        document,
        json!({
            "resource": server.resource,
            "authorization_servers": ["https://acme.kinde.com"],
            "scopes_supported": ["read:invoices"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Invoices",
        })
    );
}

/// Rule 93.
///
/// Responds with 403 and the required scopes. A token for another audience gets 401.
#[tokio::test]
async fn server_enforces_scope_and_audience() {
    let server = serve().await;
    let refused = server
        .connect(Some(server.token("org_a", &[])))
        .await
        .err()
        .unwrap();
    assert!(
        refused.contains("error=\"insufficient_scope\"")
            && refused.contains("scope=\"read:invoices\""),
        "{refused}"
    );

    let other = server
        .issuer
        .org("org_a")
        .audience("https://other.example/mcp")
        .scopes(["read:invoices"])
        .token();
    let refused = server.connect(Some(other)).await.err().unwrap();
    assert!(refused.contains("error=\"invalid_token\""), "{refused}");
}

/// Every request needs a token. The name of a session does not replace it.
#[tokio::test]
async fn every_request_requires_a_token() {
    let server = serve().await;
    let client = reqwest::Client::new();
    for method in ["POST", "GET", "DELETE"] {
        let request = client
            .request(method.parse().unwrap(), &server.resource)
            .header("mcp-session-id", "1")
            .body("{}");
        assert_eq!(request.send().await.unwrap().status(), 401, "{method}");
    }
    let query = format!(
        "{}?access_token={}",
        server.resource,
        server.token("org_a", &["read:invoices"])
    );
    assert_eq!(
        client.post(query).body("{}").send().await.unwrap().status(),
        401
    );
}
