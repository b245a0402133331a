//! Metadata and key sets that need a setting, or none.

use serde_json::{Value, json};
use tower_m2m::jwks::{JwksError, KeyError, KeySet, jwks_uri};
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm};
use tower_m2m::{Algorithm, Clock, Profile, Verifier};

use super::support::{ISSUER, NOW, build, jwks, key, sign, token, verdict, verify, with};

#[test]
fn byte_order_mark_before_metadata_is_ignored() {
    let document = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{ISSUER}/jwks"}}"#);
    let marked = format!("\u{feff}{document}");
    assert_eq!(
        jwks_uri(marked.as_bytes(), ISSUER).as_deref(),
        Ok("https://issuer.example/jwks")
    );
    let marked_issuer = document.replace(ISSUER, &format!("\u{feff}{ISSUER}"));
    assert_eq!(
        jwks_uri(marked_issuer.as_bytes(), ISSUER),
        Err(JwksError::WrongIssuer {
            found: format!("\u{feff}{ISSUER}")
        })
    );
}

/// The error says which setting helps.
#[test]
fn relative_jwks_uri_is_an_error_that_names_the_setting() {
    for uri in [
        "/common/discovery/keys",
        "jwks.json",
        "//issuer.example/jwks",
        "http://issuer.example/jwks",
    ] {
        let document = json!({ "issuer": ISSUER, "jwks_uri": uri }).to_string();
        let error = jwks_uri(document.as_bytes(), ISSUER).unwrap_err();
        assert_eq!(error, JwksError::InsecureJwksUri, "{uri}");
        assert!(error.to_string().contains("jwks_url"), "{error}");
    }
}

/// One key without a `kid`, given as a set or as PEM, verifies tokens of any `kid`. Two do not, and
/// neither does a fetched one.
#[tokio::test]
async fn single_key_without_kid_fits_any_kid_if_given_by_value() {
    let key = key(SigningAlgorithm::Es256);
    let nameless = with(&key.public_jwk(), &[("kid", None)]);
    let trust = || Verifier::issuer(ISSUER).audience(AUDIENCE);
    let named = token(&key, &json!({}));
    let claims =
        json!({ "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60, "client_id": "c" }).to_string();
    let unnamed = sign(&key, r#"{"alg":"ES256"}"#, &claims);
    let by_set = build(trust().jwk_set(jwks(std::slice::from_ref(&nameless))));
    let by_pem = build(trust().public_key_pem(Algorithm::ES256, key.public_pem()));
    for verifier in [&by_set, &by_pem] {
        assert_eq!(verdict(verifier, &named), Ok(()));
        assert_eq!(verdict(verifier, &unnamed), Ok(()));
    }
    let other = super::support::key(SigningAlgorithm::Es256);
    let two = [
        nameless.clone(),
        with(&other.public_jwk(), &[("kid", None)]),
    ];
    assert_eq!(
        verdict(&build(trust().jwk_set(jwks(&two))), &named),
        Err("unknown_key")
    );
    let with_unusable = [nameless.clone(), json!({ "kty": "AKP", "kid": "pq" })];
    assert_eq!(
        verdict(&build(trust().jwk_set(jwks(&with_unusable))), &named),
        Err("unknown_key")
    );
    let document = jwks(&[nameless]);
    let fetched = trust()
        .jwks_url("https://issuer.example/jwks")
        .fetch_with(move |_| {
            let document = document.clone();
            async move { Ok(http::Response::new(document.into_bytes())) }
        });
    let fetched = Verifier::builder([fetched])
        .clock(Clock::manual(NOW))
        .build_ready()
        .await
        .unwrap();
    assert!(fetched.verify(&unnamed).await.is_ok());
    assert!(fetched.verify(&named).await.is_err());
}

/// Scalekit without an audience, Cognito always: the error says which setting there is.
#[test]
fn missing_audience_names_the_setting() {
    let key = key(SigningAlgorithm::Rs256);
    let machine = |aud: Option<Value>| {
        let claims = json!({
            "iss": ISSUER, "exp": NOW + 60, "client_id": "svc", "sub": "svc", "token_use": "access",
        });
        let claims = with(&claims, &[("aud", aud)]);
        sign(&key, r#"{"alg":"RS256","kid":"k"}"#, &claims.to_string())
    };
    for profile in [Profile::SCALEKIT, Profile::COGNITO] {
        let keys = jwks(&[key.public_jwk()]);
        let trust = Verifier::issuer(ISSUER);
        let strict = trust.audience(AUDIENCE).profile(profile.clone());
        let strict = build(strict.jwk_set(keys.clone()));
        let rejection = verify(&strict, &machine(None)).unwrap_err();
        assert_eq!(rejection.code(), "missing_claim");
        let message = rejection.to_string();
        assert!(
            message.contains("dangerous_accept_any_audience"),
            "{message}"
        );
        // Another audience is another mistake.
        let other = verify(&strict, &machine(Some("x".into()))).unwrap_err();
        assert_eq!(other.code(), "invalid_audience");
        let lenient = Verifier::issuer(ISSUER).dangerous_accept_any_audience();
        let lenient = build(
            lenient
                .profile(profile)
                .jwk_set(keys)
                .allow_clients(["svc"]),
        );
        assert_eq!(verdict(&lenient, &machine(None)), Ok(()));
    }
}

/// Kubernetes, SPIFFE and CI systems have only `sub`.
#[test]
fn missing_client_names_the_setting() {
    let key = key(SigningAlgorithm::EdDsa);
    let trust = || {
        Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(jwks(&[key.public_jwk()]))
    };
    let claims = json!({ "client_id": null, "sub": "system:serviceaccount:default:api" });
    let machine = token(&key, &claims);
    let rejection = verify(&build(trust()), &machine).unwrap_err();
    assert_eq!(rejection.code(), "missing_claim");
    let message = rejection.to_string();
    assert!(message.contains("client_id_claim"), "{message}");
    let by_subject = build(trust().client_id_claim("sub"));
    assert_eq!(verdict(&by_subject, &machine), Ok(()));
}

/// Keycloak wrote `clientId` before it wrote `client_id`.
#[test]
fn older_keycloak_client_id_is_read() {
    let key = key(SigningAlgorithm::Rs256);
    let verifier = build(
        Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .profile(Profile::KEYCLOAK)
            .jwk_set(jwks(&[key.public_jwk()])),
    );
    let none = Value::Null;
    for (claims, expected) in [
        (
            json!({ "client_id": none, "clientId": "svc", "azp": "svc" }),
            Ok(()),
        ),
        (json!({ "client_id": "svc", "azp": "svc" }), Ok(())),
        (
            json!({ "client_id": "svc", "clientId": "other", "azp": "svc" }),
            Ok(()),
        ),
        // A user's token has `azp` only, and neither claim falls back to the other.
        (
            json!({ "client_id": none, "azp": "svc" }),
            Err("wrong_grant_type"),
        ),
        (
            json!({ "client_id": none, "clientId": "svc", "azp": "web" }),
            Err("wrong_grant_type"),
        ),
        (
            json!({ "client_id": "other", "clientId": "svc", "azp": "svc" }),
            Err("wrong_grant_type"),
        ),
        (
            json!({ "client_id": "", "clientId": "svc", "azp": "svc" }),
            Err("wrong_grant_type"),
        ),
    ] {
        assert_eq!(
            verdict(&verifier, &token(&key, &claims)),
            expected,
            "{claims}"
        );
    }
}

/// SPIFFE bundles hold keys for JWTs beside keys of certificate authorities.
#[test]
fn jwt_svid_keys_of_spiffe_bundles_are_used() {
    let key = key(SigningAlgorithm::Es256);
    for (usage, expected) in [
        (json!("jwt-svid"), None),
        (json!("x509-svid"), Some(KeyError::NotForSignatures)),
        (json!("wit-svid"), Some(KeyError::NotForSignatures)),
        (json!("JWT-SVID"), Some(KeyError::NotForSignatures)),
        (json!("enc"), Some(KeyError::NotForSignatures)),
        (json!(["sig"]), Some(KeyError::Malformed)),
    ] {
        let jwk = with(&key.public_jwk(), &[("use", Some(usage.clone()))]);
        let set = KeySet::parse(jwks(&[jwk]).as_bytes(), &[Algorithm::ES256]).unwrap();
        assert_eq!(
            set.unusable_keys().first().map(|key| key.reason),
            expected,
            "{usage}"
        );
    }
}
