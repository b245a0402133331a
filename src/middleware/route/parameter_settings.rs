//! The settings of one layer about the parameters and segments of a path.

use super::parameter::is_parameter_name;
use super::template::{Segment, excepts_segment, parse_template};
use super::tenant_names::{NameMeaning, TenantNames, can_be_listed};
use crate::rejection::Misconfiguration;

/// The settings of one layer about the parameters and segments of a path. The settings of several
/// layers add up.
#[derive(Clone, Debug, Default)]
#[cfg_attr(not(feature = "axum"), allow(dead_code))]
pub(crate) struct ParameterSettings {
    compared: Vec<ComparedParameter>,
    ignored: Vec<String>,
    other_organizations: Vec<String>,
    names: TenantNames,
    literals: Vec<String>,
    other_organization_paths: Vec<Vec<Segment>>,
    invalid: Option<Misconfiguration>,
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
        let setting = match presence {
            ParameterPresence::Required => "organization_parameter",
            ParameterPresence::Optional => "optional_organization_parameter",
        };
        self.check_name(setting, &name);
        self.compared.push(ComparedParameter { name, presence });
    }

    pub(crate) fn ignore(&mut self, name: String) {
        self.check_name("ignore_parameter", &name);
        self.ignored.push(name);
    }

    pub(crate) fn allow_other_organizations(&mut self, name: String) {
        self.check_name("allow_other_organizations_in", &name);
        self.other_organizations.push(name);
    }

    pub(crate) fn set_tenant_names(&mut self, names: Vec<String>) {
        for name in &names {
            self.check(can_be_listed(name), "tenant_parameter_names", name);
        }
        self.names.tenant = Some(names);
    }

    pub(crate) fn set_possible_tenant_names(&mut self, names: Vec<String>) {
        for name in &names {
            self.check(can_be_listed(name), "possible_tenant_parameter_names", name);
        }
        self.names.possible = Some(names);
    }

    pub(crate) fn allow_literal(&mut self, segment: String) {
        let is_segment = !segment.is_empty() && !segment.contains(['/', '{', '}']);
        self.check(is_segment, "allow_path_segment", &segment);
        self.literals.push(segment);
    }

    /// Allows other organizations in a position of the path. An invalid template names no position,
    /// so it allows none.
    pub(crate) fn allow_other_organizations_in_path(&mut self, template: &str) {
        let segments = parse_template(template);
        self.check(
            segments.is_some(),
            "allow_other_organizations_in_path",
            template,
        );
        self.other_organization_paths.extend(segments);
    }

    fn check_name(&mut self, setting: &'static str, name: &str) {
        self.check(is_parameter_name(name), setting, name);
    }

    fn check(&mut self, is_valid: bool, setting: &'static str, value: &str) {
        if !is_valid {
            self.add_invalid(setting, value);
        }
    }

    /// Keeps the first value with which its setting can have no effect.
    pub(crate) fn add_invalid(&mut self, setting: &'static str, value: &str) {
        self.invalid
            .get_or_insert_with(|| Misconfiguration::InvalidSetting {
                setting,
                value: value.into(),
            });
    }

    /// Returns the setting that can have no effect, if there is one.
    pub(crate) fn invalid(&self) -> Option<&Misconfiguration> {
        self.invalid.as_ref()
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
