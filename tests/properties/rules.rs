//! The rules of a resource server that no other file tests, by number, as tables of boundary pairs.

use http::{Method, Request, header};
use serde_json::json;
use tower_layer::Layer as _;
use tower_m2m::jwks::{JwksError, KeySet};
use tower_m2m::testing::{AUDIENCE, Profile, SigningAlgorithm, SigningKey, forged};
use tower_m2m::token::TokenError;
use tower_m2m::{Algorithm, Clock, Rejection, Scope, Verifier};
use tower_service::Service as _;

use super::no_echo::send;
use super::support::{ISSUER, NOW, base64url, issuer, verifier, verify};

fn scene() -> (tower_m2m::testing::LocalIssuer, Verifier) {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let verifier = verifier(&issuer, &clock, |issuer| issuer);
    (issuer, verifier)
}

/// Rules 6, 7.
///
/// A token in the query or in a form is ignored.
#[test]
fn token_in_query_or_form_is_ignored() {
    let (issuer, verifier) = scene();
    let token = issuer.org("org_a").token();
    let mut service = verifier
        .layer()
        .layer(tower::service_fn(async |_: Request<String>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        }));
    let form = Request::post(format!("/?access_token={token}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("access_token={token}"))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(service.call(form)).unwrap().status(), 401);
}

/// Rules 11–17, 25.
///
/// Status, challenge and error code belong together, and no cache stores the response.
#[test]
fn status_challenge_and_error_code_agree() {
    let (issuer, verifier) = scene();
    let scopes = [Scope::from_static("b"), Scope::from_static("a")];
    let layer = verifier
        .layer()
        .require(tower_m2m::token::ScopeRequirement::all(scopes));
    let expired = issuer
        .org("org_a")
        .expired_by(std::time::Duration::from_secs(31));
    for (authorization, status, challenge) in [
        ("Basic eA==".to_owned(), 401, r#"Bearer realm="api""#.to_owned()),
        (
            "Bearer".to_owned(),
            400,
            r#"Bearer realm="api", error="invalid_request", error_description="the Authorization header must be Bearer, a space and one token""#.to_owned(),
        ),
        ("Bearer x".to_owned(), 401, r#"Bearer realm="api", error="invalid_token""#.to_owned()),
        (
            expired.bearer(),
            401,
            r#"Bearer realm="api", error="invalid_token", error_description="the access token expired""#.to_owned(),
        ),
        (
            issuer.org("org_a").bearer(),
            403,
            r#"Bearer realm="api", error="insufficient_scope", error_description="the access token lacks a required scope", scope="b a""#.to_owned(),
        ),
    ] {
        let response = send(&layer, &authorization, "/");
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().get_all(header::WWW_AUTHENTICATE).iter().collect::<Vec<_>>(), [&*challenge]);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}

/// Rules 21, 22.
///
/// If no keys are available, a token that needs them gets 503. Any other token gets its usual
/// response.
#[tokio::test]
async fn missing_keys_are_503_only_for_otherwise_valid_tokens() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let down = Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .initial_keys_timeout(std::time::Duration::ZERO)
        .fetch_with(|_| async { Err("down".into()) });
    let verifier = Verifier::builder([down])
        .clock(clock)
        .start_lazily()
        .build()
        .unwrap();
    let good = issuer.org("org_a");
    let (input, _) = {
        good.token()
            .rsplit_once('.')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap()
    };
    assert!(matches!(
        verifier.verify(&good.token()).await,
        Err(Rejection::KeysUnavailable { .. })
    ));
    for hopeless in [
        good.clone()
            .expired_by(std::time::Duration::from_secs(60))
            .token(),
        good.clone().audience("https://other.example").token(),
        good.clone().claim("iss", "https://other.example").token(),
        good.clone().header("typ", "logout+jwt").token(),
        good.clone().header("alg", "none").token(),
        good.clone().header("alg", "RS256").token(),
        good.clone().claim("cnf", json!({})).token(),
        good.clone().header("crit", json!(["x"])).token(),
        // A signature that is invalid for every key.
        format!("{input}.=="),
        format!("{input}.A"),
        format!("{input}.{}", "A".repeat(2000)),
        format!("{input}."),
    ] {
        let verdict = verifier.verify(&hopeless).await;
        assert!(
            !matches!(verdict, Ok(_) | Err(Rejection::KeysUnavailable { .. })),
            "{verdict:?}"
        );
    }
}

/// Rule 23.
///
/// The body is a problem document with the status of the response.
#[test]
fn problem_document_has_the_response_status() {
    let (_, verifier) = scene();
    let response = send(&verifier.layer(), "Bearer x", "/");
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let body: serde_json::Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!(
        (&body["status"], &body["error"]),
        (&json!(401), &json!("invalid_token"))
    );
    assert!(body["type"].as_str().unwrap().starts_with("https://"));
}

/// Rule 24.
///
/// A preflight has no credentials and passes the layer. Another `OPTIONS` request does not.
#[test]
fn only_true_preflights_pass_without_token() {
    let (_, verifier) = scene();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut service = verifier
        .layer()
        .layer(tower::service_fn(async |_: Request<String>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        }));
    let options = || Request::builder().method(Method::OPTIONS);
    let preflight = options()
        .header(header::ORIGIN, "https://a.example")
        .header("access-control-request-method", "GET");
    assert_eq!(
        runtime
            .block_on(service.call(preflight.body(String::new()).unwrap()))
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        runtime
            .block_on(service.call(options().body(String::new()).unwrap()))
            .unwrap()
            .status(),
        401
    );
}

/// Rule 35.
///
/// A nested token is rejected.
#[test]
fn nested_token_is_rejected() {
    let (issuer, verifier) = scene();
    let good = issuer.org("org_a");
    let nested = issuer.sign_raw(
        &good.clone().header("cty", "JWT").header_json(),
        good.token().as_bytes(),
    );
    assert!(verify(&verifier, &nested).is_err());
}

/// Rules 42, 44, 69.
///
/// RS256 is allowed by default. If an algorithm is not in the list, it is not used, even with the
/// issuer's own key.
#[test]
fn algorithm_list_is_enforced_and_defaults_to_rs256() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::Rs256, Profile::Rfc9068, &clock);
    let trusting = |algorithms: Option<Vec<Algorithm>>| {
        let issuer = Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(issuer.jwks());
        let issuer = match algorithms {
            Some(algorithms) => issuer.algorithms(algorithms),
            None => issuer,
        };
        Verifier::builder([issuer]).clock(clock.clone()).build()
    };
    let token = issuer.org("org_a").token();
    assert!(verify(&trusting(None).unwrap(), &token).is_ok());
    assert!(
        verify(
            &trusting(Some(vec![Algorithm::ES256, Algorithm::RS256])).unwrap(),
            &token
        )
        .is_ok()
    );
    // A key of the wrong algorithm is not usable.
    assert!(trusting(Some(vec![Algorithm::RS512])).is_err() && trusting(Some(vec![])).is_err());
    let kinde = Verifier::kinde("acme")
        .audience("a")
        .algorithms([Algorithm::PS256])
        .jwk_set(issuer.jwks())
        .build();
    assert!(kinde.is_err());
}

/// Rules 48–51.
///
/// The set is parsed strictly and each key leniently. Keys with one name are distinguished by their
/// algorithm.
#[test]
fn key_sets_are_strict_and_keys_are_lenient() {
    for document in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[]}x"#,
    ] {
        assert!(
            matches!(
                KeySet::parse(document.as_bytes(), &Algorithm::ALL),
                Err(JwksError::Malformed)
            ),
            "{document}"
        );
    }
    let (rsa, ec) = (
        SigningKey::generate(SigningAlgorithm::Rs256).unwrap(),
        SigningKey::generate(SigningAlgorithm::Es256).unwrap(),
    );
    let (rsa, ec) = (rsa.with_kid("k"), ec.with_kid("k"));
    let with = |member: &str, value: serde_json::Value| {
        let mut jwk = ec.public_jwk();
        jwk.as_object_mut().unwrap().remove("use");
        jwk[member] = value;
        jwk
    };
    let keys = json!({ "keys": [
        with("use", json!("enc")), with("key_ops", json!(["sign"])), with("kty", json!("XX")), with("x", json!(7)), 7,
        rsa.public_jwk(), with("x5t", json!("unknown members are ignored")), with("key_ops", json!(["verify"])),
    ], "other": 1 });
    let set = KeySet::parse(keys.to_string().as_bytes(), &Algorithm::ALL).unwrap();
    assert_eq!((set.keys().count(), set.unusable_keys().len()), (3, 5));
    for key in [&rsa, &ec] {
        let signature = key.sign(b"a.b").unwrap();
        let algorithm: Algorithm = key.algorithm().as_str().parse().unwrap();
        assert_eq!(set.verify(Some("k"), algorithm, b"a.b", &signature), Ok(()));
        assert_eq!(
            set.verify(Some("K"), algorithm, b"a.b", &signature),
            Err(TokenError::UnknownKey)
        );
        assert_eq!(set.verify(None, algorithm, b"a.b", &signature), Ok(()));
    }
}

/// Rules 54, 72.
///
/// The keys of an issuer verify only tokens of that issuer.
#[test]
fn keys_verify_only_tokens_of_their_issuer() {
    let clock = Clock::manual(NOW);
    let make = |url: &str| {
        let issuer = tower_m2m::testing::LocalIssuer::builder();
        issuer
            .algorithm(SigningAlgorithm::EdDsa)
            .profile(Profile::Rfc9068)
            .clock(clock.clone())
            .in_process(url)
            .unwrap()
    };
    let (a, b) = (make("https://a.example"), make("https://b.example"));
    let trusted = |issuer: &tower_m2m::testing::LocalIssuer| {
        Verifier::issuer(issuer.url())
            .audience(AUDIENCE)
            .algorithms([Algorithm::EdDSA])
            .jwk_set(issuer.jwks())
    };
    let verifier = Verifier::builder([trusted(&a), trusted(&b)])
        .clock(clock.clone())
        .build()
        .unwrap();
    assert!(
        verify(&verifier, &a.org("org_a").token()).is_ok()
            && verify(&verifier, &b.org("org_a").token()).is_ok()
    );
    let crossed = a.org("org_a").signed_with(&b.signing_key());
    assert_eq!(
        verify(&verifier, &crossed.token()).unwrap_err(),
        Rejection::InvalidToken(TokenError::UnknownKey)
    );
    // The same organization of two issuers is two tenants, and the same subject is two clients.
    let org = |issuer: &tower_m2m::testing::LocalIssuer| {
        verify(&verifier, &issuer.org("org_a").token()).unwrap()
    };
    assert_ne!(org(&a).org_code(), org(&b).org_code());
    assert_ne!(org(&a).issuer(), org(&b).issuer());
}

/// Rules 62–68, 76.
///
/// Each claim with the last valid value and the first invalid one, at the exact second.
#[test]
fn rfc7519_4_1_registered_claims() {
    let (issuer, verifier) = scene();
    let good = || issuer.org("org_a");
    for (claim, value, fine) in [
        ("iss", json!(ISSUER), true),
        ("iss", json!(format!("{ISSUER}/")), false),
        ("iss", json!(ISSUER.to_uppercase()), false),
        ("aud", json!(AUDIENCE), true),
        ("aud", json!(["x", AUDIENCE]), true),
        ("aud", json!([]), false),
        ("aud", json!([AUDIENCE, null]), false),
        ("aud", json!(format!("{AUDIENCE}/")), false),
        // 30 s of leeway, exact to the second.
        ("exp", json!(NOW - 29), true),
        ("exp", json!(NOW - 30), false),
        ("exp", json!(1_749_999_971.5), true),
        ("exp", json!(i64::MAX), false),
        ("exp", json!(u64::MAX), false),
        ("exp", json!(253_402_300_799_i64), true),
        ("exp", json!(253_402_300_800_i64), false),
        ("exp", json!(1e308), false),
        ("exp", json!(-1), false),
        ("exp", json!("1750000060"), false),
        ("nbf", json!(NOW + 30), true),
        ("nbf", json!(NOW + 31), false),
        ("iat", json!(NOW + 30), true),
        ("iat", json!(NOW + 31), false),
        ("iat", json!(i64::MIN), false),
    ] {
        assert_eq!(
            verify(&verifier, &good().claim(claim, value.clone()).token()).is_ok(),
            fine,
            "{claim}={value}"
        );
    }
    for claim in ["iss", "aud", "exp"] {
        assert!(
            verify(&verifier, &good().without(claim).token()).is_err(),
            "without {claim}"
        );
    }
}

/// Rules 60, 68.
///
/// The strict mode of RFC 9068.
#[test]
fn rfc9068_strict_mode() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let strict = verifier(&issuer, &clock, tower_m2m::Issuer::require_rfc9068);
    let good = || issuer.org("org_a");
    assert!(verify(&strict, &good().token()).is_ok());
    assert!(verify(&strict, &good().header("typ", "application/AT+JWT").token()).is_ok());
    assert!(verify(&strict, &good().header("typ", "JWT").token()).is_err());
    assert!(verify(&strict, &good().without_header("typ").token()).is_err());
    for claim in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        assert!(
            verify(&strict, &good().without(claim).token()).is_err(),
            "without {claim}"
        );
    }
}

/// Rule 64.
///
/// A verifier needs an audience unless a method waives it by name (see also the doctest of
/// `Verifier`).
#[test]
fn verifier_requires_an_audience() {
    let (issuer, _) = scene();
    let none: [&str; 0] = [];
    assert!(Verifier::issuer(ISSUER).audiences(none).build().is_err());
    assert!(Verifier::issuer(ISSUER).audience(" ").build().is_err());
    let waived = Verifier::issuer(ISSUER)
        .dangerous_accept_any_audience()
        .algorithms([Algorithm::EdDSA])
        .jwk_set(issuer.jwks());
    let waived = Verifier::builder([waived])
        .clock(Clock::manual(NOW))
        .build()
        .unwrap();
    assert!(verify(&waived, &issuer.org("org_a").without("aud").token()).is_ok());
}

/// Rules 61, 73.
///
/// Tokens of other kinds are not access tokens, even if the same issuer signs them with the same
/// key.
#[test]
fn other_token_types_are_rejected_as_access_tokens() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Kinde, &clock);
    let kinde = verifier(&issuer, &clock, |issuer| {
        issuer
            .profile(tower_m2m::Profile::KINDE)
            .algorithms([Algorithm::EdDSA])
    });
    let good = issuer.org("org_a");
    assert!(verify(&kinde, &good.token()).is_ok());
    for forge in [
        forged::id_token,
        forged::webhook_body,
        forged::logout_token,
        forged::dpop_proof,
        forged::client_assertion,
        forged::typ_unknown,
    ] {
        let other = forge(&good);
        assert!(verify(&kinde, other.token()).is_err(), "{}", other.name());
    }
    assert!(
        verify(&kinde, &issuer.user("kp_1").token()).is_err(),
        "a user's token"
    );
}

/// Rule 47.
///
/// Weak algorithms have no name here, and Ed25519 has two names.
#[test]
fn weak_algorithms_do_not_exist() {
    let (issuer, verifier) = scene();
    for (name, fine) in [
        ("EdDSA", true),
        ("Ed25519", true),
        ("Ed448", false),
        ("RS1", false),
        ("RSA1_5", false),
        ("ES256K", false),
    ] {
        assert_eq!(
            verify(&verifier, &issuer.org("org_a").header("alg", name).token()).is_ok(),
            fine,
            "{name}"
        );
    }
}

/// Rules 57, 70.
///
/// A token with five segments is encrypted. It is detected and not decrypted.
#[test]
fn encrypted_token_is_detected_and_rejected() {
    let (_, verifier) = scene();
    let jwe = format!(
        "{}.a.b.c.d",
        base64url(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","zip":"DEF","p2c":1000000000}"#)
    );
    assert_eq!(
        verify(&verifier, &jwe).unwrap_err(),
        Rejection::InvalidToken(TokenError::Encrypted)
    );
}

/// Rule 74.
///
/// A user token with the client as `sub` is still a user token.
#[test]
fn subject_does_not_make_a_machine_token() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Kinde, &clock);
    let kinde = verifier(&issuer, &clock, |issuer| {
        issuer
            .profile(tower_m2m::Profile::KINDE)
            .algorithms([Algorithm::EdDSA])
    });
    let client = tower_m2m::testing::CLIENT_ID;
    assert!(
        verify(
            &kinde,
            &issuer.user(client).claim("org_code", "org_a").token()
        )
        .is_err()
    );
    assert!(verify(&kinde, &issuer.org("org_a").claim("sub", client).token()).is_ok());
}

/// Rule 71.
///
/// `scope` decides, in both forms. `scp` counts only if `scope` is absent.
#[test]
fn scp_counts_only_if_scope_is_absent() {
    let (issuer, verifier) = scene();
    for (scope, scp, granted) in [
        (Some(json!("a b")), None, vec!["a", "b"]),
        (Some(json!("")), Some(json!(["a"])), vec![]),
        (Some(json!("a")), Some(json!(["a", "b"])), vec!["a"]),
        (None, Some(json!(["a", "b"])), vec!["a", "b"]),
        (None, None, vec![]),
    ] {
        let mut token = issuer.org("org_a").without("scope").without("scp");
        for (claim, value) in [("scope", scope), ("scp", scp)] {
            if let Some(value) = value {
                token = token.claim(claim, value);
            }
        }
        assert_eq!(
            verify(&verifier, &token.token())
                .unwrap()
                .scopes()
                .iter()
                .collect::<Vec<_>>(),
            granted
        );
    }
}

/// Rules 40, 78.
///
/// If the signature is invalid, that is the reported error, even if other checks would fail.
#[test]
fn signature_is_checked_before_claims() {
    let (issuer, verifier) = scene();
    let wrong = issuer
        .org("org_a")
        .audience("https://other.example")
        .expired_by(std::time::Duration::from_secs(60));
    assert!(matches!(
        verify(&verifier, &wrong.token()),
        Err(Rejection::InvalidClaims(_))
    ));
    let input = wrong.token().rsplit_once('.').unwrap().0.to_owned();
    let verdict = verify(&verifier, &format!("{input}.{}", base64url([1; 64])));
    assert_eq!(
        verdict.unwrap_err(),
        Rejection::InvalidToken(TokenError::InvalidSignature)
    );
}
