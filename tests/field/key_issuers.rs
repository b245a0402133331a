//! Keys that belong to an issuer of their own, as in the key sets of Microsoft Entra.

use serde_json::{Value, json};
use tower_m2m::jwks::{KeyError, KeySet};
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::token::TokenError;
use tower_m2m::{Algorithm, Issuer, Profile, Verifier};

use super::support::{build, jwks, key, sign, token, verdict, with};

const OURS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const THEIRS: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

fn v2(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

fn v1(tenant: &str) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

/// The `common` set of Entra: a key for every tenant, one of our tenant, one of another tenant.
struct CommonSet {
    template: SigningKey,
    ours: SigningKey,
    theirs: SigningKey,
}

impl CommonSet {
    fn new() -> Self {
        let named = |kid: &str| key(SigningAlgorithm::Es256).with_kid(kid);
        Self {
            template: named("template"),
            ours: named("ours"),
            theirs: named("theirs"),
        }
    }

    fn jwks(&self) -> String {
        let bound = |key: &SigningKey, issuer: &str| {
            with(&key.public_jwk(), &[("issuer", Some(issuer.into()))])
        };
        jwks(&[
            bound(&self.template, &v2("{tenantid}")),
            bound(&self.ours, &v2(OURS)),
            bound(&self.theirs, &v2(THEIRS)),
        ])
    }

    fn trusted(&self, issuer: &str, profile: Profile) -> Issuer {
        Verifier::issuer(issuer)
            .audience(AUDIENCE)
            .profile(profile)
            .algorithms([Algorithm::ES256])
            .jwk_set(self.jwks())
    }
}

fn application(issuer: &str, tid: Option<&str>) -> Value {
    let claims =
        json!({ "iss": issuer, "azp": "app", "idtyp": "app", "roles": ["read"], "tid": tid });
    if tid.is_some() {
        claims
    } else {
        with(&claims, &[("tid", None)])
    }
}

/// A key of another tenant signs no tokens for ours. That tenant may have created the key itself.
#[test]
fn key_of_another_tenant_verifies_no_token() {
    let keys = CommonSet::new();
    for profile in [Profile::ENTRA, Profile::GENERIC] {
        for issuer in [v2(OURS), v1(OURS)] {
            let verifier = build(keys.trusted(&issuer, profile.clone()));
            let of = |key, tid| verdict(&verifier, &token(key, &application(&issuer, tid)));
            assert_eq!(of(&keys.ours, Some(OURS)), Ok(()), "{issuer}");
            assert_eq!(of(&keys.template, Some(OURS)), Ok(()), "{issuer}");
            for tid in [Some(OURS), Some(THEIRS)] {
                assert_eq!(
                    of(&keys.theirs, tid),
                    Err("unknown_key"),
                    "{issuer} {tid:?}"
                );
            }
        }
    }
}

/// A key of every tenant signs for the tenant that `tid` and `iss` name.
#[test]
fn template_key_needs_the_tenant_of_iss() {
    let keys = CommonSet::new();
    for profile in [Profile::ENTRA, Profile::GENERIC] {
        let verifier = build(keys.trusted(&v2(OURS), profile));
        for tid in [
            json!(THEIRS),
            json!(OURS.to_uppercase()),
            json!(format!("{OURS} ")),
            json!("{tenantid}"),
            json!(""),
            json!(null),
            json!([OURS]),
            json!({ "tid": OURS }),
        ] {
            let claims = with(&application(&v2(OURS), None), &[("tid", Some(tid.clone()))]);
            assert_eq!(
                verdict(&verifier, &token(&keys.template, &claims)),
                Err("key_of_other_issuer"),
                "{tid}"
            );
        }
        let without = application(&v2(OURS), None);
        assert_eq!(
            verdict(&verifier, &token(&keys.template, &without)),
            Err("key_of_other_issuer")
        );
    }
}

/// The `kid` makes no difference: it may be missing, or several keys may have the same one.
#[test]
fn key_without_matching_issuer_is_never_a_candidate() {
    let keys = CommonSet::new();
    let claims = token_claims(&v2(OURS));
    let verifier = build(keys.trusted(&v2(OURS), Profile::ENTRA));
    let header = r#"{"alg":"ES256","typ":"JWT"}"#;
    assert_eq!(
        verdict(&verifier, &sign(&keys.ours, header, &claims)),
        Ok(())
    );
    assert_eq!(
        verdict(&verifier, &sign(&keys.theirs, header, &claims)),
        Err("invalid_signature")
    );
    // The attacker's key has the `kid` of our key.
    let theirs = with(
        &keys.theirs.clone().with_kid("ours").public_jwk(),
        &[("issuer", Some(v2(THEIRS).into()))],
    );
    let set = jwks(&[theirs, keys.ours.public_jwk()]);
    let verifier = build(keys.trusted(&v2(OURS), Profile::ENTRA).jwk_set(set));
    let named = r#"{"alg":"ES256","kid":"ours"}"#;
    assert_eq!(
        verdict(&verifier, &sign(&keys.ours, named, &claims)),
        Ok(())
    );
    assert_eq!(
        verdict(&verifier, &sign(&keys.theirs, named, &claims)),
        Err("invalid_signature")
    );
}

fn token_claims(issuer: &str) -> String {
    with(
        &application(issuer, Some(OURS)),
        &[
            ("aud", Some(AUDIENCE.into())),
            ("exp", Some((super::support::NOW + 600).into())),
        ],
    )
    .to_string()
}

/// A key that can match no token is unusable, with a reason; a set of such keys only is a
/// configuration error.
#[test]
fn key_of_another_issuer_is_unusable_with_a_reason() {
    let keys = CommonSet::new();
    let verifier = build(keys.trusted(&v2(OURS), Profile::ENTRA));
    let status = verifier.status().remove(0);
    assert_eq!(status.keys.len(), 2);
    assert_eq!(status.unusable_keys.len(), 1);
    assert_eq!(status.unusable_keys[0].reason, KeyError::OtherIssuer);
    assert_eq!(status.unusable_keys[0].kid.as_deref(), Some("theirs"));
    for issuer in [
        "https://login.microsoftonline.us/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        "https://login.microsoftonline.com/acme/v2.0",
        "https://evil.example",
    ] {
        let error = Verifier::builder([keys.trusted(issuer, Profile::ENTRA)])
            .build()
            .unwrap_err();
        assert_eq!(
            error.setting(),
            "issuers[0].jwk_set".trim_start_matches("issuers[0].")
        );
        assert!(error.to_string().contains("another issuer"), "{error}");
    }
}

/// A `KeySet` alone has no issuer, so a bound key verifies no token.
#[test]
fn bound_key_needs_an_issuer() {
    let key = key(SigningAlgorithm::Es256);
    let bound = with(&key.public_jwk(), &[("issuer", Some(v2(OURS).into()))]);
    let set = KeySet::parse(jwks(&[bound]).as_bytes(), &[Algorithm::ES256]).unwrap();
    assert_eq!(set.keys().count(), 1);
    let signature = key.sign(b"message").unwrap();
    assert_eq!(
        set.verify(Some("k"), Algorithm::ES256, b"message", &signature),
        Err(TokenError::KeyOfOtherIssuer)
    );
}

/// Any issuer can publish the member, and its template can name any host.
#[test]
fn binding_works_for_other_issuers_too() {
    let key = key(SigningAlgorithm::EdDsa);
    let ours = format!("https://acme.ciamlogin.com/{OURS}/v2.0");
    for (named, expected) in [
        (
            "https://acme.ciamlogin.com/{tenantid}/v2.0".to_owned(),
            Ok(()),
        ),
        (ours.clone(), Ok(())),
    ] {
        let bound = with(&key.public_jwk(), &[("issuer", Some(named.clone().into()))]);
        let trusted = Verifier::issuer(ours.clone())
            .audience(AUDIENCE)
            .jwk_set(jwks(&[bound]));
        let claims = json!({ "iss": ours, "tid": OURS });
        assert_eq!(
            verdict(&build(trusted), &token(&key, &claims)),
            expected,
            "{named}"
        );
    }
    for named in [
        "https://evil.ciamlogin.com/{tenantid}/v2.0",
        "https://acme.ciamlogin.com/{tenantid}",
        "{tenantid}",
        "",
    ] {
        let bound = with(&key.public_jwk(), &[("issuer", Some(named.into()))]);
        let trusted = Verifier::issuer(ours.clone())
            .audience(AUDIENCE)
            .jwk_set(jwks(&[bound]));
        assert!(trusted.build().is_err(), "{named}");
    }
}

/// Fetched and restored keys are bound like configured ones.
#[tokio::test]
async fn fetched_and_restored_keys_are_bound() {
    let keys = CommonSet::new();
    let body = keys.jwks();
    let trusted = || {
        let body = body.clone();
        Verifier::issuer(v2(OURS))
            .audience(AUDIENCE)
            .profile(Profile::ENTRA)
            .algorithms([Algorithm::ES256])
            .jwks_url("https://login.microsoftonline.com/common/discovery/v2.0/keys")
            .fetch_with(move |_| {
                let body = body.clone();
                async move { Ok(http::Response::new(body.into_bytes())) }
            })
    };
    let clock = tower_m2m::Clock::manual(super::support::NOW);
    let builder = || Verifier::builder([trusted()]).clock(clock.clone());
    let fetched = builder().build_ready().await.unwrap();
    let restored = builder()
        .start_lazily()
        .restore_keys(fetched.export_keys())
        .build()
        .unwrap();
    for verifier in [fetched, restored] {
        let claims = application(&v2(OURS), Some(OURS));
        assert_eq!(verifier.status()[0].unusable_keys.len(), 1);
        for (key, expected) in [
            (&keys.ours, Ok(())),
            (&keys.template, Ok(())),
            (&keys.theirs, Err("unknown_key")),
        ] {
            let result = verifier.verify(&token(key, &claims)).await;
            let verdict = result.map(|_| ()).map_err(|rejection| rejection.code());
            assert_eq!(verdict, expected, "{}", key.kid());
        }
    }
}
