//! The places that a layer compares on a route, before any request arrives.

use super::layer::AuthorizeLayer;
use super::policy::AllowedCallers;
use super::route::{NameMeaning, TenantNames, parameter_names};
use super::settings::DEFAULT_PARAMETER;
use crate::rejection::Misconfiguration;
use crate::telemetry::compared::ComparedPlace;

/// A reason why a layer does not fit a route.
#[derive(Debug)]
pub(crate) enum RouteProblem {
    Misconfigured(Misconfiguration),
    /// A path template of the layer cannot match the route.
    UnmatchedTemplate,
    /// The layer admits only global clients to an organization's route, and requires no scope.
    GlobalWithoutScope,
}

/// Returns the first parameter of a public route that has a tenant name.
pub(crate) fn tenant_parameter(path: &str) -> Option<&str> {
    parameter_names(path).find(|name| TenantNames::default().meaning(name) == NameMeaning::Tenant)
}

impl AuthorizeLayer {
    /// Checks that the layer can decide about requests to this route.
    pub(crate) fn check_route(&self, path: &str) -> Result<(), RouteProblem> {
        let parameters = &self.settings.parameters;
        let misconfigured = |problem| Err(RouteProblem::Misconfigured(problem));
        if let Some(problem) = parameters.invalid() {
            return misconfigured(problem.clone());
        }
        let is_missing = |required: &&str| !parameter_names(path).any(|name| name == *required);
        if let Some(name) = parameters.required().find(is_missing) {
            return misconfigured(Misconfiguration::MissingParameter(name.into()));
        }
        let is_undecided = |name: &&str| {
            parameters.meaning(name) == NameMeaning::Tenant
                && !parameters.ignores(name)
                && !self.compares_parameter(name, path)
        };
        if let Some(name) = parameter_names(path).find(is_undecided) {
            return misconfigured(Misconfiguration::UndecidedParameter(name.into()));
        }
        let sources = &self.settings.organization_sources;
        if sources.iter().any(|source| !source.fits_route(path)) {
            return Err(RouteProblem::UnmatchedTemplate);
        }
        let policy = &self.settings.policy;
        if matches!(policy.allowed_callers, AllowedCallers::Global)
            && policy.requirement.is_none()
            && self.is_organization_scoped(path)
        {
            return Err(RouteProblem::GlobalWithoutScope);
        }
        Ok(())
    }

    /// Returns the places of the route that the layer compares with the token.
    pub(crate) fn compared_places(&self, path: &str) -> Vec<String> {
        let named = parameter_names(path)
            .filter(|name| self.is_named(name))
            .map(ComparedPlace::Path);
        let sources = self.settings.organization_sources.iter();
        let sources = sources.filter(|source| source.fits_route(path));
        let mut places: Vec<String> = Vec::new();
        for compared in named.chain(sources.map(super::OrganizationSource::compared_place)) {
            let compared = compared.to_string();
            if !places.contains(&compared) {
                places.push(compared);
            }
        }
        places
    }

    /// Returns the parameters of the route that the layer does not compare.
    pub(crate) fn uncompared_parameters<'p>(&self, path: &'p str) -> Vec<&'p str> {
        parameter_names(path)
            .filter(|name| !self.compares_parameter(name, path))
            .collect()
    }

    /// Returns `true` if the name of the parameter can mean a tenant and no setting decides it.
    pub(crate) fn is_possible_tenant(&self, name: &str) -> bool {
        let parameters = &self.settings.parameters;
        parameters.meaning(name) > NameMeaning::Other && !parameters.ignores(name)
    }

    pub(crate) fn is_organization_scoped(&self, path: &str) -> bool {
        !self.compared_places(path).is_empty()
    }

    fn is_named(&self, name: &str) -> bool {
        name == DEFAULT_PARAMETER
            || self
                .settings
                .parameters
                .compared()
                .any(|compared| compared == name)
    }

    fn compares_parameter(&self, name: &str, path: &str) -> bool {
        let stands = |segment: &str| parameter_names(segment).any(|parameter| parameter == name);
        let index = path.split('/').skip(1).position(stands);
        let mut sources = self.settings.organization_sources.iter();
        self.is_named(name)
            || index.is_some_and(|index| {
                sources.any(|source| source.compares_route_segment(index, path))
            })
    }
}
