//! What a server says about the connection of a request.

use std::fmt;
use std::net::SocketAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use crate::token::Thumbprint;

/// The certificate that the client of this connection proved to have in the TLS handshake (RFC 8705
/// §3). A server adds it to the extensions of each request of the connection.
///
/// Whether the certificate is trusted is the decision of the TLS server. For tokens it counts only
/// that the client has its key, so a self-signed certificate is fine (RFC 8705 §2.2).
///
/// ```
/// use tower_m2m::ClientCertificate;
///
/// # fn example(der: &[u8], mut request: http::Request<()>) {
/// // With rustls: `connection.peer_certificates()` returns the client's own certificate first.
/// request.extensions_mut().insert(ClientCertificate::from_der(der));
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// `None` if the certificate is empty, so that it fits no token.
    thumbprint: Option<Thumbprint>,
}

impl ClientCertificate {
    /// Creates it from the certificate in DER. Only its SHA-256 thumbprint is kept, so create it
    /// once for each connection and clone it for each request.
    pub fn from_der(der: impl AsRef<[u8]>) -> Self {
        let der = der.as_ref();
        let thumbprint = || digest(&SHA256, der).as_ref().try_into().ok();
        Self {
            thumbprint: (!der.is_empty()).then(thumbprint).flatten(),
        }
    }

    /// Returns `true` if this is the certificate that a token is bound to.
    pub(super) fn matches(&self, bound_to: &Thumbprint) -> bool {
        self.thumbprint
            .is_some_and(|own| verify_slices_are_equal(&own, bound_to).is_ok())
    }
}

/// Without the thumbprint, because it identifies the client.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// The address of the other end of the connection that a request came through: a client, or the
/// last proxy. A server adds it to the extensions of each request.
///
/// In axum, `ConnectInfo<SocketAddr>` is read too, if this type is absent. Never create it from a
/// header such as `X-Forwarded-For`: the sender of a request can write that.
///
/// ```
/// use std::net::SocketAddr;
/// use tower_m2m::PeerAddress;
///
/// # fn example(addr: SocketAddr, mut request: http::Request<()>) {
/// // `addr` is what `TcpListener::accept` returned.
/// request.extensions_mut().insert(PeerAddress::new(addr));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(SocketAddr);

impl PeerAddress {
    /// Creates it from the address that the listener returned.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    pub(super) fn address(self) -> SocketAddr {
        self.0
    }
}
