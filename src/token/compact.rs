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
#[cfg(tower_m2m_unit_tests)]
mod tests;
