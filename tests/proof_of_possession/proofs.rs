//! What a proof must contain (RFC 9449 §4.3).

use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use tower_m2m::Algorithm;
use tower_m2m::testing::{DpopClient, SigningAlgorithm, SigningKey};

use crate::support::{BASE, Fixture, NOW, call, proof_of};

/// Rules 96–108, 112.
#[tokio::test]
async fn valid_proof_of_each_algorithm_is_accepted() {
    let fixture = Fixture::new();
    for algorithm in [
        SigningAlgorithm::Es256,
        SigningAlgorithm::Es384,
        SigningAlgorithm::Es512,
        SigningAlgorithm::EdDsa,
        SigningAlgorithm::Rs256,
        SigningAlgorithm::Ps512,
    ] {
        let client = DpopClient::with_key(SigningKey::generate(algorithm).unwrap())
            .clock(fixture.clock.clone());
        let token = fixture.token_builder().bound_to(&client).token();
        for _ in 0..2 {
            let request = Request::get("/invoices?page=2")
                .body(Body::empty())
                .unwrap();
            let outcome = call(&fixture.api, client.authorize(request, BASE, &token)).await;
            assert_eq!(outcome.summary(), (200, "none"), "{algorithm}");
        }
    }
}

/// Rules 97–107, 112, 239.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of deviations")]
async fn each_deviation_is_rejected_with_its_code() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let good = || fixture.proof(&token);
    let jwk = fixture.client.key().public_jwk();
    let with_member = |name: &str, value: serde_json::Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk
    };
    for (name, proof, expected) in [
        ("typ", good().header("typ", "JWT"), "proof_invalid_type"),
        ("no typ", good().without_header("typ"), "proof_invalid_type"),
        (
            "typ of a token",
            good().header("typ", "at+jwt"),
            "proof_invalid_type",
        ),
        (
            "none",
            good().header("alg", "none"),
            "proof_algorithm_not_allowed",
        ),
        (
            "HMAC",
            good().header("alg", "HS256"),
            "proof_algorithm_not_allowed",
        ),
        (
            "other alg",
            good().header("alg", "ES384"),
            "proof_invalid_key",
        ),
        ("no jwk", good().without_header("jwk"), "proof_invalid_key"),
        (
            "jwk is a string",
            good().header("jwk", "key"),
            "proof_invalid_key",
        ),
        (
            "private key",
            good().header("jwk", with_member("d", "AA".into())),
            "proof_private_key",
        ),
        (
            "symmetric key",
            good().header("jwk", serde_json::json!({"kty": "oct", "k": "AA"})),
            "proof_private_key",
        ),
        (
            "crit",
            good().header("crit", serde_json::json!(["b64"])),
            "proof_malformed",
        ),
        ("no jti", good().without("jti"), "proof_invalid_claim"),
        ("empty jti", good().claim("jti", ""), "proof_invalid_claim"),
        (
            "jti is a number",
            good().claim("jti", 7),
            "proof_invalid_claim",
        ),
        ("no htm", good().without("htm"), "proof_invalid_claim"),
        ("no htu", good().without("htu"), "proof_invalid_claim"),
        ("no iat", good().without("iat"), "proof_invalid_claim"),
        (
            "iat is a string",
            good().claim("iat", NOW.to_string()),
            "proof_invalid_claim",
        ),
        ("no ath", good().without("ath"), "proof_invalid_claim"),
        ("method", good().claim("htm", "POST"), "proof_wrong_method"),
        (
            "case of the method",
            good().claim("htm", "get"),
            "proof_wrong_method",
        ),
        (
            "path",
            good().claim("htu", format!("{BASE}/payments")),
            "proof_wrong_url",
        ),
        (
            "query in htu",
            good().claim("htu", format!("{BASE}/invoices?page=1")),
            "proof_wrong_url",
        ),
        (
            "fragment in htu",
            good().claim("htu", format!("{BASE}/invoices#top")),
            "proof_wrong_url",
        ),
        (
            "host",
            good().claim("htu", "https://evil.example/invoices"),
            "proof_wrong_url",
        ),
        (
            "scheme",
            good().claim("htu", "http://api.acme.com/invoices"),
            "proof_wrong_url",
        ),
        (
            "ath of another token",
            good().claim("ath", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"),
            "proof_wrong_token",
        ),
        (
            "ath is not base64url",
            good().claim("ath", "="),
            "proof_wrong_token",
        ),
        (
            "nonce is a number",
            good().claim("nonce", 7),
            "proof_invalid_claim",
        ),
        ("too old", good().claim("iat", NOW - 61), "proof_too_old"),
        (
            "too new",
            good().claim("iat", NOW + 11),
            "proof_issued_in_future",
        ),
        ("expired", good().claim("exp", NOW - 10), "proof_too_old"),
        (
            "not valid yet",
            good().claim("nbf", NOW + 11),
            "proof_issued_in_future",
        ),
        (
            "exp is a string",
            good().claim("exp", "soon"),
            "proof_invalid_claim",
        ),
        (
            "nbf is null",
            good().claim("nbf", serde_json::Value::Null),
            "proof_invalid_claim",
        ),
        (
            "signature",
            good().signed_with(&SigningKey::generate(SigningAlgorithm::Es256).unwrap()),
            "proof_invalid_signature",
        ),
    ] {
        let outcome = fixture.send(&proof, &token).await;
        assert_eq!(outcome.summary(), (401, expected), "{name}");
        assert!(
            outcome
                .challenge("DPoP")
                .contains(r#"error="invalid_dpop_proof""#),
            "{name}: {:?}",
            outcome.challenges
        );
        assert!(!outcome.challenge("Bearer").contains("error"), "{name}");
        assert!(
            outcome.challenge("DPoP").contains(r#"algs="RS256 "#),
            "{name}"
        );
    }
    for (name, limit) in [
        ("iat", NOW - 60),
        ("iat", NOW + 10),
        ("exp", NOW - 9),
        ("nbf", NOW + 10),
    ] {
        let outcome = fixture.send(&good().claim(name, limit), &token).await;
        assert_eq!(outcome.summary(), (200, "none"), "{name}");
    }
}

/// Rules 96, 239.
#[tokio::test]
async fn exactly_one_header_with_one_proof_is_accepted() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let proof = || HeaderValue::try_from(fixture.proof(&token).sign()).unwrap();
    let list = format!(
        "{},{}",
        fixture.proof(&token).sign(),
        fixture.proof(&token).sign()
    );
    for (proofs, expected) in [
        (vec![], (401, "proof_missing")),
        (vec![HeaderValue::from_static("")], (401, "proof_missing")),
        (vec![proof(), proof()], (401, "multiple_proofs")),
        (
            vec![HeaderValue::try_from(list).unwrap()],
            (401, "multiple_proofs"),
        ),
        (
            vec![HeaderValue::from_static("not.a.proof")],
            (401, "proof_malformed"),
        ),
        (
            vec![HeaderValue::from_static("a.b.c.d.e")],
            (401, "proof_malformed"),
        ),
        (
            vec![HeaderValue::from_bytes(b"\xff.\xff.\xff").unwrap()],
            (401, "proof_malformed"),
        ),
        (
            vec![HeaderValue::try_from("a".repeat(8193)).unwrap()],
            (401, "proof_too_long"),
        ),
        (vec![proof()], (200, "none")),
    ] {
        let mut request = Request::get("/invoices").body(Body::empty()).unwrap();
        let authorization = HeaderValue::try_from(format!("dpop  {token}")).unwrap();
        request.headers_mut().insert(AUTHORIZATION, authorization);
        for proof in proofs {
            request.headers_mut().append("DPoP", proof);
        }
        let outcome = call(&fixture.api, request).await;
        assert_eq!(outcome.summary(), expected);
    }
}

/// Rules 107, 109, 110.
#[tokio::test]
async fn token_key_and_scheme_must_belong_together() {
    let fixture = Fixture::new();
    let bound = fixture.token();
    let unbound = fixture.token_builder().token();
    let (other, _) = fixture.other_client();
    let stolen = proof_of(&other, &bound);
    let outcome = fixture.send(&stolen, &bound).await;
    assert_eq!(outcome.summary(), (401, "wrong_proof_key"));
    outcome.assert_error("DPoP", "invalid_token");

    let outcome = fixture.send(&fixture.proof(&unbound), &unbound).await;
    assert_eq!(outcome.summary(), (401, "not_bound_to_key"));
    outcome.assert_error("DPoP", "invalid_token");

    // The downgrade: the token of another client as a bearer token, with and without a proof.
    for proof in [None, Some(fixture.proof(&bound).sign())] {
        let mut request =
            Request::get("/invoices").header(AUTHORIZATION, format!("Bearer {bound}"));
        if let Some(proof) = proof {
            request = request.header("DPoP", proof);
        }
        let outcome = call(&fixture.api, request.body(Body::empty()).unwrap()).await;
        assert_eq!(outcome.summary(), (401, "sender_constrained"));
        outcome.assert_error("Bearer", "invalid_token");
        outcome.assert_no_error("DPoP");
    }
    let request = Request::get("/invoices").header(AUTHORIZATION, format!("Bearer {unbound}"));
    let outcome = call(&fixture.api, request.body(Body::empty()).unwrap()).await;
    assert_eq!(outcome.summary(), (200, "none"));
}

/// Rule 100.
///
/// The configured algorithms.
#[tokio::test]
async fn only_configured_algorithms_are_accepted() {
    let fixture = Fixture::with_dpop(
        |dpop| dpop.algorithms([Algorithm::EdDSA, Algorithm::ES384]),
        |builder| builder,
    );
    let token = fixture.token();
    let outcome = fixture.send(&fixture.proof(&token), &token).await;
    assert_eq!(outcome.summary(), (401, "proof_algorithm_not_allowed"));
    assert!(outcome.challenge("DPoP").contains(r#"algs="ES384 EdDSA""#));
}

/// Rules 96–112, 239.
#[tokio::test]
async fn corpus_of_forged_proofs_is_rejected() {
    use tower_m2m::testing::forged::proofs;

    let fixture = Fixture::new();
    let url = format!("{BASE}/invoices");
    let corpus = proofs::corpus(&fixture.client, &fixture.token_builder(), "GET", &url).unwrap();
    assert_eq!(corpus.forgeries().len(), 29);
    let send = async |forgery: &proofs::ForgedProof| {
        let mut request = Request::get("/invoices").header(AUTHORIZATION, forgery.authorization());
        for proof in forgery.proofs() {
            request = request.header("DPoP", proof);
        }
        call(&fixture.api, request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(send(corpus.valid()).await.summary(), (200, "none"));
    for forgery in corpus.forgeries() {
        let outcome = send(forgery).await;
        assert_eq!(
            outcome.status.as_u16(),
            forgery.status(),
            "{}",
            forgery.description()
        );
        let error = format!("error=\"{}\"", forgery.error());
        let named = outcome
            .challenges
            .iter()
            .filter(|text| text.contains(&error));
        assert_eq!(
            named.count(),
            1,
            "{}: {:?}",
            forgery.description(),
            outcome.challenges
        );
    }
}
