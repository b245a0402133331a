//! The settings of one layer about the parameters and segments of a path.

use super::template::{Segment, excepts_segment, parse_template};
use super::tenant_names::{NameMeaning, TenantNames};

/// The settings of one layer about the parameters and segments of a path. The settings of several
/// layers add up.
#[derive(Clone, Debug, Default)]
#[cfg_attr(not(feature = "axum"), allow(dead_code))]
pub(crate) struct ParameterSettings {
    compared: Vec<ComparedParameter>,
    ignored: Vec<String>,
    other_organizations: Vec<String>,
    pub(crate) names: TenantNames,
    literals: Vec<String>,
    other_organization_paths: Vec<Vec<Segment>>,
}

/// A parameter that is compared with the organization.
#[derive(Clone, Debug)]
struct ComparedParameter {
    name: String,
    presence: ParameterPresence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "axum"), allow(dead_code))]
pub(crate) enum ParameterPresence {
    Required,
    Optional,
}

#[cfg_attr(not(feature = "axum"), allow(dead_code))]
impl ParameterSettings {
    pub(crate) fn compare(&mut self, name: String, presence: ParameterPresence) {
        self.compared.push(ComparedParameter { name, presence });
    }

    pub(crate) fn ignore(&mut self, name: String) {
        self.ignored.push(name);
    }

    pub(crate) fn allow_other_organizations(&mut self, name: String) {
        self.other_organizations.push(name);
    }

    pub(crate) fn allow_literal(&mut self, segment: String) {
        self.literals.push(segment);
    }

    /// Allows other organizations in a position of the path. An invalid template names no position,
    /// so it allows none.
    pub(crate) fn allow_other_organizations_in_path(&mut self, template: &str) {
        self.other_organization_paths
            .extend(parse_template(template));
    }

    /// Returns every name that the layer compares.
    pub(crate) fn compared(&self) -> impl Iterator<Item = &str> {
        self.compared.iter().map(|compared| compared.name.as_str())
    }

    /// Returns the names that the matched route must have.
    pub(crate) fn required(&self) -> impl Iterator<Item = &str> {
        self.compared
            .iter()
            .filter(|compared| compared.presence == ParameterPresence::Required)
            .map(|compared| compared.name.as_str())
    }

    /// Returns `true` if the layer does not compare the parameter because it names no organization,
    /// or may name another one.
    pub(crate) fn ignores(&self, name: &str) -> bool {
        self.ignored.iter().any(|ignored| ignored == name) || self.allows_other_organizations(name)
    }

    pub(crate) fn allows_other_organizations(&self, name: &str) -> bool {
        self.other_organizations
            .iter()
            .any(|allowed| allowed == name)
    }

    /// Returns `true` if this segment of the path may have the form of another organization's code.
    pub(crate) fn allows_segment(&self, segment: &str, index: usize, path: &str) -> bool {
        self.literals.iter().any(|literal| literal == segment)
            || self
                .other_organization_paths
                .iter()
                .any(|template| excepts_segment(template, index, path))
    }

    pub(crate) fn meaning(&self, name: &str) -> NameMeaning {
        self.names.meaning(name)
    }
}
