//! DPoP for MCP servers (the open draft SEP-1932): RFC 9449 without extensions.

use std::time::Duration;

use serde_json::json;

use crate::support::{Fixture, NOW};

/// Rule 256.
///
/// The draft allows an `iat` within 300 s, which `max_proof_age` can be set to, asymmetric
/// algorithms only, and each failure is a 401. It makes `jti` optional; here it stays required. The
/// member `content_digest` of an early draft is not read.
#[tokio::test]
async fn proofs_of_the_mcp_draft_are_those_of_the_rfc() {
    let window = Duration::from_secs(300);
    let fixture = Fixture::with_dpop(|dpop| dpop.max_proof_age(window), |builder| builder);
    let token = fixture.token();
    let proof = || fixture.proof(&token);
    for (proof, expected) in [
        (proof(), (200, "none")),
        (proof().claim("iat", NOW - 300), (200, "none")),
        (proof().claim("iat", NOW - 301), (401, "proof_too_old")),
        (proof().without("jti"), (401, "proof_invalid_claim")),
        (
            proof().claim("content_digest", "sha-256=:AAAA:"),
            (200, "none"),
        ),
        (proof().claim("content_digest", json!([7])), (200, "none")),
        (
            proof().header("alg", "HS256"),
            (401, "proof_algorithm_not_allowed"),
        ),
        (
            proof().header("alg", "none"),
            (401, "proof_algorithm_not_allowed"),
        ),
    ] {
        let outcome = fixture.send(&proof, &token).await;
        assert_eq!(outcome.summary(), expected, "{proof:?}");
    }
    // A valid proof does not replace the check of the audience.
    let other = fixture.token_builder().bound_to(&fixture.client);
    let other = other.audience("https://other.example/mcp").token();
    let outcome = fixture.send(&fixture.proof(&other), &other).await;
    assert_eq!(outcome.summary(), (401, "invalid_audience"));
    assert!(
        outcome
            .challenge("DPoP")
            .contains(r#"error="invalid_token""#)
    );
}
