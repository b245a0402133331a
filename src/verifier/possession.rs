//! What a verifier knows about the proofs that belong to bound tokens.

#[cfg(feature = "dpop")]
use std::sync::Arc;
use std::time::Duration;

use super::issuers::trusted::Resolution;
use super::verifier::Verifier;
#[cfg(feature = "mtls")]
use crate::proof_of_possession::PeerAddress;
use crate::proof_of_possession::PossessionRules;
#[cfg(feature = "dpop")]
use crate::proof_of_possession::{DpopState, ReplayStatus};
use crate::rejection::Rejection;
use crate::token::{Claims, TokenError};

/// When a client should try again whose issuer has to be resolved again.
const RESOLVED_AGAIN: Duration = Duration::from_secs(1);

impl Verifier {
    /// Calls `check` with the rules of the token's issuer.
    ///
    /// The issuer was trusted when the token was verified. If the request waited since then, the
    /// issuer may have to be resolved again. Then it is not known whether it is trusted: 503.
    pub(crate) fn with_possession_rules<T>(
        &self,
        claims: &Claims,
        check: impl FnOnce(&PossessionRules) -> Result<T, Rejection>,
    ) -> Result<T, Rejection> {
        let retry_after = match self.0.issuers.lookup(claims.issuer()) {
            Some(Resolution::Trusted(issuer)) => match self.0.issuers.get(&issuer) {
                Some(trusted) => return check(&trusted.rules.possession),
                None => RESOLVED_AGAIN,
            },
            Some(Resolution::NotTrusted) => {
                return Err(Rejection::InvalidToken(TokenError::UntrustedIssuer));
            }
            Some(Resolution::Unavailable { retry_after }) => retry_after,
            None => RESOLVED_AGAIN,
        };
        Err(Rejection::KeysUnavailable { retry_after })
    }

    /// Returns `true` if tokens of a listed issuer can be bound to a certificate, or if issuers are
    /// resolved.
    #[cfg(feature = "mtls")]
    #[inline]
    pub(crate) fn checks_certificates(&self) -> bool {
        self.0.checks_certificates
    }

    /// Returns `true` if certificates are checked and the header `Client-Cert` of this peer does
    /// not count, neither for a listed issuer nor for that of the claims.
    #[cfg(feature = "mtls")]
    #[cold]
    pub(crate) fn ignores_certificate_header(
        &self,
        claims: Option<&Claims>,
        peer: Option<PeerAddress>,
    ) -> bool {
        let reads_header = |rules: &PossessionRules| {
            let mtls = rules.mtls.as_ref();
            mtls.map(|mtls| mtls.reads_header_of(peer))
        };
        let listed = self.0.issuers.listed().iter();
        let own = claims.and_then(|claims| {
            // If the issuer has to be resolved again, its peers are not known.
            self.with_possession_rules(claims, |rules| Ok(reads_header(rules)))
                .unwrap_or(Some(false))
        });
        let mut reads = listed
            .filter_map(|trusted| reads_header(&trusted.rules.possession))
            .chain(own)
            .peekable();
        reads.peek().is_some() && !reads.any(|reads| reads)
    }

    #[cfg_attr(not(feature = "dpop"), allow(dead_code))]
    pub(crate) fn now(&self) -> i64 {
        self.0.clock.unix_seconds()
    }

    /// Returns the number that no other verifier of this process has.
    #[cfg(feature = "dpop")]
    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// Returns what checks DPoP proofs, or `None` if no issuer has DPoP.
    #[cfg(feature = "dpop")]
    pub(crate) fn dpop(&self) -> Option<&DpopState> {
        self.0.dpop.as_deref()
    }

    /// Returns the algorithms for the challenge (`algs`, RFC 9449 §7.1), or `None` if no listed
    /// issuer has DPoP.
    #[cfg(feature = "dpop")]
    pub(crate) fn dpop_challenge(&self) -> Option<Arc<str>> {
        let algorithms = self.dpop()?.algorithms().iter();
        let names: Vec<&str> = algorithms.map(|algorithm| algorithm.name()).collect();
        (!names.is_empty()).then(|| names.join(" ").into())
    }

    /// Returns the number of used DPoP proofs in the memory of this process, and the limits of
    /// [`max_proofs`](crate::VerifierBuilder::max_proofs). Returns `None` if no issuer has DPoP.
    ///
    /// It is for status pages and alerts. A store that replicas share contains the proofs of all of
    /// them.
    ///
    /// ```
    /// use tower_m2m::{ProofOfPossession, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::issuer("https://issuer.example")
    ///     .audience("https://api.acme.com")
    ///     .proof_of_possession(ProofOfPossession::dpop("https://api.acme.com"))
    ///     .build()?;
    /// let status = verifier.replay_status().ok_or("DPoP is not configured")?;
    /// assert_eq!((status.stored_proofs, status.max_proofs), (0, 1_000_000));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "dpop")]
    #[must_use]
    pub fn replay_status(&self) -> Option<ReplayStatus> {
        self.dpop().map(|dpop| dpop.replays.status())
    }

    /// Returns the nonce that DPoP proofs should contain now (RFC 9449 §8), or `None` if nonces are
    /// not configured.
    ///
    /// A layer writes it into its responses. It is for services that call
    /// [`verify_request`](Self::verify_request) and write their responses themselves: they send it
    /// in the header `DPoP-Nonce`, together with `Cache-Control: no-store`.
    #[cfg(feature = "dpop")]
    #[must_use]
    pub fn dpop_nonce(&self) -> Option<String> {
        self.dpop()?.nonce(self.now())
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
