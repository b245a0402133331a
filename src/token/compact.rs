//! The compact serialization (RFC 7515 §3.1, RFC 8725bis §3.14).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::TokenError;

/// The three segments of a token, still encoded, borrowed from it.
///
/// ```
/// use tower_m2m::token::Compact;
///
/// # fn main() -> Result<(), tower_m2m::token::TokenError> {
/// let compact = Compact::split("eyJhbGciOiJSUzI1NiJ9.e30.c2ln")?;
/// assert_eq!(compact.signing_input(), "eyJhbGciOiJSUzI1NiJ9.e30");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Compact<'a> {
    signing_input: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    /// Splits a token at its dots. Alphabet and padding are judged by the decoding that follows.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotThreeSegments`], [`TokenError::Encrypted`] for five segments, [`TokenError::NoSignature`].
    pub fn split(token: &'a str) -> Result<Self, TokenError> {
        // At most four dots are looked for, so that a million of them cost nothing (CVE-2025-27144).
        let mut segments = token.splitn(6, '.');
        let (Some(header), Some(payload), Some(signature)) = (segments.next(), segments.next(), segments.next()) else {
            return Err(TokenError::NotThreeSegments);
        };
        match (segments.next(), segments.next(), segments.next()) {
            (None, ..) if signature.is_empty() => Err(TokenError::NoSignature),
            (None, ..) => {
                let signing_input = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
                Ok(Self { signing_input, header, payload, signature })
            }
            (Some(_), Some(_), None) => Err(TokenError::Encrypted),
            _ => Err(TokenError::NotThreeSegments),
        }
    }

    /// The octets that were signed, exactly as received (RFC 7515 §5.2).
    #[must_use]
    pub fn signing_input(&self) -> &'a str {
        self.signing_input
    }

    /// The octets of the JOSE header (RFC 7515 §4).
    ///
    /// # Errors
    ///
    /// [`TokenError::Base64`] for anything but canonical base64url without padding.
    pub fn decode_header(&self) -> Result<Vec<u8>, TokenError> {
        decode(self.header)
    }

    /// The octets of the claims set (RFC 7519 §4).
    ///
    /// # Errors
    ///
    /// [`TokenError::Base64`] for anything but canonical base64url without padding.
    pub fn decode_payload(&self) -> Result<Vec<u8>, TokenError> {
        decode(self.payload)
    }

    /// Decodes the signature into `buffer` and gives the part that was written.
    ///
    /// # Errors
    ///
    /// [`TokenError::Base64`] as for the [header](Self::decode_header); [`TokenError::Signature`] when it does not fit, since no
    /// supported signature is longer than [`SIGNATURE_MAX`](Compact::SIGNATURE_MAX).
    pub fn decode_signature<'b>(&self, buffer: &'b mut [u8; SIGNATURE_MAX]) -> Result<&'b [u8], TokenError> {
        // The estimate is what `decode_slice` asks for, and it is up to two bytes more than what is written.
        if self.signature.len() > SIGNATURE_MAX / 3 * 4 {
            return Err(TokenError::Signature);
        }
        let len = URL_SAFE_NO_PAD.decode_slice(self.signature, buffer).map_err(|_| TokenError::Base64)?;
        buffer.get(..len).ok_or(TokenError::Signature)
    }

    /// Bytes that hold any supported signature: that of an RSA key of 8192 bits, rounded up to whole base64 groups.
    pub const SIGNATURE_MAX: usize = SIGNATURE_MAX;
}

const SIGNATURE_MAX: usize = 1026;

impl std::fmt::Debug for Compact<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compact").finish_non_exhaustive()
    }
}

fn decode(segment: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| TokenError::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules 26, 27, 36: exactly two dots, five segments told apart, no empty signature.
    #[test]
    fn rule_26_27_36_segments() {
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
            assert_eq!(Compact::split(token).unwrap_err(), error, "{token}");
        }
        assert!(Compact::split("a.b.c").is_ok());
        assert_eq!(Compact::split(&".".repeat(1_000_000)).unwrap_err(), NotThreeSegments);
    }

    /// Rule 36: what is longer than any signature is not decoded.
    #[test]
    fn rule_36_the_longest_signature() {
        for (letters, expected) in [(1_368, Ok(1_026)), (1_369, Err(TokenError::Signature)), (4_000, Err(TokenError::Signature))]
        {
            let token = format!("e30.e30.{}", "A".repeat(letters));
            let mut buffer = [0; SIGNATURE_MAX];
            let decoded = Compact::split(&token).unwrap().decode_signature(&mut buffer).map(<[u8]>::len);
            assert_eq!(decoded, expected, "{letters} letters");
        }
    }

    /// Rule 28: no padding, no other alphabet, no white space, no stray bits.
    #[test]
    fn rule_28_base64url_is_canonical() {
        for (payload, fine) in
            [("e30", true), ("e30=", false), ("e31", false), ("e3 0", false), ("e3\n0", false), ("e+/0", false), ("e", false)]
        {
            let token = format!("e30.{payload}.c2ln");
            let decoded = Compact::split(&token).and_then(|compact| compact.decode_payload());
            assert_eq!(decoded.is_ok(), fine, "{payload}");
            let token = format!("{payload}.e30.c2ln");
            let decoded = Compact::split(&token).and_then(|compact| compact.decode_header());
            assert_eq!(decoded.is_ok(), fine, "{payload}");
        }
        let mut buffer = [0; Compact::SIGNATURE_MAX];
        for (signature, fine) in [("c2ln", true), ("c2ln=", false), ("c2l", false), ("c2k", true)] {
            let token = format!("e30.e30.{signature}");
            let compact = Compact::split(&token).unwrap();
            assert_eq!(compact.decode_signature(&mut buffer).is_ok(), fine, "{signature}");
        }
    }

    #[test]
    fn a_signature_of_8192_bits_fits_and_a_longer_one_is_refused_before_decoding() {
        let mut buffer = [0; Compact::SIGNATURE_MAX];
        let longest = format!("e30.e30.{}", URL_SAFE_NO_PAD.encode([7; 1024]));
        assert_eq!(Compact::split(&longest).unwrap().decode_signature(&mut buffer).unwrap().len(), 1024);
        let longer = format!("e30.e30.{}", "A".repeat(1372));
        assert_eq!(Compact::split(&longer).unwrap().decode_signature(&mut buffer), Err(TokenError::Signature));
    }
}
