//! Compares the parsers of Kinde's two responses about an API key with a naive reading of
//! `serde_json`'s value.

use serde_json::Value as Naive;
use tower_m2m::introspection::{
    IntrospectionResponse, InvalidResponse, KeyKind, VerifiedKey, parse_kinde_key,
    parse_kinde_verify,
};

use crate::introspection_response::{MAX_VALUES, naive, whole_body};

const API_ID: &str = "api_1";

/// Checks a verify response, which is the first line, and the description of the key, which is the
/// rest.
pub fn check(data: &[u8]) {
    let at = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (verified, description) = data.split_at(at);
    let parsed = parse_kinde_verify(verified, MAX_VALUES);
    let body = naive(verified);
    match (&parsed, body.as_ref().map(reported)) {
        (Err(InvalidResponse::Json(_)), None)
        | (Ok(IntrospectionResponse::Inactive), Some(Reported::Inactive))
        | (Err(_), Some(Reported::Invalid)) => {}
        (Ok(IntrospectionResponse::Active(key)), Some(Reported::Active(kind))) => {
            assert_eq!(key.kind(), kind);
            whole_body(key.claims(), verified);
            let first = body.as_ref().expect("an active response is JSON");
            assert_eq!(key.key_id(), first["key_id"].as_str());
            described(key, first, description.get(1..).unwrap_or_default());
        }
        (parsed, expected) => panic!("{parsed:?}, but serde_json says {expected:?}"),
    }
}

#[derive(Debug)]
enum Reported {
    Active(KeyKind),
    Inactive,
    Invalid,
}

/// Reads rules 175 and 176 literally.
fn reported(body: &Naive) -> Reported {
    match (&body["is_valid"], &body["status"]) {
        (Naive::Bool(false), _) => Reported::Inactive,
        (Naive::Bool(true), Naive::String(status)) if status != "active" => Reported::Inactive,
        (Naive::Bool(true), Naive::String(_)) => {
            match (body.get("org_code"), body.get("user_id")) {
                (Some(Naive::Null), Some(Naive::Null)) => Reported::Active(KeyKind::Environment),
                (Some(Naive::Null), Some(_)) => Reported::Active(KeyKind::User),
                (Some(_), Some(Naive::Null)) => Reported::Active(KeyKind::Organization),
                (Some(_), Some(_)) => Reported::Active(KeyKind::OrganizationOrUser),
                _ => Reported::Invalid,
            }
        }
        _ => Reported::Invalid,
    }
}

/// Checks the description of an active key.
fn described(key: &VerifiedKey<'_>, verified: &Naive, description: &[u8]) {
    let found = parse_kinde_key(description, key, API_ID, MAX_VALUES);
    let Some(body) = naive(description) else {
        assert!(matches!(found, Err(InvalidResponse::Json(_))));
        return;
    };
    let members = &body["api_key"];
    let ids: Option<Vec<&str>> = members["api_ids"]
        .as_array()
        .and_then(|ids| ids.iter().map(Naive::as_str).collect());
    let is_ours = ids.is_some_and(|ids| ids.contains(&API_ID));
    let is_same = |described: &str, verified: &Naive| {
        // The rules of the verifier reject a malformed claim.
        let is_malformed = !verified.is_string() && !verified.is_null();
        let described = members.get(described);
        described.is_none_or(|value| value == verified || is_malformed)
    };
    let agrees = members["id"].is_string()
        && members["id"] == verified["key_id"]
        && is_same("organization_id", &verified["org_code"])
        && is_same("user_id", &verified["user_id"]);
    let is_active = matches!(members["status"].as_str(), None | Some("active"));
    match found {
        Ok(IntrospectionResponse::Active(kind)) => {
            assert!(is_ours && agrees && is_active);
            // No type makes a key global, and none gives a user's key to the organization unless
            // the key has an organization.
            match kind {
                KeyKind::Environment => {
                    assert!(verified["org_code"].is_null() && verified["user_id"].is_null());
                    assert!(matches!(
                        members["type"].as_str(),
                        None | Some("environment")
                    ));
                }
                KeyKind::Organization => assert!(
                    !verified["org_code"].is_null()
                        && (verified["user_id"].is_null() || members["type"] == "organization")
                ),
                KeyKind::User => {
                    assert!(!verified["user_id"].is_null() && members["type"] != "organization")
                }
                other => panic!("the description left the kind open: {other:?}"),
            }
        }
        Ok(IntrospectionResponse::Inactive) => assert!(agrees && !(is_ours && is_active)),
        Err(InvalidResponse::Json(_)) => panic!("serde_json accepts the description"),
        Err(_) => assert!(
            !(plain(members) && agrees),
            "a plain description was rejected"
        ),
    }
}

/// Returns `true` if no member of the description has an unexpected type and `type` is absent.
fn plain(members: &Naive) -> bool {
    let is_string = |name: &str| members.get(name).is_none_or(Naive::is_string);
    let ids = members["api_ids"].as_array();
    is_string("status")
        && members.get("type").is_none()
        && ids.is_some_and(|ids| ids.iter().all(Naive::is_string))
}
