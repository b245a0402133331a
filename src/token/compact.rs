//! The compact serialization (RFC 7515 §3.1, RFC 8725bis §3.14).

use std::mem;

use super::{TokenError, base64url};

/// The three segments of a token, still encoded and borrowed from the token.
///
/// ```
/// use tower_m2m::token::CompactJws;
///
/// # fn main() -> Result<(), tower_m2m::token::TokenError> {
/// let compact = CompactJws::split("eyJhbGciOiJSUzI1NiJ9.e30.c2ln")?;
/// assert_eq!(compact.signing_input(), b"eyJhbGciOiJSUzI1NiJ9.e30");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct CompactJws<'a> {
    signing_input: &'a [u8],
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

#[allow(
    clippy::mut_mut,
    reason = "decoding consumes the front of the buffer, as `Write` does with a slice"
)]
impl<'a> CompactJws<'a> {
    /// Splits a token at its dots. It does not check alphabet and padding; decoding does.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::Encrypted`] if there are five segments,
    /// [`TokenError::NotThreeSegments`] for any other number, and [`TokenError::NoSignature`] if
    /// the last segment is empty.
    pub fn split<T: AsRef<[u8]> + ?Sized>(token: &'a T) -> Result<Self, TokenError> {
        let token = token.as_ref();
        // Searches for at most five dots, so a million dots cost no more (CVE-2025-27144).
        let mut dots = memchr::memchr_iter(b'.', token);
        let (Some(first), Some(second)) = (dots.next(), dots.next()) else {
            return Err(TokenError::NotThreeSegments);
        };
        match (dots.next(), dots.next(), dots.next()) {
            (None, ..) => {}
            (Some(_), Some(_), None) => return Err(TokenError::Encrypted),
            _ => return Err(TokenError::NotThreeSegments),
        }
        let part = |from: usize, to: usize| token.get(from..to).unwrap_or_default();
        let signature = part(second + 1, token.len());
        if signature.is_empty() {
            return Err(TokenError::NoSignature);
        }
        let (header, payload) = (part(0, first), part(first + 1, second));
        Ok(Self {
            signing_input: part(0, second),
            header,
            payload,
            signature,
        })
    }

    /// Returns the signed octets, exactly as received (RFC 7515 §5.2).
    #[must_use]
    pub fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    /// Decodes the JOSE header (RFC 7515 §4) into the front of `buf`.
    ///
    /// Afterwards `buf` is the unused rest. A buffer of the token's length is enough for its three
    /// segments.
    ///
    /// ```
    /// use tower_m2m::token::CompactJws;
    ///
    /// # fn main() -> Result<(), tower_m2m::token::TokenError> {
    /// let token = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";
    /// let compact = CompactJws::split(token)?;
    /// let mut buf = vec![0; token.len()];
    /// let mut buf = buf.as_mut_slice();
    /// let header = compact.decode_header(&mut buf)?;
    /// let payload = compact.decode_payload(&mut buf)?;
    /// let signature = compact.decode_signature(&mut buf)?;
    /// assert_eq!((header, payload, signature), (&br#"{"alg":"RS256"}"#[..], &b"{}"[..], &b"sig"[..]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::InvalidBase64`] if the segment is not canonical base64url without
    /// padding, or if the buffer is too short.
    pub fn decode_header<'r>(&self, buf: &mut &'r mut [u8]) -> Result<&'r [u8], TokenError> {
        decode(self.header, buf)
    }

    /// Decodes the claims set (RFC 7519 §4), like the [header](Self::decode_header).
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::InvalidBase64`] as for the [header](Self::decode_header).
    pub fn decode_payload<'r>(&self, buf: &mut &'r mut [u8]) -> Result<&'r [u8], TokenError> {
        decode(self.payload, buf)
    }

    /// Decodes the signature, like the [header](Self::decode_header).
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::InvalidBase64`] as for the [header](Self::decode_header), and
    /// [`TokenError::InvalidSignature`] if the signature is longer than any supported one: that of
    /// an RSA key of 8192 bits.
    pub fn decode_signature<'r>(&self, buf: &mut &'r mut [u8]) -> Result<&'r [u8], TokenError> {
        if base64url::decoded_len(self.signature) > SIGNATURE_MAX {
            return Err(TokenError::InvalidSignature);
        }
        decode(self.signature, buf)
    }
}

/// Bytes of the longest supported signature: that of an RSA key of 8192 bits.
const SIGNATURE_MAX: usize = 1024;

/// A buffer for a token's decoded segments. It is on the stack if the token is shorter than 2,048
/// bytes. Only tokens that are long on purpose need the heap.
pub(crate) struct DecodeBuffer {
    stack: [u8; Self::INLINE_CAPACITY],
    heap: Vec<u8>,
}

impl DecodeBuffer {
    const INLINE_CAPACITY: usize = 2_048 / 4 * 3;

    pub(crate) fn for_token(token: &[u8]) -> Self {
        let len = if token.len() / 4 * 3 < Self::INLINE_CAPACITY {
            0
        } else {
            token.len()
        };
        Self {
            stack: [0; Self::INLINE_CAPACITY],
            heap: vec![0; len],
        }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        if self.heap.is_empty() {
            &mut self.stack
        } else {
            &mut self.heap
        }
    }
}

impl std::fmt::Debug for CompactJws<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompactJws").finish_non_exhaustive()
    }
}

#[allow(clippy::mut_mut, reason = "as above")]
fn decode<'r>(segment: &[u8], buf: &mut &'r mut [u8]) -> Result<&'r [u8], TokenError> {
    let whole = mem::take(buf);
    let Some(len) = base64url::decode(segment, whole) else {
        *buf = whole;
        return Err(TokenError::InvalidBase64);
    };
    let (part, rest) = whole
        .split_at_mut_checked(len)
        .ok_or(TokenError::InvalidBase64)?;
    *buf = rest;
    Ok(part)
}

#[cfg(test)]
mod tests {
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
                for stray in (0..=u8::MAX)
                    .filter(|byte| !byte.is_ascii_alphanumeric() && !b"-_.".contains(byte))
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
}
