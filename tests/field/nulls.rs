//! `null` and empty strings, beyond the table of the guide.

use serde_json::{Value, json};
use std::time::Duration;
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::{Issuer, Profile, Verifier};

use super::support::{ISSUER, NOW, build, jwks, key, sign, token, verdict, verify, with};

fn trusted(key: &SigningKey) -> Issuer {
    Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .jwk_set(jwks(&[key.public_jwk()]))
}

/// Cloudflare Access writes an empty `sub` into the tokens of its service tokens.
#[test]
fn empty_subject_is_no_subject() {
    let key = key(SigningAlgorithm::EdDsa);
    let verifier = build(trusted(&key).client_id_claim("common_name"));
    for sub in [json!(""), json!(null)] {
        let claims = json!({ "type": "app", "common_name": "e367.access", "sub": sub, "jti": sub });
        let claims = verify(&verifier, &token(&key, &claims)).unwrap();
        assert_eq!((claims.subject(), claims.jti()), (None, None));
        assert_eq!(claims.client_id(), "e367.access");
    }
}

/// Values of a wrong type are never absent.
#[test]
fn other_types_are_never_absent() {
    let key = key(SigningAlgorithm::EdDsa);
    let verifier = build(trusted(&key));
    for claim in ["sub", "jti", "iat", "nbf", "exp", "cnf", "act"] {
        for odd in [
            json!(false),
            json!([]),
            json!({}),
            json!([null]),
            json!("\u{0}"),
        ] {
            let token = token(&key, &json!({ claim: odd }));
            assert!(verdict(&verifier, &token).is_err(), "{claim}: {odd}");
        }
    }
    for claim in ["sub", "jti"] {
        for odd in [json!(0), json!(1.5)] {
            let token = token(&key, &json!({ claim: odd }));
            assert_eq!(
                verdict(&verifier, &token),
                Err("malformed_claim"),
                "{claim}: {odd}"
            );
        }
    }
}

/// `null` is no way around a rule that tells machine tokens from user tokens, in any profile.
#[test]
fn null_never_satisfies_a_machine_claim() {
    let key = key(SigningAlgorithm::Rs256);
    let api = "https://api.example";
    let cases = [
        (
            Profile::KINDE,
            json!({ "azp": "c", "gty": ["client_credentials"] }),
            vec!["gty"],
        ),
        (
            Profile::AUTH0,
            json!({ "azp": "c", "client_id": "c", "sub": "c@clients", "gty": "client-credentials" }),
            vec!["sub", "gty"],
        ),
        (
            Profile::OKTA,
            json!({ "cid": "c", "sub": "c" }),
            vec!["sub", "uid"],
        ),
        (
            Profile::ENTRA,
            json!({ "azp": "c", "idtyp": "app" }),
            vec!["idtyp", "scp"],
        ),
        (
            Profile::KEYCLOAK,
            json!({ "client_id": "c", "azp": "c" }),
            vec!["azp"],
        ),
        (
            Profile::COGNITO,
            json!({ "client_id": "c", "sub": "c", "token_use": "access" }),
            vec!["token_use", "sub"],
        ),
        (
            Profile::WORKOS,
            json!({ "client_id": "c", "sub": "c" }),
            vec!["sub", "sid"],
        ),
        (
            Profile::HYDRA,
            json!({ "client_id": "c", "sub": "c" }),
            vec!["sub"],
        ),
        (
            Profile::SCALEKIT,
            json!({ "client_id": "c", "sub": "c" }),
            vec!["sub"],
        ),
        // Here the subject is the client, too.
        (
            Profile::STYTCH,
            json!({ "sub": "m2m-client-1" }),
            vec!["sub"],
        ),
        (Profile::CLERK, json!({ "sub": "mch_1" }), vec!["sub"]),
    ];
    // Zitadel has no claim that distinguishes machines.
    let uncovered = Profile::ALL.iter().map(Profile::name).filter(|name| {
        let covered = |(profile, ..): &(Profile, Value, Vec<&str>)| profile.name() == *name;
        !cases.iter().any(covered)
    });
    assert_eq!(uncovered.collect::<Vec<_>>(), ["generic", "zitadel"]);
    for (profile, claims, machine_claims) in cases {
        let name = profile.name();
        let trusted = Verifier::issuer(ISSUER)
            .audience(api)
            .profile(profile)
            .jwk_set(jwks(&[key.public_jwk()]));
        let verifier = build(trusted);
        let claims = with(&claims, &[("aud", Some(api.into()))]);
        let claims = if claims.get("client_id").is_none() {
            with(&claims, &[("client_id", Some(Value::Null))])
        } else {
            claims
        };
        assert_eq!(verdict(&verifier, &token(&key, &claims)), Ok(()), "{name}");
        for claim in machine_claims {
            let forged = with(&claims, &[(claim, Some(Value::Null))]);
            assert_eq!(
                verdict(&verifier, &token(&key, &forged)),
                Err("wrong_grant_type"),
                "{name}: {claim}"
            );
        }
    }
}

/// What `null` means in the claims, it does not mean in the JSON reader: a second member is still a
/// duplicate.
#[test]
fn null_does_not_hide_a_duplicate() {
    let key = key(SigningAlgorithm::EdDsa);
    let verifier = build(trusted(&key));
    for claim in ["sub", "scope", "nbf", "act", "cnf", "client_id", "org_code"] {
        for pair in [
            format!(r#""{claim}":null,"{claim}":"x""#),
            format!(r#""{claim}":"x","{claim}":null"#),
        ] {
            let payload = format!(
                r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{},{pair}}}"#,
                NOW + 60
            );
            let token = sign(&key, r#"{"alg":"EdDSA","kid":"k"}"#, &payload);
            assert_eq!(
                verdict(&verifier, &token),
                Err("invalid_claims_set"),
                "{pair}"
            );
        }
    }
}

/// "Absent" holds for the settings that require a claim, too.
#[test]
fn null_is_missing_where_a_claim_is_required() {
    let key = key(SigningAlgorithm::EdDsa);
    let aged = build(trusted(&key).max_age(Duration::from_secs(600)));
    assert_eq!(
        verdict(&aged, &token(&key, &json!({ "iat": null }))),
        Err("missing_claim")
    );
    assert_eq!(verdict(&aged, &token(&key, &json!({ "iat": NOW }))), Ok(()));
    let strict = build(trusted(&key).require_rfc9068());
    let header = r#"{"alg":"EdDSA","kid":"k","typ":"at+jwt"}"#;
    let full = json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60, "iat": NOW, "jti": "1", "sub": "svc", "client_id": "svc", "azp": "svc",
    });
    assert_eq!(
        verdict(&strict, &sign(&key, header, &full.to_string())),
        Ok(())
    );
    for claim in ["sub", "jti", "iat", "client_id"] {
        for value in [json!(null), json!("")] {
            let token = sign(
                &key,
                header,
                &with(&full, &[(claim, Some(value.clone()))]).to_string(),
            );
            let code = verdict(&strict, &token).unwrap_err();
            assert!(
                ["missing_claim", "malformed_claim"].contains(&code),
                "{claim}: {value}: {code}"
            );
        }
    }
}

/// A Kinde token that a user took part in is no machine token, whatever else `gty` contains.
#[test]
fn kinde_grant_type_of_a_user_is_rejected() {
    let key = key(SigningAlgorithm::Rs256);
    let domain = "https://acme.kinde.com";
    let verifier = build(
        Verifier::kinde("acme")
            .audience(AUDIENCE)
            .jwk_set(jwks(&[key.public_jwk()])),
    );
    for (gty, expected) in [
        (json!("client_credentials"), Ok(())),
        (json!(["client_credentials"]), Ok(())),
        (json!(["other", "client_credentials"]), Ok(())),
        (
            json!(["client_credentials", "authorization_code"]),
            Err("wrong_grant_type"),
        ),
        (
            json!(["refresh_token", "client_credentials"]),
            Err("wrong_grant_type"),
        ),
        (
            json!(["client_credentials", "implicit"]),
            Err("wrong_grant_type"),
        ),
        (
            json!(["client_credentials", "password"]),
            Err("wrong_grant_type"),
        ),
        (
            json!([
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code"
            ]),
            Err("wrong_grant_type"),
        ),
        (
            json!("client_credentials authorization_code"),
            Err("wrong_grant_type"),
        ),
        (json!([["client_credentials"]]), Err("wrong_grant_type")),
        (
            json!({ "client_credentials": true }),
            Err("wrong_grant_type"),
        ),
    ] {
        let token = token(&key, &json!({ "iss": domain, "azp": "svc", "gty": gty }));
        assert_eq!(verdict(&verifier, &token), expected, "{gty}");
    }
}
