use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

/// Rules 26, 27, 36.
///
/// Exactly two dots, a separate error for five segments, no empty signature.
#[test]
fn compact_token_has_exactly_three_segments() {
    use TokenError::{Encrypted, NoSignature, NotThreeSegments};
    for (token, error) in [
        ("", NotThreeSegments),
        ("a", NotThreeSegments),
        ("a.b", NotThreeSegments),
        ("a.b.c.d", NotThreeSegments),
        ("a.b.c.d.e", Encrypted),
        ("a.b.c.d.e.f", NotThreeSegments),
        ("a.b.", NoSignature),
        ("..", NoSignature),
    ] {
        assert_eq!(CompactJws::split(token).unwrap_err(), error, "{token}");
    }
    assert!(CompactJws::split("a.b.c").is_ok());
    assert_eq!(
        CompactJws::split(&".".repeat(1_000_000)).unwrap_err(),
        NotThreeSegments
    );
}

/// Rule 36.
///
/// A signature longer than that of an RSA key of 8192 bits is not decoded.
#[test]
fn signature_longer_than_1024_bytes_is_not_decoded() {
    for (letters, expected) in [
        (1_366, Ok(1_024)),
        (1_367, Err(TokenError::InvalidSignature)),
        (4_000, Err(TokenError::InvalidSignature)),
    ] {
        let token = format!("e30.e30.{}", "A".repeat(letters));
        let mut buf = DecodeBuffer::for_token(token.as_bytes());
        let decoded = CompactJws::split(&token)
            .unwrap()
            .decode_signature(&mut buf.as_mut_slice())
            .map(<[u8]>::len);
        assert_eq!(decoded, expected, "{letters} letters");
    }
}

/// Rule 28.
///
/// No padding, no other alphabet, no white space, no stray bits.
#[test]
fn base64url_is_canonical() {
    for (payload, is_canonical) in [
        ("e30", true),
        ("e30=", false),
        ("e31", false),
        ("e3 0", false),
        ("e3\n0", false),
        ("e+/0", false),
        ("e", false),
    ] {
        let token = format!("e30.{payload}.c2ln");
        let mut buf = DecodeBuffer::for_token(token.as_bytes());
        let decoded = CompactJws::split(&token)
            .and_then(|compact| compact.decode_payload(&mut buf.as_mut_slice()));
        assert_eq!(decoded.is_ok(), is_canonical, "{payload}");
        let token = format!("{payload}.e30.c2ln");
        let decoded = CompactJws::split(&token)
            .and_then(|compact| compact.decode_header(&mut buf.as_mut_slice()));
        assert_eq!(decoded.is_ok(), is_canonical, "{payload}");
    }
    for (signature, is_canonical) in [
        ("c2ln", true),
        ("c2ln=", false),
        ("c2l", false),
        ("c2k", true),
    ] {
        let token = format!("e30.e30.{signature}");
        let mut buf = DecodeBuffer::for_token(token.as_bytes());
        let decoded = CompactJws::split(&token)
            .and_then(|compact| compact.decode_signature(&mut buf.as_mut_slice()));
        assert_eq!(decoded.is_ok(), is_canonical, "{signature}");
    }
}

/// Rule 28.
///
/// At every length around the size of a SIMD block, each stray character is found at every
/// position, and decoding reverses encoding.
#[test]
fn invalid_base64url_is_found_at_every_position() {
    for len in (0_u8..40).chain(90..104) {
        let bytes: Vec<u8> = (0..len).map(|byte| byte.wrapping_mul(151) ^ len).collect();
        let text = URL_SAFE_NO_PAD.encode(&bytes);
        let read = |text: &[u8]| {
            let token = [text, b".e30.c2ln"].concat();
            let mut buf = DecodeBuffer::for_token(&token);
            CompactJws::split(&token)
                .unwrap()
                .decode_header(&mut buf.as_mut_slice())
                .map(<[u8]>::to_vec)
        };
        assert_eq!(read(text.as_bytes()).as_ref(), Ok(&bytes));
        for at in 0..text.len() {
            let mut text = text.clone().into_bytes();
            for stray in
                (0..=u8::MAX).filter(|byte| !byte.is_ascii_alphanumeric() && !b"-_.".contains(byte))
            {
                text[at] = stray;
                assert_eq!(
                    read(&text),
                    Err(TokenError::InvalidBase64),
                    "{stray:#x} at {at} of {len}"
                );
            }
        }
    }
}

#[test]
fn long_token_is_decoded_on_the_heap() {
    for letters in (0..12_000)
        .step_by(997)
        .chain([2_040, 2_041, 2_044, 2_047, 2_048, 2_049, 2_052])
    {
        let payload = "A".repeat(letters / 4 * 4);
        let token = format!("e30.{payload}.c2ln");
        let mut buf = DecodeBuffer::for_token(token.as_bytes());
        let mut buf = buf.as_mut_slice();
        let compact = CompactJws::split(&token).unwrap();
        assert_eq!(compact.decode_header(&mut buf), Ok(&b"{}"[..]));
        assert_eq!(
            compact.decode_payload(&mut buf).map(<[u8]>::len),
            Ok(payload.len() / 4 * 3)
        );
        assert_eq!(
            compact.decode_signature(&mut buf),
            Ok(&b"sig"[..]),
            "{letters}"
        );
    }
    let mut buf = [0; 3];
    let compact = CompactJws::split("e30.e30.c2ln").unwrap();
    assert_eq!(
        compact.decode_signature(&mut &mut buf[..2]),
        Err(TokenError::InvalidBase64),
        "the buffer is too short"
    );
    let compact = CompactJws::split("e31.e30.c2ln").unwrap();
    let mut buf = buf.as_mut_slice();
    assert_eq!(
        compact.decode_header(&mut buf),
        Err(TokenError::InvalidBase64)
    );
    assert_eq!(
        compact.decode_payload(&mut buf),
        Ok(&b"{}"[..]),
        "an invalid segment takes nothing from the buffer"
    );
}
