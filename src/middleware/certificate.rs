//! The client certificate of a request (RFC 8705 §3, RFC 9440).

use http::{Extensions, HeaderMap, Request};

use super::layer::AuthorizeLayer;
use crate::proof_of_possession::{
    CLIENT_CERT, CLIENT_CERT_CHAIN, Connection, PeerAddress, PossessionRules,
};
use crate::rejection::Rejection;
use crate::token::{Claims, Thumbprint, TokenError};

/// Checks that the client has the certificate that the token is bound to.
pub(super) fn check_certificate(
    rules: &PossessionRules,
    bound_to: &Thumbprint,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<(), Rejection> {
    let Some(rules) = &rules.mtls else {
        return Err(Rejection::InvalidClaims(TokenError::SenderConstrained));
    };
    let connection = Connection {
        headers,
        peer: peer_address(extensions),
        certificate: extensions.get(),
    };
    rules.check(bound_to, &connection)
}

/// Returns the address of the other end of the connection, if the server passes it.
fn peer_address(extensions: &Extensions) -> Option<PeerAddress> {
    let address = extensions.get::<PeerAddress>().copied();
    #[cfg(feature = "axum")]
    let address = address.or_else(|| {
        let axum::extract::ConnectInfo(address) = extensions.get()?;
        Some(PeerAddress::new(*address))
    });
    address
}

impl AuthorizeLayer {
    /// Removes certificate headers that a peer wrote which is not configured, so that no handler
    /// relies on them (RFC 9440 §4). The peers of resolved issuers are known only with the claims.
    pub(super) fn remove_unknown_certificate<B>(
        &self,
        claims: Option<&Claims>,
        request: &mut Request<B>,
    ) {
        if !self.verifier.checks_certificates() {
            return;
        }
        let headers = request.headers();
        if !headers.contains_key(CLIENT_CERT) && !headers.contains_key(CLIENT_CERT_CHAIN) {
            return;
        }
        let peer = peer_address(request.extensions());
        if self.verifier.ignores_certificate_header(claims, peer) {
            request.headers_mut().remove(CLIENT_CERT);
            request.headers_mut().remove(CLIENT_CERT_CHAIN);
        }
    }
}
