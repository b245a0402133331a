//! Opaque access tokens that are bound to a client certificate (RFC 8705 §3.2).

use axum::body::Body;
use http::Request;
use http::header::AUTHORIZATION;
use serde_json::json;
use tower_m2m::testing::MtlsClient;
use tower_m2m::{Introspection, ProofOfPossession};

use super::support::{CLIENT_ID, Fixture, SECRET, respond};

/// Rules 118, 119, 120, 250, 255.
///
/// The issuer's response is cached, and the certificate is still compared.
#[tokio::test]
async fn opaque_token_needs_its_certificate_each_time() {
    let fixture = Fixture::new(|issuer| {
        let tokens = Introspection::from_metadata().client_credentials(CLIENT_ID, SECRET);
        issuer
            .introspection(tokens)
            .proof_of_possession(ProofOfPossession::mtls())
    })
    .await;
    let (client, other) = (MtlsClient::new().unwrap(), MtlsClient::new().unwrap());
    let good = || fixture.issuer.org("org_a").scopes(["read:invoices"]);
    let token = fixture
        .issuer
        .opaque_token(&good().bound_to_certificate(&client));
    let request = |token: &str| {
        Request::get("/orgs/org_a/invoices")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap()
    };
    let before = fixture.requests();
    for _ in 0..2 {
        let token = token.token();
        let valid = client.authorize(request(token), token);
        assert_eq!(respond(&fixture.api, valid).await, 200);
        let stolen = other.authorize(request(token), token);
        assert_eq!(respond(&fixture.api, stolen).await, 401);
        assert_eq!(respond(&fixture.api, request(token)).await, 401);
    }
    assert_eq!(fixture.requests() - before, 1);
    for cnf in [
        json!({ "jkt": client.thumbprint() }),
        json!({ "x5t#S256": client.thumbprint(), "jkt": client.thumbprint() }),
        json!({ "x5t#S256": "x" }),
        json!({}),
    ] {
        let token = fixture.issuer.opaque_token(&good().claim("cnf", cnf));
        let sent = client.authorize(request(token.token()), token.token());
        assert_eq!(respond(&fixture.api, sent).await, 401);
    }
}
