//! The places of a request that are compared with the token's organization, for the event.

use super::parameters::RouteParameters;
use crate::telemetry::compared::ComparedPlace;
use crate::token::{Claims, OrgCode};

impl RouteParameters<'_> {
    /// Calls a function with each place that is compared: the parameters, then the places that
    /// sources found, or the values if there is neither.
    pub(crate) fn visit_compared<'p>(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
        found: impl Iterator<Item = ComparedPlace<'p>>,
        visit: &mut dyn FnMut(ComparedPlace<'_>),
    ) {
        let mut is_named = false;
        self.visit_names(|name| {
            if self.is_compared(name) {
                is_named = true;
                visit(ComparedPlace::Path(name));
            }
        });
        for compared_at in found {
            is_named = true;
            visit(compared_at);
        }
        if !is_named && claims.org_code().or(acting).is_some() && self.checks_values(claims) {
            visit(ComparedPlace::Value);
        }
    }

    /// Returns `true` if the layer checks that some value of the request is not the code of another
    /// organization.
    fn checks_values(&self, claims: &Claims) -> bool {
        if claims.org_code_pattern().is_none() {
            return false;
        }
        // If there is no matched route, the layer checks the segments of the whole path.
        let mut has_checked = self.matched().is_none();
        self.visit_names(|name| has_checked |= !self.allows_other_organizations_in(name));
        has_checked
    }
}
