//! The status of a verifier's keys.

use std::sync::Arc;

use super::issuers::trusted::TrustedIssuer;
use super::verifier::Verifier;
use crate::jwks::{IssuerStatus, SavedKeys};
use crate::token::BindingMethod;

impl Verifier {
    /// Returns `true` if tokens can be verified, as
    /// [`readiness`](crate::VerifierBuilder::readiness) defines it: by default, if keys of every
    /// listed issuer are available. A [replicated](crate::Denylist::replicated) denylist must also
    /// be loaded and not be too old. Does no I/O.
    ///
    /// This is for a readiness probe. A liveness probe should not use it, because a restart does
    /// not bring an issuer back.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let checks = self.0.rechecks.as_deref();
        let denylist = checks.and_then(|checks| checks.denylist.as_ref());
        if denylist.is_some_and(|denylist| !denylist.is_usable()) {
            return false;
        }
        let listed = self.0.issuers.listed();
        let ready = listed.iter().filter(|trusted| has_keys(trusted)).count();
        self.0.readiness.is_satisfied(ready, listed.len())
    }

    /// Returns `true` if keys of this issuer are available. Does no I/O.
    ///
    /// The issuer is listed, or was resolved and is still cached. For any other name the result is
    /// `false`.
    ///
    /// ```
    /// use tower_m2m::Verifier;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
    /// assert!(!verifier.is_ready_for("https://acme.kinde.com"), "no key was fetched yet");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_ready_for(&self, issuer: &str) -> bool {
        let resolved = self.0.issuers.resolved();
        self.trusted_issuers(&resolved)
            .find(|trusted| *trusted.issuer == *issuer)
            .is_some_and(has_keys)
    }

    /// Returns the status of each issuer's keys, for status pages and alerts. Does no I/O. Resolved
    /// issuers are included.
    #[must_use]
    pub fn status(&self) -> Vec<IssuerStatus> {
        let resolved = self.0.issuers.resolved();
        let mut status: Vec<_> = self
            .trusted_issuers(&resolved)
            .map(|trusted| trusted.keys.status())
            .collect();
        status.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        status
    }

    /// Returns the current keys. Pass them to
    /// [`VerifierBuilder::restore_keys`](crate::VerifierBuilder::restore_keys) at the next start.
    #[must_use]
    pub fn export_keys(&self) -> Vec<SavedKeys> {
        let resolved = self.0.issuers.resolved();
        self.trusted_issuers(&resolved)
            .filter_map(|trusted| trusted.keys.export())
            .collect()
    }

    fn trusted_issuers<'a>(
        &'a self,
        resolved: &'a [Arc<TrustedIssuer>],
    ) -> impl Iterator<Item = &'a TrustedIssuer> {
        self.0
            .issuers
            .listed()
            .iter()
            .chain(resolved.iter().map(Arc::as_ref))
    }
}

fn has_keys(trusted: &TrustedIssuer) -> bool {
    trusted.keys.current().is_some()
}

impl Verifier {
    /// Returns `true` if tokens of a listed issuer may be bound in this way.
    pub(crate) fn accepts_binding(&self, method: BindingMethod) -> bool {
        let mut listed = self.0.issuers.listed().iter();
        listed.any(|trusted| trusted.rules.bindings.contains(&method))
    }

    /// Returns the names of the algorithms that DPoP proofs may be signed with.
    #[cfg_attr(not(feature = "dpop"), allow(clippy::unused_self))]
    pub(crate) fn proof_algorithms(&self) -> Vec<&'static str> {
        #[cfg(feature = "dpop")]
        if let Some(dpop) = self.dpop() {
            let algorithms = dpop.algorithms().iter();
            return algorithms.map(|algorithm| algorithm.name()).collect();
        }
        Vec::new()
    }
}
