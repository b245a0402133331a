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
    use BindingMethod::{Certificate, Key};
    let both = &[Key, Certificate][..];
    let bound = |members: &str| format!(r#"{{"cnf":{{{members}}}}}"#);
    let (jkt, x5t) = (
        format!(r#""jkt":"{JKT}""#),
        format!(r#""x5t#S256":"{JKT}""#),
    );
    for (claims, configured, expected) in [
        (bound(&jkt), both, Ok((true, false))),
        (bound(&jkt), &[Key][..], Ok((true, false))),
        (bound(&x5t), both, Ok((false, true))),
        (bound(&format!("{jkt},{x5t}")), both, Ok((true, true))),
        (bound(&jkt), &[], Err(TokenError::SenderConstrained)),
        (
            bound(&jkt),
            &[Certificate],
            Err(TokenError::SenderConstrained),
        ),
        (
            bound(&format!("{jkt},{x5t}")),
            &[Key],
            Err(TokenError::SenderConstrained),
        ),
        (bound(""), both, Err(TokenError::SenderConstrained)),
        (
            bound(r#""kid":"1""#),
            both,
            Err(TokenError::SenderConstrained),
        ),
        (
            bound(&format!(r#"{jkt},"jwk":{{}}"#)),
            both,
            Err(TokenError::SenderConstrained),
        ),
        (
            bound(&format!(r#""x5t":"{JKT}""#)),
            both,
            Err(TokenError::SenderConstrained),
        ),
        (
            bound(r#""jkt":null"#),
            both,
            Err(TokenError::MalformedClaim("cnf")),
        ),
        (
            bound(r#""jkt":["0"]"#),
            both,
            Err(TokenError::MalformedClaim("cnf")),
        ),
        (
            bound(&format!(r#""jkt":"{JKT}=""#)),
            both,
            Err(TokenError::MalformedClaim("cnf")),
        ),
        (
            bound(&format!(r#""jkt":"{}""#, &JKT[1..])),
            both,
            Err(TokenError::MalformedClaim("cnf")),
        ),
        (
            r#"{"cnf":"key"}"#.to_owned(),
            both,
            Err(TokenError::SenderConstrained),
        ),
        (
            r#"{"cnf":[]}"#.to_owned(),
            both,
            Err(TokenError::SenderConstrained),
        ),
    ] {
        let found = read(&claims, configured).map(|found| {
            let found = found.expect("the token is bound");
            (found.key().is_some(), found.certificate().is_some())
        });
        assert_eq!(found, expected, "{claims}");
    }
    for absent in ["{}", r#"{"cnf":null}"#] {
        assert_eq!(read(absent, both), Ok(None));
        assert_eq!(read(absent, &[]), Ok(None));
    }
}

#[test]
fn debug_shows_no_thumbprint() {
    let claims = format!(r#"{{"cnf":{{"jkt":"{JKT}"}}}}"#);
    let found = read(&claims, &[BindingMethod::Key]).unwrap().unwrap();
    assert_eq!(
        format!("{found:?}"),
        "Confirmation { key: true, certificate: false, .. }"
    );
}
