//! The reasons why a `Client-Cert` header is rejected.

use std::fmt;

/// The reason why the `Client-Cert` header of a configured peer is rejected (RFC 9440 §2.2).
///
/// The message never contains a part of the certificate.
///
/// ```
/// use tower_m2m::Rejection;
/// use tower_m2m::token::CertificateHeaderError;
///
/// let rejection = Rejection::InvalidCertificateHeader(CertificateHeaderError::Malformed);
/// assert_eq!(rejection.code(), "certificate_header_malformed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateHeaderError {
    /// The request has more than one certificate: two headers, or a list in one.
    Multiple,
    /// The value is longer than 16 KiB.
    TooLong,
    /// The value is not one byte sequence: base64 between two colons (RFC 8941 §3.3.5).
    Malformed,
}

impl CertificateHeaderError {
    /// Returns a stable machine-readable name: for logs, metrics and tests.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Multiple => "multiple_certificate_headers",
            Self::TooLong => "certificate_header_too_long",
            Self::Malformed => "certificate_header_malformed",
        }
    }

    /// Returns the description for the client. It is a constant and is safe in a quoted string (RFC
    /// 6750 §3).
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Multiple => "the request has more than one Client-Cert header or value",
            Self::TooLong => "the Client-Cert header is longer than 16 KiB",
            Self::Malformed => "the Client-Cert header must be one byte sequence of RFC 8941",
        }
    }
}

impl fmt::Display for CertificateHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multiple => f.write_str(
                "the request has more than one Client-Cert header or value (the proxy must delete the client's own header \
                 before it writes one)",
            ),
            Self::Malformed => f.write_str(
                "the Client-Cert header is not one byte sequence (the proxy must write the DER certificate in base64 between \
                 two colons)",
            ),
            Self::TooLong => f.write_str(self.description()),
        }
    }
}

impl std::error::Error for CertificateHeaderError {}
