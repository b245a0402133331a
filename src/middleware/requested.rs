//! The organization that a request names instead of the caller's.

use std::borrow::Cow;

use super::findings::ParameterFindings;
use super::parameters::RouteParameters;
#[cfg(feature = "axum")]
use super::route::PathParams;
use super::route::{OrgLookup, Routing};
use crate::token::{Claims, OrgCode};

impl RouteParameters<'_> {
    /// Returns `false` if no place contains a string in the form of an organization's code. It is a
    /// cheap check before [`foreign_code`](Self::foreign_code).
    #[inline]
    pub(super) fn may_contain_code(
        &self,
        findings: &ParameterFindings<'_>,
        claims: &Claims,
    ) -> bool {
        let may_occur_in_path = || {
            let pattern = claims.org_code_pattern();
            self.routing != Routing::Matched
                && pattern.is_some_and(|pattern| pattern.may_occur_in(self.whole_path()))
        };
        findings.may_contain_code || may_occur_in_path()
    }

    /// Returns the code of another organization that a place contains and no layer excepts.
    pub(crate) fn foreign_code(
        &self,
        findings: &ParameterFindings<'_>,
        claims: &Claims,
        own: &OrgCode,
    ) -> Option<Cow<'_, str>> {
        let pattern = claims.org_code_pattern()?;
        let is_foreign = |segment: &str| pattern.matches(segment) && segment != own.as_str();
        // Compared parameters are the caller's own organization.
        #[cfg(feature = "axum")]
        if let PathParams::Known(params) = self.params
            && findings.may_contain_code
        {
            let mut codes = params.iter().filter_map(|(name, value)| {
                let code = value.split('/').find(|segment| is_foreign(segment))?;
                let is_rejected =
                    !self.is_compared(name) && !self.allows_other_organizations_in(name);
                is_rejected.then_some(code)
            });
            if let Some(code) = codes.next() {
                return Some(Cow::Borrowed(code));
            }
        }
        let _ = findings;
        if self.routing == Routing::Matched {
            return None;
        }
        let path = self.whole_path();
        pattern
            .may_occur_in(path)
            .then(|| self.foreign_segment(path, is_foreign))
            .flatten()
    }

    /// Returns the organization that the request names instead of the caller's, for an event.
    /// `found` is what the sources found.
    pub(crate) fn requested_code(
        &self,
        claims: &Claims,
        own: Option<&OrgCode>,
        found: OrgLookup<'_>,
    ) -> Option<String> {
        let mut findings = self.find(claims);
        let named = std::mem::replace(&mut findings.organization, OrgLookup::Absent);
        let is_other = |code: &str| own.is_none_or(|own| own.as_str() != code);
        match found.merge(named) {
            OrgLookup::Organization(code) if is_other(&code) => Some(code.into()),
            _ => Some(self.foreign_code(&findings, claims, own?)?.into_owned()),
        }
    }
}
