//! The check of the client certificate against the token (RFC 8705 §3).

use http::HeaderMap;

use super::client_cert_header::certificate_from;
use super::client_certificate::{ClientCertificate, PeerAddress};
use super::ip_range::IpRange;
use crate::rejection::Rejection;
use crate::token::{Thumbprint, TokenError};

/// How the certificates for the tokens of one issuer are found.
#[derive(Debug)]
pub(crate) struct MtlsRules {
    header_from: Box<[IpRange]>,
}

/// The parts of a request that say which certificate its client has.
pub(crate) struct Connection<'r> {
    pub(crate) headers: &'r HeaderMap,
    /// `None` if the server did not pass the address.
    pub(crate) peer: Option<PeerAddress>,
    /// The certificate of the peer. If the peer is a proxy, it is that of the proxy.
    pub(crate) certificate: Option<&'r ClientCertificate>,
}

impl MtlsRules {
    pub(super) fn new(header_from: Vec<IpRange>) -> Self {
        Self {
            header_from: header_from.into(),
        }
    }

    /// Returns `true` if the header of this peer names the client's certificate. Without an address
    /// it does not.
    pub(crate) fn reads_header_of(&self, peer: Option<PeerAddress>) -> bool {
        let Some(peer) = peer else {
            return false;
        };
        let address = peer.address().ip();
        self.header_from.iter().any(|range| range.contains(address))
    }

    /// Returns the ranges of peers that are broader than a private network.
    pub(crate) fn has_broad_range(&self) -> bool {
        self.header_from.iter().any(IpRange::is_broad)
    }

    /// Checks that the client has the certificate that a token is bound to.
    ///
    /// Behind a configured peer, only its header counts: the certificate of the connection is then
    /// that of the proxy, which all its clients would share.
    pub(crate) fn check(
        &self,
        bound_to: &Thumbprint,
        connection: &Connection<'_>,
    ) -> Result<(), Rejection> {
        let from_header;
        let certificate = if self.reads_header_of(connection.peer) {
            from_header = certificate_from(connection.headers)
                .map_err(Rejection::InvalidCertificateHeader)?;
            from_header.as_ref()
        } else {
            connection.certificate
        };
        match certificate {
            None => Err(Rejection::InvalidClaims(TokenError::CertificateMissing)),
            Some(certificate) if certificate.matches(bound_to) => Ok(()),
            Some(_) => Err(Rejection::InvalidClaims(TokenError::WrongCertificate)),
        }
    }
}
