//! A proxy passes the client's certificate to the real MCP server (RFC 8705, RFC 9440).

use std::net::SocketAddr;

use serde_json::json;
use tokio::net::TcpListener;
use tower_m2m::testing::{LocalIssuer, MtlsClient};
use tower_m2m::{IpRange, ProofOfPossession, Verifier};

#[tokio::test]
async fn tool_call_needs_the_certificate_of_the_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let resource = format!("http://{}/mcp", listener.local_addr().unwrap());
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    // This test is the proxy.
    let proxy: IpRange = "127.0.0.1".parse().unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(&resource)
        .jwk_set(issuer.jwks())
        .proof_of_possession(ProofOfPossession::mtls().client_cert_header_from([proxy]))
        .build()
        .unwrap();
    let app = example_mcp::app(&verifier, &resource).unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let (client, other) = (MtlsClient::new().unwrap(), MtlsClient::new().unwrap());
    let token = issuer.org("org_a").audience(&resource);
    let token = token.scopes(["read:invoices"]);
    let token = token.bound_to_certificate(&client).token();
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "list_invoices", "arguments": {} },
    });
    for (headers, expected, content) in [
        (vec![client.header()], 200, "org_a"),
        (vec![other.header()], 401, "another client certificate"),
        (vec![], 401, "the request has none"),
        (vec![client.header(); 2], 400, "Client-Cert"),
        (vec![client.header()], 200, "org_a"),
    ] {
        let mut request = reqwest::Client::new()
            .post(&resource)
            .header("authorization", format!("Bearer {token}"))
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2025-06-18")
            .body(message.to_string());
        for header in headers {
            request = request.header("client-cert", header);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), expected, "{content}");
        let body = response.text().await.unwrap();
        assert!(body.contains(content), "{body}");
    }
}
