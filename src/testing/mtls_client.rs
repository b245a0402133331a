//! A client that has a certificate (RFC 8705).

use std::fmt;
use std::io;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
#[cfg(feature = "mtls")]
use http::header::AUTHORIZATION;
#[cfg(feature = "mtls")]
use http::{HeaderValue, Request};

use super::certificate::{SelfSigned, self_signed};
use super::encoding::base64url;
use super::mint::TokenBuilder;
#[cfg(feature = "mtls")]
use crate::proof_of_possession::ClientCertificate;

/// A client that has a self-signed certificate (mutual TLS, RFC 8705).
///
/// [`TokenBuilder::bound_to_certificate`] binds a token to it. The certificate and its key are
/// real, so they also work in a TLS handshake.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use tower_m2m::testing::{LocalIssuer, MtlsClient};
///
/// let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
/// let client = MtlsClient::new()?;
/// let token = issuer.org("org_a").bound_to_certificate(&client).token();
/// assert!(client.header().starts_with(":MII"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MtlsClient(Arc<SelfSigned>);

impl MtlsClient {
    /// Creates a client with a new key and a certificate that is valid until 2049.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no randomness.
    pub fn new() -> io::Result<Self> {
        self_signed().map(|made| Self(Arc::new(made)))
    }

    /// Returns the certificate in DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.0.certificate
    }

    /// Returns the private key in DER, as PKCS#8 (RFC 5958).
    #[must_use]
    pub fn key_der(&self) -> &[u8] {
        &self.0.key
    }

    /// Returns the SHA-256 thumbprint of the certificate, which a bound token has in `cnf.x5t#S256`
    /// (RFC 8705 §3.1).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        base64url(digest(&SHA256, self.certificate_der()))
    }

    /// Returns the value of `Client-Cert` that a proxy sends for this client (RFC 9440 §2.2).
    #[must_use]
    pub fn header(&self) -> String {
        format!(":{}:", STANDARD.encode(self.certificate_der()))
    }

    /// Returns what a TLS server puts into the extensions of the client's requests.
    #[cfg(feature = "mtls")]
    #[must_use]
    pub fn certificate(&self) -> ClientCertificate {
        ClientCertificate::from_der(self.certificate_der())
    }

    /// Adds the token to a request, and the certificate as a TLS server would.
    #[cfg(feature = "mtls")]
    #[must_use]
    pub fn authorize<B>(&self, mut request: Request<B>, token: &str) -> Request<B> {
        if let Ok(value) = HeaderValue::try_from(format!("Bearer {token}")) {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        request.extensions_mut().insert(self.certificate());
        request
    }
}

impl TokenBuilder {
    /// Binds the token to the certificate of a client (`cnf.x5t#S256`, RFC 8705 §3.1).
    #[must_use]
    pub fn bound_to_certificate(self, client: &MtlsClient) -> Self {
        self.member("cnf", "x5t#S256".to_owned(), client.thumbprint().into())
    }
}

impl fmt::Debug for MtlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MtlsClient").finish_non_exhaustive()
    }
}
