//! How an issuer's bound tokens are checked.

use super::Issuer;
use crate::proof_of_possession::ProofOfPossession;
use crate::verifier::config_error::ConfigError;

impl Issuer {
    /// Accepts tokens that are bound to a key or a certificate (`cnf`), if the sender proves that
    /// it has what the token is bound to. Default: bound tokens are rejected.
    ///
    /// Call it once per method. A token that is bound in two ways is accepted only if both methods
    /// are configured and both proofs succeed. Unbound tokens are still accepted, unless a layer
    /// has [`require_proof_of_possession`](crate::AuthorizeLayer::require_proof_of_possession).
    ///
    /// [`Verifier::verify`](crate::Verifier::verify) rejects bound tokens, because it does not know
    /// the request. Without a layer, call
    /// [`Verifier::verify_request`](crate::Verifier::verify_request).
    pub fn proof_of_possession(mut self, method: impl Into<ProofOfPossession>) -> Self {
        self.possession.add(method.into());
        self
    }

    /// Returns `true` if tokens can be bound to a key.
    #[cfg(feature = "dpop")]
    pub(in crate::verifier) fn has_dpop(&self) -> bool {
        self.possession.has_dpop()
    }

    pub(super) fn check_possession(&self) -> Result<(), ConfigError> {
        let problem = self.possession.problem();
        problem.map_or(Ok(()), |problem| {
            Err(ConfigError::new("proof_of_possession", problem))
        })
    }
}
