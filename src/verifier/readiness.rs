//! When a verifier of several issuers is ready.

/// When a verifier with several listed issuers is ready: see
/// [`VerifierBuilder::readiness`](crate::VerifierBuilder::readiness).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Readiness {
    /// If keys of every listed issuer are available.
    #[default]
    All,
    /// If keys of at least one listed issuer are available, so that an outage of one issuer does not affect the callers of
    /// the others.
    Any,
}

impl Readiness {
    /// Returns whether this many of `total` issuers are enough.
    pub(super) fn is_satisfied(self, ready: usize, total: usize) -> bool {
        match self {
            Self::All => ready == total,
            // If no issuer is listed, there is none to wait for.
            Self::Any => ready > 0 || total == 0,
        }
    }
}
