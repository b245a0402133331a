//! The checks of callers whose tokens are valid.

use super::issuers::trusted::Resolution;
use super::verification::CallerVerdict;
use super::verifier::Verifier;
use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode, TokenError};

impl Verifier {
    /// Whether a caller is in good standing: revocation and suspension, then the lists of who is let in at all, then the
    /// application's check. It is asked for every request, and again where a global client wants to act for an
    /// organization that was not known before.
    pub(crate) fn check_caller(&self, claims: &Claims, acting: Option<&OrgCode>) -> CallerVerdict {
        let rechecks = self.0.rechecks.as_ref();
        let check = rechecks.and_then(|checks| checks.caller_check.as_ref());
        match (self.check_lists(claims, acting), check) {
            (Ok(()), Some(check)) => CallerVerdict::Pending(check.run(claims, acting)),
            (result, _) => CallerVerdict::Known(result),
        }
    }

    /// Checks the denylist and the allow-lists, which costs no wait.
    pub(crate) fn check_lists(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
    ) -> Result<(), Rejection> {
        let rechecks = self.0.rechecks.as_ref();
        if let Some(denylist) = rechecks.and_then(|checks| checks.denylist.as_ref())
            && let Err(rejection) = denylist
                .status(claims, acting, self.0.clock.unix_seconds())
                .into_result()
        {
            return Err(rejection);
        }
        if self.0.issuers.is_open() {
            return Ok(());
        }
        let resolution = self.0.issuers.lookup(claims.issuer());
        match (
            resolution
                .as_ref()
                .and_then(Resolution::trusted)
                .and_then(|issuer| self.0.issuers.get(issuer)),
            &resolution,
        ) {
            (Some(trusted), _) => trusted.rules.check_allow_lists(claims, acting),
            // It was trusted when the token was verified, a moment ago: it was withdrawn since, or has to be asked for again.
            (None, Some(Resolution::NotTrusted)) => Err(TokenError::UntrustedIssuer.into()),
            (None, _) => Err(Rejection::CallerStatusUnavailable),
        }
    }
}
