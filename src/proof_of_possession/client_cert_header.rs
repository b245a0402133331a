//! The header `Client-Cert`, in which a proxy passes the certificate of its client on (RFC 9440).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName};

use super::client_certificate::ClientCertificate;
use crate::token::CertificateHeaderError;

/// The certificate of the client.
pub(crate) const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");

/// The certificates of its issuers (RFC 9440 §2.3), which no check reads.
pub(crate) const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// The longest value that is decoded.
const MAX_BYTES: usize = 16 * 1024;

/// Parsers of byte sequences should accept missing padding and pad bits that are not zero (RFC 8941
/// §4.2.7). The thumbprint is that of the decoded bytes, so the encoding makes no difference.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Returns the certificate of a request, or `None` if the header is absent or the byte sequence is
/// empty.
pub(super) fn certificate_from(
    headers: &HeaderMap,
) -> Result<Option<ClientCertificate>, CertificateHeaderError> {
    let mut values = headers.get_all(CLIENT_CERT).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let value = value.as_bytes();
    if values.next().is_some() {
        return Err(CertificateHeaderError::Multiple);
    }
    if value.len() > MAX_BYTES {
        return Err(CertificateHeaderError::TooLong);
    }
    if value.contains(&b',') {
        return Err(CertificateHeaderError::Multiple);
    }
    let [b':', base64 @ .., b':'] = value.trim_ascii() else {
        return Err(CertificateHeaderError::Malformed);
    };
    let der = BASE64
        .decode(base64)
        .map_err(|_| CertificateHeaderError::Malformed)?;
    Ok((!der.is_empty()).then(|| ClientCertificate::from_der(der)))
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
