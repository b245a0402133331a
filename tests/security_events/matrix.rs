//! Every kind of token is rejected by every verifier except its own.

use serde_json::{Value, json};
use tower_m2m::testing::{TokenBuilder, events};

use super::support::{Fixture, NOW, SECRET, send, send_as, user};

/// One token of each kind, all signed with the same key of the issuer.
fn tokens(fixture: &Fixture) -> Vec<(&'static str, TokenBuilder)> {
    let access = fixture.issuer.org("org_a").scopes(["read:invoices"]);
    let bare = |typ: &str, claims: Value| {
        let names = [
            "aud", "exp", "iss", "azp", "gty", "scope", "scp", "v", "org_code", "iat", "jti",
        ];
        let token = names
            .into_iter()
            .fold(access.clone(), TokenBuilder::without);
        let Value::Object(claims) = claims else {
            return token;
        };
        let token = claims
            .into_iter()
            .fold(token, |token, (name, value)| token.claim(name, value));
        token.header("typ", typ)
    };
    let (iss, api) = (fixture.issuer.url(), super::support::EVENTS);
    let logout = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    vec![
        ("access token", access.clone()),
        (
            "ID token",
            bare(
                "JWT",
                json!({
                    "iss": iss, "aud": [iss, api], "exp": NOW + 3600, "iat": NOW, "sub": "user_1",
                    "nonce": "n", "at_hash": "h", "azp": "client", "org_code": "org_a",
                }),
            ),
        ),
        (
            "logout token",
            bare(
                "logout+jwt",
                json!({
                    "iss": iss, "aud": api, "exp": NOW + 120, "iat": NOW, "jti": "l1", "sub": "user_1",
                    "events": logout,
                }),
            ),
        ),
        (
            "DPoP proof",
            bare(
                "dpop+jwt",
                json!({
                    "jti": "p1", "htm": "POST", "htu": "https://api.example.com/hooks", "iat": NOW,
                }),
            )
            .header("jwk", fixture.issuer.signing_key().public_jwk()),
        ),
        (
            "ID-JAG",
            bare(
                "oauth-id-jag+jwt",
                json!({
                    "iss": iss, "aud": api, "exp": NOW + 300, "iat": NOW, "jti": "j1", "sub": "user_1",
                    "client_id": "client", "resource": api, "scope": "read:invoices",
                }),
            ),
        ),
        (
            "SET",
            fixture.set(events::SESSION_REVOKED, user("user_1"), json!({})),
        ),
        (
            "webhook",
            fixture.user_event("user.deleted", json!({ "id": "user_1" })),
        ),
    ]
}

/// Rule 221.
/// The matrix.
#[tokio::test]
async fn each_kind_is_accepted_only_by_its_own_verifier() {
    let fixture = Fixture::new();
    let (webhooks, events) = (fixture.webhooks(), fixture.events());
    for (kind, token) in tokens(&fixture) {
        let is_access = fixture.verify(&token).await == "ok";
        assert_eq!(
            is_access,
            kind == "access token",
            "{kind} as an access token"
        );
        for (own, receiver, content_type) in [
            ("webhook", &webhooks, "application/jwt"),
            ("SET", &events, "application/secevent+jwt"),
        ] {
            let response = send_as(receiver, token.token(), content_type).await;
            assert_eq!(
                response.status.is_success(),
                kind == own,
                "{kind} as a {own}"
            );
            assert!(kind == own || response.status == 400, "{kind} as a {own}");
        }
    }
}

/// Rule 221.
/// The type alone does not decide. The claims of one kind with the type of another are
/// rejected too.
#[tokio::test]
async fn type_of_another_kind_does_not_help() {
    let fixture = Fixture::new();
    let (webhooks, events) = (fixture.webhooks(), fixture.events());
    for (kind, token) in tokens(&fixture) {
        if kind != "access token" {
            for typ in ["JWT", "at+jwt"] {
                let disguised = token.clone().header("typ", typ);
                assert_ne!(fixture.verify(&disguised).await, "ok", "{kind} with {typ}");
            }
        }
        for (own, receiver, typ) in [
            ("webhook", &webhooks, "JWT"),
            ("SET", &events, "secevent+jwt"),
        ] {
            let mut request = token.clone().header("typ", typ).event_request("/hooks");
            let authorization = SECRET.parse().unwrap();
            request.headers_mut().insert("authorization", authorization);
            let response = send(receiver, request).await;
            assert_eq!(
                response.status.is_success(),
                kind == own,
                "{kind} with {typ}"
            );
        }
    }
}

/// Rule 221.
///
/// The column of the DPoP verifier: only a proof of the token's key is a proof, and a valid proof
/// is no other kind of token.
#[cfg(feature = "dpop")]
#[tokio::test]
async fn only_a_proof_is_accepted_as_a_proof() {
    use tower_m2m::testing::DpopClient;
    use tower_m2m::{ProofOfPossession, Verifier};

    const BASE: &str = "https://api.acme.com";
    let fixture = Fixture::new();
    let trusted = Verifier::kinde("acme").audience(fixture.issuer.audience());
    let trusted = trusted.jwk_set(fixture.issuer.jwks());
    let trusted = trusted.proof_of_possession(ProofOfPossession::dpop(BASE));
    let clock = fixture.clock.clone();
    let verifier = Verifier::builder([trusted])
        .clock(clock.clone())
        .build()
        .unwrap();
    // The issuer's key signs the tokens, so it is the key of the client too: only the kind differs.
    let client = DpopClient::with_key(fixture.issuer.signing_key()).clock(clock);
    let access = fixture.issuer.org("org_a").bound_to(&client).token();
    let url = format!("{BASE}/hooks");
    let check = async |proof: &str| {
        let request = http::Request::get("/hooks")
            .header("authorization", format!("DPoP {access}"))
            .header("dpop", proof)
            .body(())
            .unwrap();
        verifier
            .verify_request(&request.into_parts().0)
            .await
            .is_ok()
    };
    let proof = client.proof("GET", &url, &access).sign();
    assert!(check(&proof).await);
    for (kind, token) in tokens(&fixture) {
        assert!(!check(&token.token()).await, "{kind} as a proof");
        let disguised = token.header("typ", "dpop+jwt");
        let disguised = disguised.header("jwk", fixture.issuer.signing_key().public_jwk());
        // The made-up proof lacks the hash of the access token.
        assert!(
            !check(&disguised.token()).await,
            "{kind} with the type of a proof"
        );
    }
    let proof = client.proof("GET", &url, &access).sign();
    assert!(fixture.verifier.verify(&proof).await.is_err());
    for (receiver, content_type) in [
        (&fixture.webhooks(), "application/jwt"),
        (&fixture.events(), "application/secevent+jwt"),
    ] {
        let response = send_as(receiver, proof.clone(), content_type).await;
        assert_eq!(response.status, 400, "{content_type}");
    }
}
