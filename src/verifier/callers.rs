//! The checks of callers with valid tokens.

use super::verification::CallerVerdict;
use super::verifier::Verifier;
use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode};

impl Verifier {
    /// Checks the caller: first the denylist, then the allow-lists, then the application's caller
    /// check. It runs for every request, and again if a global client acts for an organization that
    /// was not known before.
    pub(crate) fn check_caller(&self, claims: &Claims, acting: Option<&OrgCode>) -> CallerVerdict {
        let rechecks = self.0.rechecks.as_ref();
        let check = rechecks.and_then(|checks| checks.caller_check.as_ref());
        match (self.check_lists(claims, acting), check) {
            (Ok(()), Some(check)) => CallerVerdict::Pending(check.run(claims, acting)),
            (result, _) => CallerVerdict::Known(result),
        }
    }

    /// Checks the denylist and the allow-lists, without waiting and without a lookup of the issuer.
    pub(crate) fn check_lists(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
    ) -> Result<(), Rejection> {
        let rechecks = self.0.rechecks.as_ref();
        if let Some(denylist) = rechecks.and_then(|checks| checks.denylist.as_ref())
            && let Err(rejection) = denylist.check(claims, acting, self.0.clock.unix_seconds())
        {
            return Err(rejection);
        }
        claims.check_allow_lists(acting).map_err(Rejection::from)
    }
}
