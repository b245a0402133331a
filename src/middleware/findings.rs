//! The findings about the parameters of a route.

use super::route::{NameMeaning, OrgLookup};
use crate::rejection::{Misconfiguration, Rejection};

/// The result of one pass over the parameters of a route.
pub(crate) struct ParameterFindings<'p> {
    /// The organization that the compared parameters name.
    pub(crate) organization: OrgLookup<'p>,
    /// Of the parameters that no layer compares or ignores, the one with the strongest tenant
    /// meaning.
    pub(super) undecided: Option<(NameMeaning, &'p str)>,
    /// A parameter that is not compared may contain an organization's code.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(super) may_contain_code: bool,
}

impl<'p> ParameterFindings<'p> {
    /// The route has no parameters.
    pub(super) const NONE: Self = Self {
        organization: OrgLookup::Absent,
        undecided: None,
        may_contain_code: false,
    };

    /// Checks that each name that always means a tenant is compared or ignored.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection::Misconfigured`] with the name.
    pub(crate) fn check_undecided(&self) -> Result<(), Rejection> {
        match self.undecided {
            Some((NameMeaning::Tenant, name)) => {
                let problem = Misconfiguration::UndecidedParameter(name.into());
                Err(Rejection::Misconfigured(problem))
            }
            _ => Ok(()),
        }
    }

    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(super) fn add_organization(&mut self, code: OrgLookup<'p>) {
        let found = std::mem::replace(&mut self.organization, OrgLookup::Absent);
        self.organization = match found {
            OrgLookup::Absent => code,
            found => found.merge(code),
        };
    }
}
