//! What the parameters and the path of a request say about organizations, for all layers together.

#[cfg(feature = "axum")]
use axum::extract::{MatchedPath, OriginalUri};
use http::{Extensions, Uri};

use super::route::{
    NameMeaning, OrgLookup, PathParams, TenantNames, decoded_segments, is_parameter_name,
    parameter_names,
};
use super::settings::{DEFAULT_PARAMETER, LayerSettings};
use crate::rejection::{Misconfiguration, Rejection};
use crate::token::{Claims, OrgCode};

/// A request, and the settings of all layers that decide about it. The settings add up.
#[derive(Clone)]
pub(crate) struct RouteParameters<'r, L> {
    pub(crate) params: &'r PathParams,
    pub(crate) uri: &'r Uri,
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) extensions: &'r Extensions,
    pub(crate) layers: L,
}

impl<'s, L: Iterator<Item = &'s LayerSettings> + Clone> RouteParameters<'_, L> {
    /// Checks that it is known about each name whether it is compared. The layer reports a name that
    /// often means a tenant and that is not compared.
    pub(crate) fn check_names(&self, own: &LayerSettings) -> Result<(), Rejection> {
        if let Some(problem) = self.invalid_name().or_else(|| self.missing(own)) {
            return Err(Rejection::Misconfigured(problem));
        }
        if let (Some(name), Some(route)) = (self.check_undecided()?, self.matched()) {
            own.reported_routes.report(route, name);
        }
        Ok(())
    }

    /// Returns a name that often means a tenant and that no layer compares or ignores.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection::Misconfigured`] if there is such a name that always means a tenant.
    pub(crate) fn check_undecided(&self) -> Result<Option<&str>, Rejection> {
        match self.undecided() {
            Some((NameMeaning::Tenant, name)) => {
                let problem = Misconfiguration::UndecidedParameter(name.into());
                Err(Rejection::Misconfigured(problem))
            }
            possible => Ok(possible.map(|(_, name)| name)),
        }
    }

    /// Returns what the compared parameters say.
    pub(crate) fn organization(&self) -> OrgLookup {
        match self.params {
            PathParams::Absent => OrgLookup::Absent,
            #[cfg(feature = "axum")]
            PathParams::Undecodable => OrgLookup::Ambiguous,
            #[cfg(feature = "axum")]
            PathParams::Known(params) => params
                .iter()
                .filter(|(name, _)| self.is_compared(name))
                .map(|(_, code)| OrgLookup::code(code))
                .fold(OrgLookup::Absent, OrgLookup::merge),
        }
    }

    /// Returns a compared name that no parameter can have.
    fn invalid_name(&self) -> Option<Misconfiguration> {
        self.layers
            .clone()
            .flat_map(|layer| layer.parameters.compared())
            .find(|name| !is_parameter_name(name))
            .map(|name| Misconfiguration::InvalidParameterName(name.into()))
    }

    /// Returns the parameter that most clearly means a tenant among those that no layer compares or
    /// ignores.
    fn undecided(&self) -> Option<(NameMeaning, &str)> {
        self.names()
            .filter(|name| !self.is_compared(name))
            .map(|name| (self.meaning(name), name))
            .filter(|(meaning, name)| *meaning > NameMeaning::Other && !self.is_ignored(name))
            .reduce(|first, other| if other.0 > first.0 { other } else { first })
    }

    /// Returns a name that this layer requires and that the matched route does not have. A layer
    /// that sees no matched route cannot decide.
    fn missing(&self, layer: &LayerSettings) -> Option<Misconfiguration> {
        self.matched()?;
        layer
            .parameters
            .required()
            .find(|required| !self.names().any(|name| name == *required))
            .map(|name| Misconfiguration::MissingParameter(name.into()))
    }

    /// Returns `true` if a place that no layer excepts contains the code of another organization.
    pub(crate) fn contains_foreign_code(&self, claims: &Claims, own: &OrgCode) -> bool {
        let Some(pattern) = claims.org_code_pattern() else {
            return false;
        };
        let is_foreign = |segment: &str| pattern.matches(segment) && segment != own.as_str();
        let in_parameters = match self.params {
            #[cfg(feature = "axum")]
            PathParams::Known(params) => params.iter().any(|(name, value)| {
                value.split('/').any(is_foreign) && !self.allows_other_organizations_in(name)
            }),
            _ => false,
        };
        in_parameters || (self.matched().is_none() && self.path_contains(is_foreign))
    }

    fn path_contains(&self, is_foreign: impl Fn(&str) -> bool) -> bool {
        let path = self.whole_path();
        decoded_segments(path).enumerate().any(|(index, segment)| {
            segment.is_some_and(|segment| {
                is_foreign(&segment) && !self.allows_segment(&segment, index, path)
            })
        })
    }

    fn allows_segment(&self, segment: &str, index: usize, path: &str) -> bool {
        self.layers
            .clone()
            .any(|layer| layer.parameters.allows_segment(segment, index, path))
    }

    /// The path of the request before nesting routers removed a part of it.
    fn whole_path(&self) -> &str {
        #[cfg(feature = "axum")]
        if let Some(OriginalUri(whole)) = self.extensions.get() {
            return whole.path();
        }
        self.uri.path()
    }

    #[cfg(not(feature = "axum"))]
    #[allow(clippy::unused_self, reason = "only axum matches routes")]
    pub(crate) fn matched(&self) -> Option<&str> {
        None
    }

    #[cfg(feature = "axum")]
    pub(crate) fn matched(&self) -> Option<&str> {
        self.extensions.get().map(MatchedPath::as_str)
    }

    #[cfg(not(feature = "axum"))]
    #[allow(clippy::unused_self, reason = "only axum has parameters")]
    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Returns the parameters of the route. If a value is not valid UTF-8, the names come from the
    /// route's template.
    #[cfg(feature = "axum")]
    fn names(&self) -> impl Iterator<Item = &str> {
        let (decoded, template) = match self.params {
            PathParams::Absent => (None, None),
            PathParams::Known(params) => (Some(params), None),
            PathParams::Undecodable => (None, self.matched()),
        };
        let decoded = decoded
            .into_iter()
            .flat_map(|params| params.iter().map(|(name, _)| name));
        decoded.chain(template.into_iter().flat_map(parameter_names))
    }

    fn is_compared(&self, name: &str) -> bool {
        name == DEFAULT_PARAMETER
            || self
                .layers
                .clone()
                .any(|layer| layer.parameters.compared().any(|compared| compared == name))
    }

    fn is_ignored(&self, name: &str) -> bool {
        self.layers
            .clone()
            .any(|layer| layer.parameters.ignores(name))
            || self.is_compared_by_template(name)
    }

    /// Returns the strongest meaning that any layer gives to the name.
    fn meaning(&self, name: &str) -> NameMeaning {
        let meanings = self
            .layers
            .clone()
            .map(|layer| layer.parameters.meaning(name));
        meanings
            .max()
            .unwrap_or_else(|| TenantNames::default().meaning(name))
    }

    /// Returns `true` if a path template of a layer matched and compares the segment on which the
    /// parameter stands.
    fn is_compared_by_template(&self, name: &str) -> bool {
        let stands = |segment: &str| parameter_names(segment).any(|parameter| parameter == name);
        let Some(index) = self
            .matched()
            .and_then(|route| route.split('/').skip(1).position(stands))
        else {
            return false;
        };
        self.layers
            .clone()
            .flat_map(|layer| &layer.organization_sources)
            .any(|source| source.compares_segment(index, self.uri.path(), self.whole_path()))
    }

    #[cfg(feature = "axum")]
    fn allows_other_organizations_in(&self, name: &str) -> bool {
        self.layers
            .clone()
            .any(|layer| layer.parameters.allows_other_organizations(name))
    }
}
