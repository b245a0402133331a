//! Compares the parser of introspection responses (RFC 7662) with a naive reading of `serde_json`'s
//! value.

use serde_json::Value as Naive;
use tower_m2m::introspection::{
    IntrospectionResponse, InvalidResponse, parse_error_code, parse_rfc7662,
};
use tower_m2m::token::{JsonError, JsonObject};

pub(crate) const MAX_VALUES: u32 = 1024;

/// Checks one response body.
pub fn check(data: &[u8]) {
    let parsed = parse_rfc7662(data, MAX_VALUES);
    let expected = naive(data).map(|body| match body.get("active") {
        Some(Naive::Bool(active)) => Ok(*active),
        Some(_) => Err(InvalidResponse::MalformedMember("active")),
        None => Err(InvalidResponse::MissingMember("active")),
    });
    match (&parsed, expected) {
        (Err(InvalidResponse::Json(_)), None) => {}
        (Ok(IntrospectionResponse::Active(claims)), Some(Ok(true))) => {
            whole_body(claims, data);
            assert!(rejects_second(data, "active", "false"));
        }
        (Ok(IntrospectionResponse::Inactive), Some(Ok(false))) => {
            assert!(rejects_second(data, "active", "true"));
        }
        (Err(error), Some(Err(expected))) => assert_eq!(*error, expected),
        (parsed, expected) => panic!(
            "{:?}, but serde_json says {expected:?}",
            parsed.as_ref().map(|_| ())
        ),
    }
    error_code(data);
}

/// Returns the body if it is one that the parsers must accept: one JSON object within the limits
/// and without duplicate members.
pub(crate) fn naive(data: &[u8]) -> Option<Naive> {
    let value = serde_json::from_slice::<Naive>(data).ok()?;
    // The target `claims` shows that these are the only documents on which the two disagree.
    match JsonObject::parse(data) {
        Ok(_) => Some(value),
        Err(
            JsonError::NotAnObject
            | JsonError::DuplicateMember
            | JsonError::TooDeep
            | JsonError::TooLarge,
        ) => None,
        Err(error) => panic!("rejected as {error:?}, but serde_json accepts it"),
    }
}

/// Checks that every member of the body is a claim.
pub(crate) fn whole_body(claims: &JsonObject<'_>, data: &[u8]) {
    let body = naive(data).expect("an active response is JSON");
    let members = body.as_object().expect("an object");
    assert_eq!(claims.members().count(), members.len());
    for name in members.keys() {
        assert!(claims.get(name).is_some());
    }
}

/// Returns `true` if the body is rejected as soon as the member is a duplicate.
fn rejects_second(data: &[u8], name: &str, value: &str) -> bool {
    let body = std::str::from_utf8(data).expect("valid JSON is UTF-8");
    let body = body.replacen('{', &format!("{{\"{name}\":{value},"), 1);
    matches!(
        parse_rfc7662(body.as_bytes(), MAX_VALUES * 2),
        Err(InvalidResponse::Json(JsonError::DuplicateMember))
    )
}

fn error_code(data: &[u8]) {
    let body = naive(data).unwrap_or(Naive::Null);
    let code = body.pointer("/errors/0/code").and_then(Naive::as_str);
    let is_array = body.get("errors").is_some_and(Naive::is_array);
    let is_code = |code: &&str| {
        is_array
            && !code.is_empty()
            && code.len() <= 128
            && code.chars().all(|letter| ('!'..='~').contains(&letter))
    };
    let expected = code.filter(is_code);
    let found = parse_error_code(data);
    if is_array || body.get("errors").is_none() {
        assert_eq!(found.as_deref(), expected);
    }
}
