//! Vulnerabilities of other libraries, one test for each class, named after it.

use std::sync::{Arc, Mutex};

use http::header::WWW_AUTHENTICATE;
use serde_json::json;
use tower_m2m::jwks::{KeyError, KeySet};
use tower_m2m::testing::forged::{self, Forgery};
use tower_m2m::testing::{
    AUDIENCE, LocalIssuer, Profile, SigningAlgorithm, SigningKey, TokenBuilder,
};
use tower_m2m::{Algorithm, AuthorizeLayer, Clock, OrganizationSource, Scope, Verifier};

use super::no_echo::send;
use super::support::{ISSUER, NOW, base64url, issuer, verifier, verify};

struct Scene {
    issuer: LocalIssuer,
    verifier: Verifier,
    good: TokenBuilder,
}

/// Creates a valid token, which is accepted. So a rejection is caused only by the change of the
/// test.
fn scene(algorithm: SigningAlgorithm) -> Scene {
    let clock = Clock::manual(NOW);
    let issuer = issuer(algorithm, Profile::Rfc9068, &clock);
    let verifier = verifier(&issuer, &clock, |issuer| issuer);
    let good = issuer.org("org_a").scopes(["read"]);
    assert_eq!(send(&verifier.layer(), &good.bearer(), "/").status(), 200);
    Scene {
        issuer,
        verifier,
        good,
    }
}

fn assert_rejected(scene: &Scene, forgeries: &[fn(&TokenBuilder) -> Forgery]) {
    for forge in forgeries {
        let forgery = forge(&scene.good);
        let status = send(&scene.verifier.layer(), forgery.authorization(), "/")
            .status()
            .as_u16();
        assert_eq!(status, forgery.expected().status(), "{}", forgery.name());
    }
}

/// Rule 45.
///
/// CVE-2015-9235, CVE-2018-1000531.
#[test]
fn attack_alg_none() {
    let scene = scene(SigningAlgorithm::Rs256);
    assert_rejected(
        &scene,
        &[
            forged::alg_none,
            forged::alg_none_mixed_case,
            forged::alg_none_with_signature,
            forged::empty_signature,
        ],
    );
}

/// Rule 46.
///
/// CVE-2016-10555, CVE-2022-29217, CVE-2026-34950, CVE-2026-48526.
#[test]
fn attack_rs_hs_confusion() {
    for algorithm in [
        SigningAlgorithm::Rs256,
        SigningAlgorithm::Es256,
        SigningAlgorithm::EdDsa,
    ] {
        let scene = scene(algorithm);
        assert_rejected(
            &scene,
            &[
                forged::key_confusion_hs256,
                forged::key_confusion_hs384,
                forged::key_confusion_hs512,
                forged::key_confusion_trimmed_pem,
                forged::key_confusion_pkcs1_pem,
                forged::key_confusion_der,
                forged::key_confusion_bare,
                forged::key_confusion_modulus,
                forged::key_confusion_jwk,
                forged::hs256_empty_secret,
            ],
        );
        let oct = br#"{"keys":[{"kty":"oct","kid":"k","alg":"HS256","k":"AAAA"}]}"#;
        assert_eq!(
            KeySet::parse(oct, &Algorithm::ALL).unwrap().unusable_keys()[0].reason,
            KeyError::SymmetricKey
        );
    }
}

/// Rule 43.
///
/// CVE-2026-22817, CVE-2026-22818: a key without `alg` is still used with one algorithm, never with
/// the token's.
#[test]
fn attack_algorithm_chosen_by_token() {
    let key = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    let mut jwk = key.public_jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    let allowed = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256];
    let keys = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes(), &allowed).unwrap();
    for (signing, algorithm, holds) in [
        (SigningAlgorithm::Rs256, Algorithm::RS256, true),
        (SigningAlgorithm::Ps256, Algorithm::PS256, false),
        (SigningAlgorithm::Rs512, Algorithm::RS512, false),
    ] {
        let signature = key
            .clone()
            .with_algorithm(signing)
            .unwrap()
            .sign(b"a.b")
            .unwrap();
        assert_eq!(
            keys.verify(Some(key.kid()), algorithm, b"a.b", &signature)
                .is_ok(),
            holds,
            "{algorithm}"
        );
    }
}

/// Rule 53.
///
/// CVE-2018-0114, CVE-2024-21643: keys in a token or behind its URLs are never used and never
/// fetched.
#[test]
fn attack_embedded_keys() {
    let scene = scene(SigningAlgorithm::Rs256);
    assert_rejected(
        &scene,
        &[
            forged::embedded_jwk,
            forged::embedded_jwk_same_kid,
            forged::jku_header,
            forged::x5u_header,
            forged::x5c_header,
        ],
    );
    // The URLs are recorded and checked later, because a panic in a fetch function is a failed
    // fetch and does not fail the test.
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (notes, jwks) = (Arc::clone(&asked), scene.issuer.jwks());
    let remote = Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .jwks_url(format!("{ISSUER}/keys"))
        .fetch_with(move |request| {
            notes.lock().unwrap().push(request.uri().to_string());
            let response = http::Response::new(jwks.clone().into_bytes());
            async move { Ok(response) }
        });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let verifier = Verifier::builder([remote])
            .clock(Clock::manual(NOW))
            .build_ready()
            .await
            .unwrap();
        verifier.verify(&scene.good.token()).await.unwrap();
        for forge in [
            forged::embedded_jwk,
            forged::embedded_jwk_same_kid,
            forged::jku_header,
            forged::x5u_header,
        ] {
            assert!(verifier.verify(forge(&scene.good).token()).await.is_err());
        }
    });
    let asked = asked.lock().unwrap();
    // One fetch of the first set, and one for the name of the attacker's key.
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        asked.iter().all(|uri| *uri == format!("{ISSUER}/keys")),
        "it fetched a URL of a token: {asked:?}"
    );
}

/// Rule 52.
///
/// `kid` is a name that is only compared.
#[test]
fn attack_kid_injection() {
    let scene = scene(SigningAlgorithm::EdDsa);
    assert_rejected(
        &scene,
        &[
            forged::kid_path_traversal,
            forged::kid_sql,
            forged::kid_over_long,
            forged::kid_as_number,
            forged::unknown_kid,
        ],
    );
}

/// Rule 32.
///
/// CVE-2025-59420, CVE-2026-32597.
#[test]
fn attack_ignored_crit() {
    let scene = scene(SigningAlgorithm::EdDsa);
    for crit in [
        json!(["b64"]),
        json!(["exp"]),
        json!(["http://x"]),
        json!([]),
        json!("exp"),
        json!(null),
        json!({}),
    ] {
        let token = scene
            .good
            .clone()
            .header("crit", crit.clone())
            .header("b64", true)
            .header("http://x", 1);
        assert!(verify(&scene.verifier, &token.token()).is_err(), "{crit}");
    }
}

/// Rule 36.
///
/// CVE-2020-28042, CVE-2022-21449 ("psychic signatures").
#[test]
fn attack_empty_and_zero_signatures() {
    for algorithm in SigningAlgorithm::ALL {
        let scene = scene(algorithm);
        assert_rejected(
            &scene,
            &[
                forged::empty_signature,
                forged::zero_signature,
                forged::truncated_signature,
                forged::doubled_signature,
            ],
        );
    }
}

/// Rule 28.
///
/// CVE-2022-25898, and signatures that encode a valid one differently.
#[test]
fn attack_lax_encodings() {
    let scene = scene(SigningAlgorithm::Rs256);
    assert_rejected(
        &scene,
        &[
            forged::padded_signature,
            forged::non_canonical_base64,
            forged::standard_base64,
            forged::padded_base64,
            forged::signature_over_decoded_text,
            forged::extended_signature,
        ],
    );
}

/// Rules 37, 39, 55.
///
/// CVE-2017-12974, RUSTSEC-2026-0240, CVE-2022-23539.
#[test]
fn attack_invalid_keys() {
    let zeros = |len: usize| base64url(vec![0_u8; len]);
    let mut identity = vec![0_u8; 32];
    identity[0] = 1;
    for (jwk, reason) in [
        (
            json!({"kty":"EC","crv":"P-256","x":zeros(32),"y":zeros(32)}),
            KeyError::InvalidPoint,
        ),
        (
            json!({"kty":"EC","crv":"P-256","x":base64url([1; 32]),"y":base64url([1; 32])}),
            KeyError::InvalidPoint,
        ),
        (
            json!({"kty":"EC","crv":"P-384","x":zeros(48),"y":zeros(48)}),
            KeyError::InvalidPoint,
        ),
        (
            json!({"kty":"EC","crv":"P-256","x":zeros(31),"y":zeros(32)}),
            KeyError::InvalidPoint,
        ),
        (
            json!({"kty":"EC","crv":"P-256","x":base64url([1; 33]),"y":zeros(32)}),
            KeyError::Malformed,
        ),
        (
            json!({"kty":"OKP","crv":"Ed25519","x":zeros(32)}),
            KeyError::InvalidPoint,
        ),
        (
            json!({"kty":"OKP","crv":"Ed25519","x":base64url(identity)}),
            KeyError::InvalidPoint,
        ),
        (
            json!({"kty":"OKP","crv":"X25519","x":base64url([9; 32])}),
            KeyError::UnsupportedKeyType,
        ),
        (
            json!({"kty":"RSA","n":base64url([0xff; 128]),"e":"AQAB"}),
            KeyError::UnsupportedKeySize,
        ),
        (
            json!({"kty":"RSA","n":base64url([0xff; 1025]),"e":"AQAB"}),
            KeyError::UnsupportedKeySize,
        ),
        (
            json!({"kty":"RSA","n":base64url([0xff; 256]),"e":"AQ"}),
            KeyError::InvalidExponent,
        ),
        (
            json!({"kty":"RSA","n":base64url([0xff; 256]),"e":"Ag"}),
            KeyError::InvalidExponent,
        ),
    ] {
        let set = KeySet::parse(
            json!({ "keys": [jwk] }).to_string().as_bytes(),
            &Algorithm::ALL,
        )
        .unwrap();
        assert_eq!(
            set.unusable_keys().first().map(|key| key.reason),
            Some(reason),
            "{jwk}"
        );
    }
}

/// The heap overflow in `HAProxy`'s ECDSA conversion needed a signature of 21,830 characters.
#[test]
fn attack_oversized_signature() {
    let scene = scene(SigningAlgorithm::Es256);
    let token = scene.good.token();
    let (input, _) = token.rsplit_once('.').unwrap();
    for len in [87, 1368, 1369, 1372, 7000, 21_830] {
        assert!(
            verify(&scene.verifier, &format!("{input}.{}", "A".repeat(len))).is_err(),
            "{len}"
        );
    }
}

/// Rule 26.
///
/// CVE-2022-39227, CVE-2026-29000.
#[test]
fn attack_json_serialization() {
    let scene = scene(SigningAlgorithm::EdDsa);
    let token = scene.good.token();
    let parts: Vec<&str> = token.split('.').collect();
    let flat =
        json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] }).to_string();
    for text in [
        flat.clone(),
        format!(
            "{{\"{}\":1,\"protected\":\"{}\",\"payload\":\"{}\",\"signature\":\"{}\"}}",
            token, parts[0], parts[1], parts[2]
        ),
        format!("{token}.{token}"),
        format!(
            "{}.{}.{}.{}.{}",
            parts[0], parts[0], parts[1], parts[1], parts[2]
        ),
        base64url(flat),
    ] {
        assert!(verify(&scene.verifier, &text).is_err());
    }
}

/// Rules 8, 41.
///
/// CVE-2025-27144, CVE-2025-61920, CVE-2025-53864: the token is rejected before expensive work.
/// Each limit is a constant, and the tests beside the parsers check it.
#[test]
fn attack_parser_exhaustion() {
    let scene = scene(SigningAlgorithm::EdDsa);
    let signed = |payload: String| {
        scene
            .issuer
            .sign_raw(&scene.good.header_json(), payload.as_bytes())
    };
    for token in [
        ".".repeat(8000),
        "a.".repeat(4000),
        "A".repeat(1 << 20),
        signed("[".repeat(4000)),
        signed(format!(
            "{{\"a\":{}1{}}}",
            "[".repeat(2000),
            "]".repeat(2000)
        )),
        signed(format!("{{\"a\":[{}1]}}", "1,".repeat(2500))),
    ] {
        assert!(verify(&scene.verifier, &token).is_err());
    }
}

/// Rule 65.
///
/// CVE-2026-25537, CVE-2025-30144, CVE-2024-53861, CVE-2020-26160: a claim of the wrong type does
/// not count as absent.
#[test]
fn attack_claim_type_confusion() {
    let scene = scene(SigningAlgorithm::EdDsa);
    for (claim, values) in [
        (
            "exp",
            vec![
                json!("9999999999"),
                json!(null),
                json!([NOW + 60]),
                json!(true),
                json!(1e300),
                json!(-1),
            ],
        ),
        // `null` is absent for these two, which no rule requires here.
        ("nbf", vec![json!("0"), json!([0]), json!({})]),
        ("iat", vec![json!("0"), json!(false)]),
        (
            "iss",
            vec![
                json!([ISSUER]),
                json!([ISSUER, "x"]),
                json!("https://issuer.exampl"),
                json!("https://issuer.example.evil"),
                json!(""),
            ],
        ),
        (
            "aud",
            vec![
                json!([]),
                json!({ AUDIENCE: 1 }),
                json!("https://api.example.co"),
                json!([[AUDIENCE]]),
                json!([AUDIENCE, 1]),
            ],
        ),
        (
            "scope",
            vec![json!(1), json!({}), json!("a\u{7f}b"), json!(true)],
        ),
        ("sub", vec![json!(1), json!([]), json!(["a"])]),
    ] {
        for value in values {
            let token = scene.good.clone().claim(claim, value.clone());
            assert!(
                verify(&scene.verifier, &token.token()).is_err(),
                "{claim}={value}"
            );
        }
    }
}

/// Rule 63.
///
/// CVE-2023-22482, CVE-2021-21378.
#[test]
fn attack_unchecked_audience_or_issuer() {
    let scene = scene(SigningAlgorithm::EdDsa);
    for claim in ["aud", "iss", "exp"] {
        assert!(
            verify(&scene.verifier, &scene.good.clone().without(claim).token()).is_err(),
            "without {claim}"
        );
    }
    assert!(
        verify(
            &scene.verifier,
            &scene.good.clone().audience("https://other.example").token()
        )
        .is_err()
    );
    assert!(
        verify(
            &scene.verifier,
            &scene
                .good
                .clone()
                .claim("iss", "https://other.example")
                .token()
        )
        .is_err()
    );
}

/// CVE-2026-35030, CVE-2021-32701, lua-resty-openidc #399: the cache compares the whole token. The
/// clock, the scopes and the organization of a cached token are checked as for any other token.
#[test]
fn attack_verified_token_cache() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let trusted = Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .jwk_set(issuer.jwks());
    let verifier = Verifier::builder([trusted])
        .clock(clock.clone())
        .build()
        .unwrap();
    let good = issuer
        .org("org_a")
        .scopes(["read"])
        .expires_in(std::time::Duration::from_secs(60));
    let layer = |settings: fn(AuthorizeLayer) -> AuthorizeLayer| settings(verifier.layer());
    let open = layer(|layer| layer);
    let bearer = good.bearer();
    for _ in 0..2 {
        assert_eq!(send(&open, &bearer, "/").status(), 200);
        assert_eq!(
            send(
                &layer(|layer| layer.require(Scope::from_static("write"))),
                &bearer,
                "/"
            )
            .status(),
            403
        );
        let path =
            layer(|layer| layer.organization_from(OrganizationSource::path("/orgs/{org_code}")));
        assert_eq!(send(&path, &bearer, "/orgs/org_b").status(), 403);
        assert_eq!(
            send(&layer(AuthorizeLayer::only_global), &bearer, "/").status(),
            403
        );
    }
    // Another token with the same beginning and the same end.
    let other = issuer.org("org_b").scopes(["read"]).token();
    let (_, end) = bearer.split_at(bearer.len() - 60);
    assert_eq!(
        send(
            &open,
            &format!("Bearer {}{end}", &other[..other.len() - 60]),
            "/"
        )
        .status(),
        401
    );
    clock.advance(std::time::Duration::from_secs(60 + 30));
    assert_eq!(
        send(&open, &bearer, "/").status(),
        401,
        "cached after it expired"
    );
}

/// Rule 10.
///
/// CVE-2026-47673.
#[test]
fn attack_other_authorization_scheme() {
    let scene = scene(SigningAlgorithm::EdDsa);
    let token = scene.good.token();
    for scheme in ["Basic", "DPoP", "Token", "JWT", "BearerX", "Bear"] {
        assert_eq!(
            send(&scene.verifier.layer(), &format!("{scheme} {token}"), "/").status(),
            401,
            "{scheme}"
        );
    }
    // A token without a scheme is malformed.
    for bare in [token.clone(), format!(" {token}")] {
        assert_eq!(send(&scene.verifier.layer(), &bare, "/").status(), 400);
    }
}

/// Rule 40.
///
/// CVE-2019-7644: before the signature is valid, every rejection has the same response, byte for
/// byte (rules 40, 78).
#[test]
fn attack_verification_oracle() {
    let scene = scene(SigningAlgorithm::EdDsa);
    let mut answers = std::collections::BTreeSet::new();
    for forge in [
        forged::bad_signature,
        forged::unknown_kid,
        forged::alg_none_with_signature,
        forged::swapped_payload,
        forged::embedded_jwk,
        forged::typ_unknown,
        forged::truncated_signature,
        forged::kid_over_long,
    ] {
        let response = send(
            &scene.verifier.layer(),
            forge(&scene.good).authorization(),
            "/",
        );
        let challenge = response.headers()[WWW_AUTHENTICATE]
            .to_str()
            .unwrap()
            .to_owned();
        answers.insert((
            response.status().as_u16(),
            challenge,
            response.body().clone(),
        ));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

/// Rules 109, 118.
///
/// mcp-oauth #383, spring-security #16937.
#[test]
fn attack_bound_token_as_bearer() {
    let scene = scene(SigningAlgorithm::EdDsa);
    for cnf in [
        json!({"jkt":"x"}),
        json!({"x5t#S256":"x"}),
        json!({}),
        json!(false),
        json!("x"),
    ] {
        assert!(
            verify(
                &scene.verifier,
                &scene.good.clone().claim("cnf", cnf.clone()).token()
            )
            .is_err(),
            "{cnf}"
        );
    }
}

/// Rule 156.
///
/// GHSA-2g96-86rw-qmvg, granit #2133: only the token selects the calling organization, and no
/// unusual value means "all of them".
#[test]
fn attack_tenant_isolation() {
    let scene = scene(SigningAlgorithm::EdDsa);
    let layer = scene.verifier.layer().allow_global();
    for odd in [
        json!(null),
        json!(""),
        json!([]),
        json!(["org_a"]),
        json!({}),
        json!(0),
        json!(false),
        json!(" "),
        json!("*\u{200b}"),
    ] {
        let token = scene.good.clone().claim("org_code", odd.clone());
        assert_eq!(send(&layer, &token.bearer(), "/").status(), 401, "{odd}");
    }
    // A token without an organization is admitted only if the layer allows it.
    let global = scene.issuer.global();
    assert_eq!(send(&layer, &global.bearer(), "/").status(), 200);
    assert_eq!(
        send(&scene.verifier.layer(), &global.bearer(), "/").status(),
        403
    );
    let routed = layer.organization_from(OrganizationSource::path("/orgs/{org_code}"));
    assert_eq!(send(&routed, &global.bearer(), "/orgs/org_a").status(), 403);
}

/// Rule 158.
///
/// CVE-2020-8595, CVE-2021-31920: the compared value is the one that the handler decodes. If it
/// cannot be decoded, the request is rejected.
#[test]
fn attack_path_normalization() {
    let scene = scene(SigningAlgorithm::EdDsa);
    let layer = scene
        .verifier
        .layer()
        .organization_from(OrganizationSource::path("/orgs/{org_code}/x"));
    for (path, status) in [
        ("/orgs/org_a/x", 200),
        ("/orgs/org%5Fa/x", 200),
        ("/%6Frgs/org_b/x", 403),
        ("/orgs/org_b/x", 403),
        ("/orgs/org_a%2F..%2Forg_b/x", 403),
        ("/orgs/org_a%2Fx/x", 403),
        ("/orgs/%2e%2e/x", 403),
        ("/orgs//x", 403),
        ("/orgs/org%255Fa/x", 403),
        ("/orgs/org_a%00/x", 403),
        ("/orgs/org_a;v=1/x", 403),
        ("/orgs/ORG_A/x", 403),
        ("/orgs/%ff/x", 403),
        ("/orgs/org_a%/x", 403),
    ] {
        assert_eq!(
            send(&layer, &scene.good.bearer(), path).status(),
            status,
            "{path}"
        );
    }
}
