//! How the certificates for the tokens of one issuer are found.

use super::ip_range::IpRange;
use super::mtls::MtlsRules;

/// The settings of certificate-bound tokens (RFC 8705 §3) of one issuer.
/// [`ProofOfPossession::mtls`](crate::ProofOfPossession::mtls) creates it.
///
/// ```
/// use tower_m2m::{IpRange, ProofOfPossession};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mtls = ProofOfPossession::mtls().client_cert_header_from(["10.0.0.0/8".parse::<IpRange>()?]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it has no effect until it is set at an issuer"]
pub struct Mtls {
    header_from: Option<Vec<IpRange>>,
}

impl Mtls {
    pub(super) fn new() -> Self {
        Self { header_from: None }
    }

    /// Sets the proxies that pass the client's certificate in the header `Client-Cert` (RFC 9440).
    /// Default: none, so the header never counts.
    ///
    /// The header counts only if the peer of the connection is in one of the ranges. The server
    /// must pass the peer's address: as [`PeerAddress`](crate::PeerAddress), or as axum's
    /// `ConnectInfo<SocketAddr>`. Without an address the header does not count. A layer removes
    /// the headers `Client-Cert` and `Client-Cert-Chain` from requests of all other peers. If
    /// issuers are resolved and no listed issuer has `mtls`, it removes them only if the token is
    /// of an issuer that has it.
    ///
    /// Behind such a proxy only the header counts, and not the certificate of the connection, which
    /// is that of the proxy. The proxy must delete the header that its client sent. The guide's
    /// chapter about bound tokens has a configuration.
    pub fn client_cert_header_from(mut self, ranges: impl IntoIterator<Item = IpRange>) -> Self {
        self.header_from = Some(ranges.into_iter().collect());
        self
    }

    /// Returns why a setting is invalid.
    pub(super) fn problem(&self) -> Option<String> {
        let is_empty = self.header_from.as_ref().is_some_and(Vec::is_empty);
        is_empty.then(|| "client_cert_header_from must have at least one range".to_owned())
    }

    pub(super) fn into_rules(self) -> MtlsRules {
        MtlsRules::new(self.header_from.unwrap_or_default())
    }
}
