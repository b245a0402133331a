//! The organization of a token, with the shapes of real issuers and of attackers.

use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::{Issuer, Profile, Verifier};

use super::support::{ISSUER, build, jwks, key, sign, token, verify, with};

fn trusted(key: &SigningKey) -> Issuer {
    Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .jwk_set(jwks(&[key.public_jwk()]))
}

/// Returns the organization, `None` for a global token, or the code of the rejection.
fn org(verifier: &Verifier, token: &str) -> Result<Option<String>, &'static str> {
    verify(verifier, token)
        .map(|claims| claims.org_code().map(ToString::to_string))
        .map_err(|rejection| rejection.code())
}

const INVALID: Result<Option<String>, &str> = Err("invalid_organization");

#[expect(clippy::unnecessary_wraps, reason = "the result of `org`")]
fn acme() -> Result<Option<String>, &'static str> {
    Ok(Some("acme".to_owned()))
}

/// Keycloak's claim `organization`: an array of aliases, or an object by alias.
#[test]
fn keycloak_organization_has_exactly_one_member() {
    let key = key(SigningAlgorithm::Es256);
    let realm = "https://keycloak.acme.com/realms/acme";
    let service = |organization: Value| json!({ "iss": realm, "azp": "svc", "client_id": "svc", "scope": "read", "organization": organization });
    let trust = || {
        Verifier::issuer(realm)
            .audience(AUDIENCE)
            .profile(Profile::KEYCLOAK)
            .jwk_set(jwks(&[key.public_jwk()]))
    };
    let list = build(trust().organization_claim("/organization/0"));
    let map = build(trust().organization_claim_key("/organization"));
    for (organization, by_list, by_map) in [
        (json!(["acme"]), acme(), INVALID),
        (json!(["acme", "other"]), INVALID, INVALID),
        (json!(["acme", null]), INVALID, INVALID),
        (json!([]), INVALID, INVALID),
        (json!([["acme"]]), INVALID, INVALID),
        (json!([null]), INVALID, INVALID),
        (json!({ "acme": { "id": "7" } }), INVALID, acme()),
        (json!({ "acme": {}, "other": {} }), INVALID, INVALID),
        (json!({ "acme": {}, "0": {} }), INVALID, INVALID),
        (json!({}), INVALID, INVALID),
        (json!({ "0": "acme" }), acme(), Ok(Some("0".to_owned()))),
        (json!({ "ac me": {} }), INVALID, INVALID),
        (json!("acme"), INVALID, INVALID),
        (json!(null), INVALID, INVALID),
    ] {
        let token = token(&key, &service(organization.clone()));
        assert_eq!(org(&list, &token), by_list, "{organization}");
        assert_eq!(org(&map, &token), by_map, "{organization}");
    }
    let global = token(&key, &with(&service(json!(0)), &[("organization", None)]));
    assert_eq!(
        (org(&list, &global), org(&map, &global)),
        (Ok(None), Ok(None))
    );
}

/// Hydra writes `ext` into every token.
#[test]
fn hydra_global_tokens_need_a_setting() {
    let key = key(SigningAlgorithm::Es256);
    let hydra =
        |ext: Value| json!({ "client_id": "svc", "sub": "svc", "scp": ["read"], "ext": ext });
    let strict = build(trusted(&key).profile(Profile::HYDRA));
    let lenient = build(
        trusted(&key)
            .profile(Profile::HYDRA)
            .organization_may_be_absent_in("/ext"),
    );
    for (ext, by_strict, by_lenient) in [
        (json!({ "org_code": "acme" }), acme(), acme()),
        (json!({}), INVALID, Ok(None)),
        (json!({ "orgcode": "acme" }), INVALID, Ok(None)),
        (json!({ "org_code": null }), INVALID, INVALID),
        (json!({ "org_code": "" }), INVALID, INVALID),
        (json!({ "org_code": {} }), INVALID, INVALID),
        (json!(null), INVALID, INVALID),
        (json!([]), INVALID, INVALID),
        (json!([{ "org_code": "acme" }]), INVALID, INVALID),
        (json!("acme"), INVALID, INVALID),
    ] {
        let token = token(&key, &hydra(ext.clone()));
        assert_eq!(org(&strict, &token), by_strict, "{ext}");
        assert_eq!(org(&lenient, &token), by_lenient, "{ext}");
    }
}

/// Maskinporten: the organization inside an object inside an array.
#[test]
fn each_array_on_the_way_has_one_element() {
    let key = key(SigningAlgorithm::EdDsa);
    let verifier =
        build(trusted(&key).organization_claim("/authorization_details/0/systemuser_org/ID"));
    let system =
        |code: &str| json!({ "type": "urn:altinn:systemuser", "systemuser_org": { "ID": code } });
    for (details, expected) in [
        (json!([system("acme")]), acme()),
        (json!([system("acme"), system("acme")]), INVALID),
        (json!([system("acme"), {}]), INVALID),
        (json!([[system("acme")]]), INVALID),
        (json!(system("acme")), INVALID),
        (json!({ "0": system("acme") }), acme()),
        (json!([{ "systemuser_org": [{ "ID": "acme" }] }]), INVALID),
        (json!([{ "systemuser_org": { "id": "acme" } }]), INVALID),
    ] {
        let token = token(&key, &json!({ "authorization_details": details }));
        assert_eq!(org(&verifier, &token), expected, "{details}");
    }
}

/// Members that are written twice, also in escaped form, are no way to a second reading.
#[test]
fn duplicate_members_on_the_way_are_rejected() {
    let key = key(SigningAlgorithm::EdDsa);
    let header = r#"{"alg":"EdDSA","kid":"k"}"#;
    let common = format!(
        r#""iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{},"client_id":"svc""#,
        super::support::NOW + 60
    );
    let by_value = build(trusted(&key).organization_claim("/a/b"));
    let by_name = build(trusted(&key).organization_claim_key("/a"));
    for members in [
        r#""a":{"b":"acme"},"a":{"b":"other"}"#,
        r#""a":{"b":"acme","b":"other"}"#,
        r#""a":{"b":"acme","\u0062":"other"}"#,
        r#""a":{"b":"acme"},"\u0061":null"#,
        r#""a":{"b":{},"b":{}}"#,
    ] {
        let token = sign(&key, header, &format!("{{{common},{members}}}"));
        for verifier in [&by_value, &by_name] {
            assert_eq!(
                org(verifier, &token),
                Err("invalid_claims_set"),
                "{members}"
            );
        }
    }
}

#[test]
fn contradictory_organization_settings_do_not_build() {
    let key = key(SigningAlgorithm::EdDsa);
    for (issuer, setting) in [
        (
            trusted(&key)
                .organization_claim("/a")
                .organization_claim_key("/b"),
            "organization_claim_key",
        ),
        (
            trusted(&key)
                .organization_claim_key("/b")
                .organization_claim("/a"),
            "organization_claim_key",
        ),
        (
            trusted(&key).organization_claim_key("a"),
            "organization_claim_key",
        ),
        (trusted(&key).organization_claim("a"), "organization_claim"),
        (
            trusted(&key).organization_may_be_absent_in("/ext"),
            "organization_may_be_absent_in",
        ),
        (
            trusted(&key)
                .organization_claim("/a/b")
                .organization_may_be_absent_in("/a/b"),
            "organization_may_be_absent_in",
        ),
        (
            trusted(&key)
                .organization_claim("/ab/c")
                .organization_may_be_absent_in("/a"),
            "organization_may_be_absent_in",
        ),
        (
            trusted(&key)
                .organization_claim("/a/b")
                .organization_may_be_absent_in(""),
            "organization_may_be_absent_in",
        ),
        (
            trusted(&key)
                .organization_claim("/a/b")
                .organization_may_be_absent_in("/"),
            "organization_may_be_absent_in",
        ),
        (trusted(&key).client_id_claim("/"), "client_id_claim"),
        (trusted(&key).client_id_claim(""), "client_id_claim"),
    ] {
        assert_eq!(issuer.build().unwrap_err().setting(), setting);
    }
}
