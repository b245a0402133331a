//! The tables of the guide's chapter on claims, row by row.

use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::{Claims, Issuer, Verifier};

use super::support::{ISSUER, NOW, build, jwks, key, token, verify, with};

const CHAPTER: &str = include_str!("../../src/guide/claims.md");

/// Returns the cells of the table below a heading.
pub(crate) fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = CHAPTER
        .split("\n# ")
        .find(|section| section.starts_with(heading));
    let lines = section
        .unwrap()
        .lines()
        .filter(|line| line.starts_with('|'));
    let rows = lines.skip(2).map(|line| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(str::trim).collect()
    });
    rows.collect()
}

/// Returns what stands between backticks.
fn codes(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn trusted(key: &SigningKey) -> Issuer {
    Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .jwk_set(jwks(&[key.public_jwk()]))
}

/// Everything that a handler can read of the claims.
fn readable(claims: &Claims) -> String {
    let scopes = claims.scopes().as_str().to_owned();
    let (org, jti) = (claims.org_code().map(ToString::to_string), claims.jti());
    let (subject, issued_at) = (claims.subject(), claims.issued_at());
    format!(
        "{} {subject:?} {org:?} {scopes} {jti:?} {issued_at:?}",
        claims.client_id()
    )
}

/// A token with every claim, whose rules are those of Kinde and RFC 9068 together.
fn full() -> Value {
    json!({
        "client_id": "svc", "azp": "other", "sub": "svc", "jti": "1", "iat": NOW - 1, "nbf": NOW - 1, "gty": "machine",
        "scope": "read", "scp": ["write"], "org_code": "acme",
    })
}

#[test]
fn null_table_is_true() {
    let key = key(SigningAlgorithm::EdDsa);
    let verifier = build(trusted(&key).require_claim("/gty", "machine"));
    let result = |claims: &Value| {
        let verdict = verify(&verifier, &token(&key, claims));
        verdict
            .map(|claims| readable(&claims))
            .map_err(|rejection| rejection.code())
    };
    let mut rows = 0;
    for row in table("`null` and empty strings") {
        let values = codes(row[1]).into_iter();
        for value in values.map(|value| serde_json::from_str::<Value>(value).unwrap()) {
            for claim in codes(row[0]) {
                rows += 1;
                // `scp` is read only if `scope` is absent.
                let base = if claim == "scp" {
                    with(&full(), &[("scope", None)])
                } else {
                    full()
                };
                let written = result(&with(&base, &[(claim, Some(value.clone()))]));
                let removed = result(&with(&base, &[(claim, None)]));
                let case = format!("{claim}: {value} is {written:?}");
                match row[2] {
                    "absent" => {
                        assert!(written.is_ok(), "{case}");
                        assert_eq!(written, removed, "{case}");
                    }
                    "the next claim that can contain the client ID is read" => {
                        assert!(
                            written.is_ok_and(|claims| claims.starts_with("other ")),
                            "{case}"
                        );
                    }
                    "no scopes; `scp` is not read instead" => {
                        let no_scopes = result(&with(&base, &[("scope", Some("".into()))]));
                        assert_eq!(written, no_scopes, "{case}");
                        assert_ne!(written, removed, "{case}");
                    }
                    "present, and does not match" => {
                        assert_eq!(written, Err("wrong_grant_type"), "{case}");
                    }
                    "rejected" if claim == "azp" => {
                        let only = with(
                            &base,
                            &[
                                ("client_id", Some(Value::Null)),
                                (claim, Some(value.clone())),
                            ],
                        );
                        assert_eq!(result(&only), Err("malformed_claim"), "{case}");
                    }
                    "rejected" => assert!(written.is_err(), "{case}"),
                    other => panic!("{other}"),
                }
            }
        }
    }
    assert!(rows > 50, "{rows} rows were run");
}

/// Applies `organization_claim("/a")` and the like, as the guide writes them.
fn apply(issuer: Issuer, setting: &str) -> Issuer {
    let (name, arguments) = setting.trim_end_matches(')').split_once('(').unwrap();
    let arguments: Vec<String> = serde_json::from_str(&format!("[{arguments}]")).unwrap();
    match (name, &arguments[..]) {
        ("organization_claim", [pointer]) => issuer.organization_claim(pointer),
        ("organization_claim_key", [pointer]) => issuer.organization_claim_key(pointer),
        ("organization_may_be_absent_in", [pointer]) => {
            issuer.organization_may_be_absent_in(pointer)
        }
        ("scope_claim", [pointer]) => issuer.scope_claim(pointer),
        ("client_id_claim", [claim]) => issuer.client_id_claim(claim),
        ("require_claim", [pointer, value]) => issuer.require_claim(pointer, value),
        other => panic!("{other:?}"),
    }
}

/// Asserts that a token with these claims has the result that the guide names.
fn assert_result(verifier: &Verifier, token: &str, result: &str, case: &str) {
    let verdict = verify(verifier, token);
    let claims = verdict.as_ref().ok();
    let code = codes(result).first().copied();
    match (result.split(' ').next().unwrap(), code) {
        ("rejected", None) => assert!(claims.is_none(), "{case}"),
        ("global", None) => assert!(claims.unwrap().is_global(), "{case}"),
        ("scopes", Some(scopes)) => assert_eq!(claims.unwrap().scopes().as_str(), scopes, "{case}"),
        ("client", Some(client)) => assert_eq!(claims.unwrap().client_id(), client, "{case}"),
        (_, Some(org)) => {
            assert_eq!(
                claims
                    .and_then(Claims::org_code)
                    .map(tower_m2m::OrgCode::as_str),
                Some(org),
                "{case}: {verdict:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pointer_table_is_true() {
    let key = key(SigningAlgorithm::EdDsa);
    let mut rows = 0;
    for row in table("Pointers") {
        let settings = codes(row[0]);
        let verifier = build(
            settings
                .iter()
                .fold(trusted(&key), |issuer, setting| apply(issuer, setting)),
        );
        let claims: Value = serde_json::from_str(codes(row[1])[0]).unwrap();
        let case = format!("{settings:?} {claims}");
        assert_result(&verifier, &token(&key, &claims), row[2], &case);
        rows += 1;
    }
    assert!(rows > 40, "{rows} rows were run");
}

#[test]
fn scope_table_is_true() {
    let key = key(SigningAlgorithm::EdDsa);
    let verifier = build(trusted(&key));
    for row in table("Scopes") {
        let scope: Value = serde_json::from_str(codes(row[0])[0]).unwrap();
        let claims = json!({ "scope": scope });
        assert_result(&verifier, &token(&key, &claims), row[1], &scope.to_string());
    }
    assert!(table("Scopes").len() > 9);
}

/// What is not supported is written down, with the way around it.
#[test]
fn guide_names_unsupported_shapes() {
    let chapter = include_str!("../../src/guide/issuers.md").replace('\n', " ");
    for (shape, way) in [
        ("its key endpoint requires a request header", "fetch_with"),
        ("two key sets for one `iss`", "by value"),
        ("X-Forwarded-Host", "subdomain_of"),
    ] {
        assert!(chapter.contains(shape), "{shape}");
        assert!(chapter.contains(way), "{way}");
    }
}
