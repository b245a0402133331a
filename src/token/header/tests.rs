use super::*;

fn error(text: &str) -> TokenError {
    JoseHeader::parse(text.as_bytes()).unwrap_err()
}

/// Rules 30–33.
///
/// Names are unique. `alg` is present and compared exactly. `crit` and `b64` are rejected with
/// any value.
#[test]
fn header_parameters_are_unique_and_alg_is_required() {
    use TokenError::{
        InvalidHeader, InvalidHeaderParameter, UnencodedPayload, UnknownAlgorithm, UnsupportedCrit,
    };
    for (text, refusal) in [
        (
            r#"{"alg":"RS256","alg":"none"}"#,
            InvalidHeader(crate::token::JsonError::DuplicateMember),
        ),
        (
            r#"["alg"]"#,
            InvalidHeader(crate::token::JsonError::NotAnObject),
        ),
        ("{}", InvalidHeaderParameter("alg")),
        (r#"{"alg":null}"#, InvalidHeaderParameter("alg")),
        (r#"{"alg":["RS256"]}"#, InvalidHeaderParameter("alg")),
        (r#"{"alg":"rs256"}"#, UnknownAlgorithm),
        (r#"{"alg":"none"}"#, UnknownAlgorithm),
        (r#"{"alg":"HS256"}"#, UnknownAlgorithm),
        (r#"{"alg":"RS256","crit":[]}"#, UnsupportedCrit),
        (r#"{"alg":"RS256","crit":["exp"],"exp":1}"#, UnsupportedCrit),
        (r#"{"alg":"RS256","crit":null}"#, UnsupportedCrit),
        (r#"{"alg":"RS256","b64":false}"#, UnencodedPayload),
        (r#"{"alg":"RS256","b64":true}"#, UnencodedPayload),
        (r#"{"alg":"RS256","kid":7}"#, InvalidHeaderParameter("kid")),
        (
            r#"{"alg":"RS256","typ":["JWT"]}"#,
            InvalidHeaderParameter("typ"),
        ),
    ] {
        assert_eq!(error(text), refusal, "{text}");
    }
}

/// Rule 52.
///
/// A `kid` is bounded.
#[test]
fn kid_length_is_bounded() {
    let with = |len: usize| format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(len));
    assert!(JoseHeader::parse(with(KID_MAX).as_bytes()).is_ok());
    assert_eq!(
        error(&with(KID_MAX + 1)),
        TokenError::InvalidHeaderParameter("kid")
    );
}

/// Rules 60, 61.
///
/// `typ` is compared without case, with or without the prefix of the media type.
#[test]
fn typ_ignores_case_and_media_type_prefix() {
    for (typ, expected) in [
        ("JWT", TokenType::Jwt),
        ("jwt", TokenType::Jwt),
        ("application/JWT", TokenType::Jwt),
        ("at+jwt", TokenType::AccessToken),
        ("AT+JWT", TokenType::AccessToken),
        ("Application/at+jwt", TokenType::AccessToken),
        ("application/application/at+jwt", TokenType::Other),
        ("imagination/at+jwt", TokenType::Other),
        ("secevent+jwt", TokenType::SecurityEvent),
        ("Application/SecEvent+JWT", TokenType::SecurityEvent),
        ("dpop+jwt", TokenType::Other),
        ("logout+jwt", TokenType::Other),
        ("", TokenType::Other),
        ("JWT ", TokenType::Other),
    ] {
        let text = format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#);
        assert_eq!(
            JoseHeader::parse(text.as_bytes()).unwrap().token_type(),
            expected,
            "{typ}"
        );
    }
    assert_eq!(
        JoseHeader::parse(br#"{"alg":"RS256"}"#)
            .unwrap()
            .token_type(),
        TokenType::Absent
    );
}

/// Attacks with embedded keys (CVE-2018-0114): such members are ignored.
#[test]
fn embedded_keys_are_ignored() {
    let text =
        br#"{"alg":"RS256","jwk":{"kty":"oct"},"jku":"https://evil.example","x5u":"https://evil.example","x5c":["x"]}"#;
    let header = JoseHeader::parse(text).unwrap();
    assert_eq!((header.algorithm(), header.kid()), (Algorithm::RS256, None));
}
