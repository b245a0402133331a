//! What the parameters of a route say.

use super::route::{NameMeaning, OrgLookup};
use crate::rejection::{Misconfiguration, Rejection};

/// What one pass over the parameters of a route found.
pub(crate) struct ParameterFindings<'p> {
    /// What the compared parameters say.
    pub(crate) organization: OrgLookup<'p>,
    /// The parameter that most clearly means a tenant among those that no layer compares or ignores.
    pub(super) undecided: Option<(NameMeaning, &'p str)>,
    /// A parameter that is not compared may contain an organization's code.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(super) may_contain_code: bool,
}

impl<'p> ParameterFindings<'p> {
    /// Checks that no undecided name always means a tenant.
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
