//! The scheme of credentials.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

/// The scheme of the credentials (RFC 9110 §11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthScheme {
    /// `Bearer` (RFC 6750), and a header for API keys.
    Bearer,
    /// `DPoP` (RFC 9449 §7.1).
    #[cfg_attr(not(feature = "dpop"), allow(dead_code))]
    Dpop,
}

impl AuthScheme {
    /// Returns the scheme in which a challenge reports an error. It is that of the credentials, if
    /// they have a known one (RFC 9449 §7.2).
    #[cfg_attr(not(any(feature = "dpop", feature = "axum")), allow(dead_code))]
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let value = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        match value.and_then(Self::after_dpop) {
            Some(_) => Self::Dpop,
            None => Self::Bearer,
        }
    }

    /// Returns the value after the scheme `DPoP`, or `None` if it has another scheme.
    #[cfg_attr(not(any(feature = "dpop", feature = "axum")), allow(dead_code))]
    pub(super) fn after_dpop(value: &[u8]) -> Option<&[u8]> {
        let (scheme, rest) = value.split_at_checked("DPoP".len())?;
        let ends = matches!(rest, [] | [b' ' | b'\t' | b',', ..]);
        (ends && scheme.eq_ignore_ascii_case(b"DPoP")).then_some(rest)
    }
}
