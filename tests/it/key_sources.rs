//! The sources of keys: discovery in both forms, a URL, a key set, a PEM string, a function.

use std::sync::{Arc, Mutex};

use http::{Response, StatusCode};
use serde_json::Value;
use tower_m2m::testing::{
    AUDIENCE, Endpoint, Fault, LocalIssuer, Profile as Shape, SigningAlgorithm, SigningKey,
};
use tower_m2m::{Algorithm, Verifier};

use crate::support::{NOW, build};

fn algorithm_of(key: &SigningKey) -> Algorithm {
    key.algorithm().as_str().parse().unwrap()
}

/// Rules 69, 79.
///
/// Discovery uses OpenID Connect's document, or RFC 8414's if that is missing. If the issuer has a
/// path, there are two URLs.
#[tokio::test]
async fn metadata_is_found_by_openid_or_oauth_discovery() {
    for (path, first_is_absent) in [
        ("", false),
        ("/tenants/a", false),
        ("", true),
        ("/tenants/a", true),
    ] {
        let issuer = LocalIssuer::builder().path(path).start().await.unwrap();
        if first_is_absent {
            issuer.set_fault(Endpoint::Discovery, Fault::status(StatusCode::NOT_FOUND));
        }
        let verifier = Verifier::kinde(issuer.url()).audience(AUDIENCE).build();
        // A URL with a path is not a Kinde domain, but a generic issuer may have one.
        let verifier = verifier
            .or_else(|_| Verifier::issuer(issuer.url()).audience(AUDIENCE).build())
            .unwrap();
        verifier.verify(&issuer.org("org_a").token()).await.unwrap();
        let hits = [Endpoint::Discovery, Endpoint::Metadata, Endpoint::Jwks]
            .map(|endpoint| issuer.hits(endpoint));
        assert_eq!(hits, [1, u64::from(first_is_absent), 1], "{path}");
        assert!(
            !issuer
                .last_headers(Endpoint::Jwks)
                .unwrap()
                .contains_key("authorization")
        );
    }
}

/// Rules 80, 81.
///
/// A document is not used if it names another issuer or an insecure URL.
#[tokio::test]
async fn misleading_metadata_is_not_used() {
    let issuer = LocalIssuer::start().await.unwrap();
    let document = |iss: &str, jwks: &str| format!(r#"{{"issuer":"{iss}","jwks_uri":"{jwks}"}}"#);
    let slashed = format!("{}/", issuer.url());
    for (document, code) in [
        (document(&slashed, &issuer.jwks_uri()), "wrong_issuer"),
        (
            document("https://evil.example", &issuer.jwks_uri()),
            "wrong_issuer",
        ),
        (
            document(issuer.url(), "http://evil.example/jwks"),
            "insecure_jwks_uri",
        ),
        ("[]".to_owned(), "malformed"),
    ] {
        for endpoint in [Endpoint::Discovery, Endpoint::Metadata] {
            issuer.set_document(endpoint, document.clone());
        }
        let verifier = Verifier::kinde(issuer.url())
            .audience(AUDIENCE)
            .initial_keys_timeout(std::time::Duration::ZERO)
            .build()
            .unwrap();
        let error = Verifier::builder([Verifier::kinde(issuer.url()).audience(AUDIENCE)])
            .build_ready()
            .await
            .unwrap_err();
        assert!(
            matches!(&error, tower_m2m::StartError::KeyFetch { error, .. } if error.code() == code),
            "{error}"
        );
        assert_eq!(
            verifier
                .verify(&issuer.org("org_a").token())
                .await
                .unwrap_err()
                .code(),
            "keys_unavailable"
        );
    }
    assert_eq!(issuer.hits(Endpoint::Jwks), 0);
}

#[tokio::test]
async fn jwks_url_needs_no_discovery() {
    let issuer = LocalIssuer::start().await.unwrap();
    let trusted = Verifier::kinde(issuer.url())
        .audience(AUDIENCE)
        .jwks_url(issuer.jwks_uri());
    let verifier = Verifier::builder([trusted]).build_ready().await.unwrap();
    assert!(verifier.is_ready());
    verifier.verify(&issuer.org("org_a").token()).await.unwrap();
    assert_eq!(
        (
            issuer.hits(Endpoint::Discovery),
            issuer.hits(Endpoint::Jwks)
        ),
        (0, 1)
    );
}

/// Rule 43.
///
/// Every algorithm works, from a key set and from a PEM string. Each key works with its own
/// algorithm only.
#[tokio::test]
async fn every_algorithm_works_from_key_set_and_pem() {
    let rsa = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    for algorithm in SigningAlgorithm::ALL {
        let key = rsa
            .clone()
            .with_algorithm(algorithm)
            .unwrap_or_else(|| SigningKey::generate(algorithm).unwrap());
        let issuer = LocalIssuer::builder()
            .clock(tower_m2m::Clock::manual(NOW))
            .algorithm(SigningAlgorithm::Es256);
        let issuer = issuer
            .profile(Shape::Rfc9068)
            .in_process("https://issuer.example")
            .unwrap();
        let trusted = || {
            Verifier::issuer(issuer.url())
                .audience(AUDIENCE)
                .algorithms(Algorithm::ALL)
        };
        let set = build(trusted().jwk_set(format!(r#"{{"keys":[{}]}}"#, key.public_jwk())));
        let pem = build(trusted().public_key_pem(algorithm_of(&key), key.public_pem()));
        let token = issuer.org("org_a").signed_with(&key);
        for (source, verifier) in [("set", &set), ("pem", &pem)] {
            verifier
                .verify(&token.token())
                .await
                .unwrap_or_else(|error| panic!("{algorithm} from a {source}: {error}"));
            for other in SigningAlgorithm::ALL
                .into_iter()
                .filter(|other| *other != algorithm)
            {
                let claimed = token.clone().header("alg", other.as_str()).token();
                assert!(
                    verifier.verify(&claimed).await.is_err(),
                    "{algorithm} taken for {other}"
                );
            }
            let foreign = issuer.org("org_a").token();
            assert!(
                verifier.verify(&foreign).await.is_err(),
                "{algorithm} from a {source}"
            );
        }
        // A PEM string has no name, so any `kid` or none is accepted. A key of a set has a name.
        assert!(
            pem.verify(&token.clone().header("kid", "other").token())
                .await
                .is_ok()
        );
        assert_eq!(
            set.verify(&token.clone().header("kid", "other").token())
                .await
                .unwrap_err()
                .code(),
            "unknown_key"
        );
        assert!(
            set.verify(&token.without_header("kid").token())
                .await
                .is_ok()
        );
    }
}

/// Rule 39.
///
/// RFC 9864 has a second name for the same algorithm.
#[tokio::test]
async fn ed25519_has_two_algorithm_names() {
    let issuer = LocalIssuer::builder()
        .algorithm(SigningAlgorithm::EdDsa)
        .profile(Shape::Rfc9068);
    let issuer = issuer
        .clock(tower_m2m::Clock::manual(NOW))
        .in_process("https://issuer.example")
        .unwrap();
    let mut jwks: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    jwks["keys"][0]["alg"] = "Ed25519".into();
    for jwks in [jwks.to_string(), issuer.jwks()] {
        let verifier = build(
            Verifier::issuer(issuer.url())
                .audience(AUDIENCE)
                .jwk_set(jwks),
        );
        for alg in ["EdDSA", "Ed25519"] {
            verifier
                .verify(&issuer.org("org_a").header("alg", alg).token())
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn application_function_can_fetch_keys() {
    let issuer = Arc::new(LocalIssuer::in_process("https://acme.kinde.com").unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let trusted = Verifier::kinde("acme").audience(AUDIENCE).fetch_with({
        let (issuer, asked) = (Arc::clone(&issuer), Arc::clone(&asked));
        move |request| {
            asked.lock().unwrap().push((
                request.uri().to_string(),
                request.headers().contains_key("authorization"),
            ));
            let metadata =
                r#"{"issuer":"https://acme.kinde.com","jwks_uri":"https://keys.example/jwks"}"#;
            let body = if request.uri().path() == "/jwks" {
                issuer.jwks()
            } else {
                metadata.to_owned()
            };
            async move { Ok(Response::new(body.into_bytes())) }
        }
    });
    let verifier = trusted.build().unwrap();
    verifier.verify(&issuer.org("org_a").token()).await.unwrap();
    let metadata = "https://acme.kinde.com/.well-known/openid-configuration";
    let expected = [
        (metadata.to_owned(), false),
        ("https://keys.example/jwks".to_owned(), false),
    ];
    assert_eq!(*asked.lock().unwrap(), expected);
}
