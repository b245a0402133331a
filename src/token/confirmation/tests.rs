use super::{BindingMethod, Confirmation};
use crate::token::{JsonObject, TokenError};

const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

fn read(claims: &str, configured: &[BindingMethod]) -> Result<Option<Confirmation>, TokenError> {
    let json = JsonObject::parse(claims.as_bytes()).unwrap();
    Confirmation::read(&json, configured).map(|found| found.map(|confirmation| *confirmation))
}

/// Rules 118, 122, 123, 249.
#[test]
fn every_member_must_be_configured_and_well_formed() {
    let key = &[BindingMethod::Key][..];
    let bound = |members: &str| format!(r#"{{"cnf":{{{members}}}}}"#);
    let (jkt, x5t) = (
        format!(r#""jkt":"{JKT}""#),
        format!(r#""x5t#S256":"{JKT}""#),
    );
    for (claims, configured, expected) in [
        (bound(&jkt), key, Ok(())),
        (bound(&x5t), key, Err(TokenError::SenderConstrained)),
        (bound(&jkt), &[], Err(TokenError::SenderConstrained)),
        (
            bound(&format!("{jkt},{x5t}")),
            key,
            Err(TokenError::SenderConstrained),
        ),
        (bound(""), key, Err(TokenError::SenderConstrained)),
        (
            bound(r#""kid":"1""#),
            key,
            Err(TokenError::SenderConstrained),
        ),
        (
            bound(&format!(r#"{jkt},"jwk":{{}}"#)),
            key,
            Err(TokenError::SenderConstrained),
        ),
        (
            bound(&format!(r#""x5t":"{JKT}""#)),
            key,
            Err(TokenError::SenderConstrained),
        ),
        (
            bound(r#""jkt":null"#),
            key,
            Err(TokenError::MalformedClaim("cnf")),
        ),
        (
            bound(r#""jkt":["0"]"#),
            key,
            Err(TokenError::MalformedClaim("cnf")),
        ),
        (
            bound(&format!(r#""jkt":"{JKT}=""#)),
            key,
            Err(TokenError::MalformedClaim("cnf")),
        ),
        (
            bound(&format!(r#""jkt":"{}""#, &JKT[1..])),
            key,
            Err(TokenError::MalformedClaim("cnf")),
        ),
        (
            r#"{"cnf":"key"}"#.to_owned(),
            key,
            Err(TokenError::SenderConstrained),
        ),
        (
            r#"{"cnf":[]}"#.to_owned(),
            key,
            Err(TokenError::SenderConstrained),
        ),
    ] {
        let found = read(&claims, configured)
            .map(|found| assert!(found.is_some(), "the token is bound: {claims}"));
        assert_eq!(found, expected, "{claims}");
    }
    for absent in ["{}", r#"{"cnf":null}"#] {
        assert_eq!(read(absent, key), Ok(None));
        assert_eq!(read(absent, &[]), Ok(None));
    }
}

#[test]
fn debug_shows_no_thumbprint() {
    let claims = format!(r#"{{"cnf":{{"jkt":"{JKT}"}}}}"#);
    let found = read(&claims, &[BindingMethod::Key]).unwrap().unwrap();
    assert_eq!(format!("{found:?}"), "Confirmation { .. }");
}
