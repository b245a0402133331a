use super::*;
use http::HeaderValue;

fn read(values: &[&[u8]]) -> Result<String, BearerError> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    Credentials::from_headers(&headers, 20)?
        .token()
        .map(str::to_owned)
}

/// Rules 1–10.
#[test]
fn credentials_are_one_bearer_header() {
    use BearerError::{
        BareToken, InvalidCharacter, Malformed, Missing, MultipleCredentials, TooLong,
        UnsupportedScheme,
    };
    for (value, expected) in [
        (&b"Bearer abc"[..], Ok("abc")),
        (b"bearer abc", Ok("abc")),
        (b"BEARER abc", Ok("abc")),
        (b"Bearer    abc", Ok("abc")),
        (b"Bearer aZ09-._~+/==", Ok("aZ09-._~+/==")),
        (b"Bearer\tabc", Err(Malformed)),
        (b"Bearer \tabc", Err(InvalidCharacter)),
        (b"Bearer", Err(Malformed)),
        (b"Bearer ", Err(Malformed)),
        (b"Bearer    ", Err(Malformed)),
        (b"Bearer =", Err(InvalidCharacter)),
        (b"Bearer a=b", Err(InvalidCharacter)),
        (b"Bearer a b", Err(InvalidCharacter)),
        (b"Bearer abc ", Err(InvalidCharacter)),
        (b"Bearer \"abc\"", Err(InvalidCharacter)),
        (b"Bearer a\xffb", Err(InvalidCharacter)),
        (b"Bearer abc, Bearer x", Err(MultipleCredentials)),
        (b"Bearer abc,", Err(MultipleCredentials)),
        (b"Bearer 12345678901234567890", Ok("12345678901234567890")),
        (
            b"Bearer 123456789012345678901",
            Err(TooLong { max_bytes: 20 }),
        ),
        (b"Basic abc", Err(UnsupportedScheme)),
        (b"Basic abc, Bearer abc", Err(MultipleCredentials)),
        (b"DPoP abc", Err(UnsupportedScheme)),
        (b"BearerX abc", Err(UnsupportedScheme)),
        (b"Bearerabc", Err(UnsupportedScheme)),
        (b"Token", Err(UnsupportedScheme)),
        (b"abc.def.ghi", Err(BareToken)),
        (b"a.b.c", Err(BareToken)),
        (b" a.b.c ", Err(BareToken)),
        (b"..", Err(BareToken)),
        (b"Bearera.b.c", Err(BareToken)),
        (b"a.b", Err(UnsupportedScheme)),
        (b"a.b.c.d", Err(UnsupportedScheme)),
        (b"a.b.c, d", Err(UnsupportedScheme)),
        (b"Digest a.b.c", Err(UnsupportedScheme)),
        (b" ", Err(Missing)),
        (b"", Err(Missing)),
    ] {
        assert_eq!(
            read(&[value]).as_deref(),
            expected.as_deref(),
            "{:?}",
            String::from_utf8_lossy(value)
        );
    }
    assert_eq!(read(&[]), Err(Missing));
    assert_eq!(
        read(&[b"Bearer abc", b"Bearer abc"]),
        Err(MultipleCredentials)
    );
    assert_eq!(
        read(&[b"Basic abc", b"Bearer abc"]),
        Err(MultipleCredentials)
    );
}

/// Rule 9.
///
/// `Proxy-Authorization` is never read.
#[test]
fn proxy_authorization_is_ignored() {
    let mut headers = HeaderMap::new();
    headers.insert(
        http::header::PROXY_AUTHORIZATION,
        HeaderValue::from_static("Bearer abc"),
    );
    assert_eq!(
        Credentials::from_headers(&headers, 20).unwrap_err(),
        BearerError::Missing
    );
}
