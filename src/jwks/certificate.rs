//! Certificates of authorities, in PEM form (RFC 7468 §5).

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Returns why this is not a certificate in PEM form, or `None` if it is one or several.
pub(crate) fn certificate_problem(pem: &[u8]) -> Option<&'static str> {
    let contains = |text: &[u8]| pem.windows(text.len()).any(|window| window == text);
    if contains(b"PRIVATE KEY-----") {
        return Some("contains a private key: only the certificate of the authority belongs here");
    }
    let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
    if certificates.peek().is_none() {
        return Some(
            "contains no certificate: it must be the content of a PEM file, not the path of the file",
        );
    }
    certificates
        .any(|certificate| certificate.is_err())
        .then_some("is not a certificate in PEM form (RFC 7468 §5)")
}
