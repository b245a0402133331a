//! A client with a key calls the real MCP server (DPoP, RFC 9449, and the open draft SEP-1932).

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_m2m::testing::{DpopClient, LocalIssuer};
use tower_m2m::{ProofOfPossession, Verifier};

struct Server {
    issuer: LocalIssuer,
    /// The URL of the MCP endpoint, which is its audience too.
    resource: String,
}

async fn serve() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let resource = format!("{base}/mcp");
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(&resource)
        .jwk_set(issuer.jwks())
        .proof_of_possession(ProofOfPossession::dpop(base))
        .build()
        .unwrap();
    let app = example_mcp::app(&verifier, &resource).unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Server { issuer, resource }
}

impl Server {
    /// Calls the tool, and returns the status, the challenges and the body.
    async fn call(
        &self,
        scheme: &str,
        token: &str,
        proof: Option<&str>,
    ) -> (u16, Vec<String>, String) {
        let message = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": "list_invoices", "arguments": {} },
        });
        let request = reqwest::Client::new()
            .post(&self.resource)
            .header("authorization", format!("{scheme} {token}"))
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2025-06-18")
            .body(message.to_string());
        let request = match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        };
        let response = request.send().await.unwrap();
        let challenges = response.headers().get_all("www-authenticate").iter();
        let challenges = challenges
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        (
            response.status().as_u16(),
            challenges,
            response.text().await.unwrap(),
        )
    }
}

/// Rule 256.
#[tokio::test]
async fn tool_call_needs_a_new_proof_each_time() {
    let server = serve().await;
    let key = DpopClient::new().unwrap();
    let bound = |audience: &str| {
        let token = server.issuer.org("org_a").audience(audience);
        token.scopes(["read:invoices"]).bound_to(&key).token()
    };
    let token = bound(&server.resource);
    let proof = key.proof("POST", &server.resource, &token).sign();

    let (status, _, body) = server.call("DPoP", &token, Some(&proof)).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("invoice 1 of org_a"), "{body}");

    for (scheme, proof) in [
        ("DPoP", Some(proof.as_str())),
        ("DPoP", None),
        ("Bearer", None),
    ] {
        let (status, challenges, _) = server.call(scheme, &token, proof).await;
        assert_eq!(status, 401, "{scheme} {proof:?}");
        let [bearer, dpop] = &challenges[..] else {
            panic!("{challenges:?}");
        };
        assert!(
            bearer.starts_with("Bearer ") && dpop.starts_with("DPoP "),
            "{challenges:?}"
        );
        assert!(
            challenges
                .iter()
                .all(|challenge| challenge.contains("resource_metadata="))
        );
        assert_eq!(
            dpop.contains(r#"error="invalid_dpop_proof""#),
            scheme == "DPoP",
            "{dpop}"
        );
        assert_eq!(
            bearer.contains(r#"error="invalid_token""#),
            scheme == "Bearer",
            "{bearer}"
        );
    }

    // A proof does not replace the check of the audience.
    let other = bound("https://other.example/mcp");
    let proof = key.proof("POST", &server.resource, &other).sign();
    let (status, challenges, _) = server.call("DPoP", &other, Some(&proof)).await;
    assert_eq!(status, 401);
    assert!(
        challenges[1].contains(r#"error="invalid_token""#),
        "{challenges:?}"
    );
}

/// Rule 257.
#[tokio::test]
async fn metadata_names_the_algorithms_of_proofs() {
    let server = serve().await;
    let path = "/.well-known/oauth-protected-resource/mcp";
    let url = server.resource.replace("/mcp", path);
    let document = reqwest::get(url).await.unwrap().text().await.unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let algorithms = document["dpop_signing_alg_values_supported"]
        .as_array()
        .unwrap();
    assert!(algorithms.contains(&json!("ES256")), "{document}");
}
