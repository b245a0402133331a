use http::HeaderValue;

use super::*;

#[test]
fn challenge_parser_accepts_rfc_examples() {
    let text = r#"bearer realm="example", error=invalid_token ,	error_description="The access token expired""#;
    let challenge = Challenge::parse(text).unwrap();
    assert_eq!(challenge.realm(), Some("example"));
    assert_eq!(challenge.error(), Some("invalid_token"));
    assert_eq!(
        challenge.error_description(),
        Some("The access token expired")
    );
    assert_eq!(
        (challenge.scope(), challenge.resource_metadata()),
        (None, None)
    );
}

#[test]
fn challenge_parser_rejects_malformed_headers() {
    for (text, error) in [
        ("", ChallengeError::UnexpectedScheme),
        ("Basic realm=\"x\"", ChallengeError::UnexpectedScheme),
        ("Bearer", ChallengeError::InvalidSyntax),
        ("Bearer abc", ChallengeError::InvalidSyntax),
        ("Bearer realm=\"x", ChallengeError::InvalidSyntax),
        (
            "Bearer realm=\"x\" error=\"y\"",
            ChallengeError::InvalidSyntax,
        ),
        ("Bearer realm=\"x\",", ChallengeError::InvalidSyntax),
        ("Bearer realm=a b", ChallengeError::InvalidSyntax),
        (
            "Bearer error=\"a\", ERROR=\"b\"",
            ChallengeError::DuplicateParameter,
        ),
        ("Bearer error=\"a\\\"b\"", ChallengeError::InvalidCharacter),
        ("Bearer scope=\"a  b\"", ChallengeError::InvalidCharacter),
    ] {
        assert_eq!(Challenge::parse(text), Err(error), "{text}");
    }
}

#[test]
fn response_has_exactly_one_bearer_challenge() {
    let value = HeaderValue::from_static("Bearer realm=\"a\"");
    let mut headers = HeaderMap::new();
    assert_eq!(
        Challenge::from_headers(&headers),
        Err(ChallengeError::Missing)
    );
    headers.append(header::WWW_AUTHENTICATE, value.clone());
    assert!(Challenge::from_headers(&headers).is_ok());
    headers.append(header::WWW_AUTHENTICATE, value);
    assert_eq!(
        Challenge::from_headers(&headers),
        Err(ChallengeError::Multiple)
    );

    let dpop = HeaderValue::from_static("DPoP algs=\"ES256\"");
    headers.insert(header::WWW_AUTHENTICATE, dpop.clone());
    assert_eq!(
        Challenge::from_headers(&headers),
        Err(ChallengeError::UnexpectedScheme)
    );
    let bearer = HeaderValue::from_static("Bearer realm=\"b\"");
    headers.append(header::WWW_AUTHENTICATE, bearer);
    headers.append(header::WWW_AUTHENTICATE, dpop);
    let challenge = Challenge::from_headers(&headers).unwrap();
    assert_eq!(challenge.realm(), Some("b"));
}
