//! The condition under which a verifier of several issuers is ready.

/// The condition under which a verifier with several listed issuers is ready: see
/// [`VerifierBuilder::readiness`](crate::VerifierBuilder::readiness).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Readiness {
    /// Keys of every listed issuer are available.
    #[default]
    All,
    /// Keys of at least one listed issuer are available, so an outage of one issuer does not affect
    /// the callers of the others.
    Any,
}

impl Readiness {
    /// Returns `true` if this many of `total` issuers are enough.
    pub(super) fn is_satisfied(self, ready: usize, total: usize) -> bool {
        match self {
            Self::All => ready == total,
            // If no issuer is listed, the verifier waits for none.
            Self::Any => ready > 0 || total == 0,
        }
    }
}
