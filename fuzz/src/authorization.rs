//! Compares the reading of the `Authorization` header with a naive reading of RFC 6750 §2.1.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use tower_m2m::bearer::{BearerError, Credentials};

const MAX: usize = 64;

/// Checks `Authorization` headers, one in each line of the input.
pub fn check(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(4) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(AUTHORIZATION, value);
        }
    }
    let values: Vec<&[u8]> = headers
        .get_all(AUTHORIZATION)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let read = Credentials::from_headers(&headers, MAX).and_then(Credentials::token);
    let naive = match values.as_slice() {
        [one] => naive(one),
        _ => None,
    };
    assert_eq!(read.ok(), naive, "the parser and the grammar disagree");
    match (values.len(), read) {
        (0, read) => assert_eq!(read, Err(BearerError::Missing)),
        (1, Err(BearerError::TooLong { max_bytes })) => assert!(values[0].len() > max_bytes),
        (1, _) => {}
        (_, read) => assert_eq!(read, Err(BearerError::MultipleCredentials)),
    }
    // If a credential is accepted alone, it is rejected beside another one.
    if let Ok(token) = read {
        let token = token.to_owned();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic eA=="));
        assert_eq!(
            Credentials::from_headers(&headers, MAX).and_then(Credentials::token),
            Err(BearerError::MultipleCredentials)
        );
        let list = HeaderValue::try_from(format!("Bearer {token},Bearer {token}"))
            .expect("a header value");
        headers.insert(AUTHORIZATION, list);
        assert_eq!(
            Credentials::from_headers(&headers, 4 * MAX).and_then(Credentials::token),
            Err(BearerError::MultipleCredentials)
        );
    }
}

/// Returns the token if the value has the form `Bearer 1*SP b64token`.
fn naive(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    let token = rest.trim_start_matches(' ');
    let body = token.trim_end_matches('=');
    let alphabet = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
    (scheme.eq_ignore_ascii_case("bearer")
        && !body.is_empty()
        && body.chars().all(alphabet)
        && token.len() <= MAX)
        .then_some(token)
}
