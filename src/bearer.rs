//! Extraction of the bearer token from the headers (RFC 6750 §2.1, RFC 9110 §11.4).

mod scheme;

use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;
pub(crate) use scheme::AuthScheme;

/// The bearer credentials of a request: exactly one, and not too long.
///
/// Only [`token`](Self::token) checks their characters. A cached token does not need it.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
/// use tower_m2m::bearer::{BearerError, Credentials};
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(Credentials::from_headers(&headers, 8192).unwrap_err(), BearerError::Missing);
/// headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer abc.def.ghi"));
/// assert_eq!(Credentials::from_headers(&headers, 8192)?.token()?, "abc.def.ghi");
/// # Ok::<(), BearerError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    token: &'a [u8],
    scheme: AuthScheme,
}

/// Distinguishes the `Authorization` value of a request from another that replaced it: the buffer,
/// the length, and the end of the token. The end is part of it, because a new value can get the
/// memory of the old one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CredentialsIdentity {
    address: usize,
    length: usize,
    end: [u8; 8],
}

/// The reason why a request has no usable bearer credentials, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BearerError {
    /// No `Authorization` header, or an empty one.
    Missing,
    /// The header has credentials of another scheme, such as `Basic`.
    UnsupportedScheme,
    /// The header has a token without the scheme `Bearer`: one word with two dots.
    BareToken,
    /// More than one credential: two headers, or a list in one (RFC 6750 §3.1).
    MultipleCredentials,
    /// There is no token after `Bearer`, or no space before it.
    Malformed,
    /// The token is longer than allowed.
    TooLong {
        /// The longest token that is read, in bytes.
        max_bytes: usize,
    },
    /// A character that no token has (RFC 6750 §2.1, `b64token`).
    InvalidCharacter,
}

impl<'a> Credentials<'a> {
    /// Extracts the credentials. It reads only the `Authorization` header, never the query, a form
    /// or `Proxy-Authorization`.
    ///
    /// # Errors
    ///
    /// Returns any [`BearerError`] except [`InvalidCharacter`](BearerError::InvalidCharacter).
    pub fn from_headers(
        headers: &'a HeaderMap,
        max_token_bytes: usize,
    ) -> Result<Self, BearerError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Err(BearerError::Missing);
        };
        if values.next().is_some() {
            return Err(BearerError::MultipleCredentials);
        }
        let value = value.as_bytes();
        let Some((scheme, rest)) = value.split_at_checked("Bearer".len()) else {
            return Err(without_bearer(value));
        };
        // Nearly all clients write it so. Letters of both cases are compared one by one.
        if scheme != b"Bearer" && !scheme.eq_ignore_ascii_case(b"Bearer") {
            return Err(without_bearer(value));
        }
        let token = match rest {
            [b' ', token @ ..] => without_leading_spaces(token),
            [] | [b'\t' | b',', ..] => return Err(BearerError::Malformed),
            // Another scheme whose name begins with the same letters.
            _ => return Err(without_bearer(value)),
        };
        Self::new(token, AuthScheme::Bearer, max_token_bytes)
    }

    /// Extracts credentials of the scheme `DPoP` (RFC 9449 §7.1).
    #[cfg(feature = "dpop")]
    pub(crate) fn from_dpop(
        headers: &'a HeaderMap,
        max_token_bytes: usize,
    ) -> Result<Self, BearerError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(BearerError::Missing)?.as_bytes();
        if values.next().is_some() {
            return Err(BearerError::MultipleCredentials);
        }
        match AuthScheme::after_dpop(value) {
            Some([b' ', token @ ..]) => Self::new(
                without_leading_spaces(token),
                AuthScheme::Dpop,
                max_token_bytes,
            ),
            Some(_) => Err(BearerError::Malformed),
            None => Err(BearerError::UnsupportedScheme),
        }
    }

    fn new(
        token: &'a [u8],
        scheme: AuthScheme,
        max_token_bytes: usize,
    ) -> Result<Self, BearerError> {
        if token.is_empty() {
            return Err(BearerError::Malformed);
        }
        if token.len() > max_token_bytes {
            return Err(BearerError::TooLong {
                max_bytes: max_token_bytes,
            });
        }
        Ok(Self { token, scheme })
    }

    pub(crate) fn scheme(self) -> AuthScheme {
        self.scheme
    }

    /// Extracts an API key from a header of its own, or returns `None` if the request does not have
    /// the header. A credential in two places is an error.
    #[cfg(feature = "introspection")]
    pub(crate) fn from_key_header(
        headers: &'a HeaderMap,
        name: &http::HeaderName,
        max_token_bytes: usize,
    ) -> Option<Result<Self, BearerError>> {
        let mut values = headers.get_all(name).iter();
        let key = values.next()?.as_bytes().trim_ascii();
        Some(
            if values.next().is_some() || headers.contains_key(AUTHORIZATION) {
                Err(BearerError::MultipleCredentials)
            } else {
                Self::new(key, AuthScheme::Bearer, max_token_bytes)
            },
        )
    }

    /// Returns the place and the end of the token, by which a later layer recognizes it.
    pub(crate) fn identity(self) -> CredentialsIdentity {
        CredentialsIdentity {
            address: self.token.as_ptr().addr(),
            length: self.token.len(),
            end: self.token.last_chunk().copied().unwrap_or_default(),
        }
    }

    /// Returns the octets of the token, unchecked.
    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.token
    }

    /// Returns the token.
    ///
    /// # Errors
    ///
    /// Returns [`BearerError::MultipleCredentials`] if the value contains a comma, and
    /// [`BearerError::InvalidCharacter`] if it is not a `b64token` for another reason.
    pub fn token(self) -> Result<&'a str, BearerError> {
        check_b64token(self.token)?;
        std::str::from_utf8(self.token).map_err(|_| BearerError::InvalidCharacter)
    }
}

/// Removes leading spaces, but no tab. A tab is not allowed between scheme and token (RFC 9110
/// §11.4).
fn without_leading_spaces(bytes: &[u8]) -> &[u8] {
    let spaces = bytes.iter().take_while(|byte| **byte == b' ').count();
    bytes.get(spaces..).unwrap_or_default()
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
pub(crate) fn check_b64token(token: &[u8]) -> Result<(), BearerError> {
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let text = token.get(..token.len() - padding).unwrap_or_default();
    // The loop has no early exit, so the compiler can check many bytes at a time.
    let allowed = text.iter().fold(true, |all, byte| all & is_allowed(*byte));
    if text.is_empty() || !allowed {
        return Err(if token.contains(&b',') {
            BearerError::MultipleCredentials
        } else {
            BearerError::InvalidCharacter
        });
    }
    Ok(())
}

/// Without branches, so that the compiler can vectorize the loop that calls it.
#[allow(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
const fn is_allowed(byte: u8) -> bool {
    // `-`, `.` and `/` are adjacent, and the digits follow them.
    let from_hyphen_to_nine = byte.wrapping_sub(b'-') <= b'9' - b'-';
    let letter = (byte | 0x20).wrapping_sub(b'a') <= b'z' - b'a';
    from_hyphen_to_nine | letter | (byte == b'_') | (byte == b'~') | (byte == b'+')
}

/// Classifies a header without the scheme `Bearer`. A bearer credential can hide in a list.
fn without_bearer(value: &[u8]) -> BearerError {
    let hidden = |part: &[u8]| {
        part.trim_ascii()
            .get(..7)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"bearer "))
    };
    if value.split(|byte| *byte == b',').skip(1).any(hidden) {
        BearerError::MultipleCredentials
    } else if value.trim_ascii().is_empty() {
        BearerError::Missing
    } else if is_bare_token(value) {
        BearerError::BareToken
    } else {
        BearerError::UnsupportedScheme
    }
}

/// One word with two dots, as a JWT has them. No scheme has a dot in its name and no credentials.
fn is_bare_token(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let is_one_word = !value
        .iter()
        .any(|byte| byte.is_ascii_whitespace() || *byte == b',');
    is_one_word && value.split(|byte| *byte == b'.').count() == 3
}

impl BearerError {
    /// Returns a stable machine-readable name for logs, metrics and tests.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing_token",
            Self::MultipleCredentials => "multiple_credentials",
            Self::Malformed => "malformed_header",
            Self::UnsupportedScheme | Self::BareToken => "unsupported_scheme",
            Self::TooLong { .. } => "token_too_long",
            Self::InvalidCharacter => "invalid_character",
        }
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl fmt::Display for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no bearer token",
            Self::UnsupportedScheme => {
                "the Authorization header has another scheme than Bearer (send `Bearer`, a space and the token)"
            }
            Self::BareToken => {
                "the Authorization header has a token without a scheme (send `Bearer`, a space and the token)"
            }
            Self::MultipleCredentials => "there is more than one credential",
            Self::Malformed => "the Authorization header is not `Bearer`, a space and a token",
            Self::TooLong { max_bytes } => {
                return write!(
                    f,
                    "the token is longer than {max_bytes} bytes (max_token_bytes sets the limit)"
                );
            }
            Self::InvalidCharacter => "the token has characters that no bearer token has",
        })
    }
}

impl std::error::Error for BearerError {}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
