//! The organizations that the parameters and the path of a request name, for all layers together.

use std::borrow::Cow;

#[cfg(feature = "axum")]
use axum::extract::{MatchedPath, OriginalUri, RawPathParams};
use http::{Extensions, Uri};

use super::findings::ParameterFindings;
use super::layer_stack::LayerStack;
#[cfg(feature = "axum")]
use super::route::OrgLookup;
use super::route::{
    NameMeaning, PathParams, Routing, TenantNames, decoded_segments, parameter_names,
};
use super::settings::{DEFAULT_PARAMETER, LayerSettings};
use crate::rejection::{Misconfiguration, Rejection};
use crate::token::Claims;

/// A request, and the settings of all layers that decide about it.
pub(crate) struct RouteParameters<'r> {
    pub(crate) params: &'r PathParams,
    pub(crate) uri: &'r Uri,
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) extensions: &'r Extensions,
    pub(crate) routing: Routing,
    pub(crate) layers: LayerStack<'r>,
}

impl RouteParameters<'_> {
    /// Checks that each name is compared or ignored. If a name often means a tenant and is not
    /// compared, the layer reports it.
    #[inline]
    pub(crate) fn check_names(
        &self,
        own: &LayerSettings,
        findings: &ParameterFindings<'_>,
    ) -> Result<(), Rejection> {
        if findings.undecided.is_none() && self.layers.is_default() {
            return Ok(());
        }
        self.check_custom_names(own, findings)
    }

    fn check_custom_names(
        &self,
        own: &LayerSettings,
        findings: &ParameterFindings<'_>,
    ) -> Result<(), Rejection> {
        if !self.layers.is_default()
            && let Some(problem) = self.invalid_setting().or_else(|| self.missing(own))
        {
            return Err(Rejection::Misconfigured(problem));
        }
        findings.check_undecided()?;
        if let (Some((_, name)), Some(route)) = (findings.undecided, self.matched()) {
            own.reported_routes.report(route, name);
        }
        Ok(())
    }

    /// Reads each parameter once.
    #[inline]
    #[cfg_attr(not(feature = "axum"), allow(unused_variables))]
    pub(crate) fn find(&self, claims: &Claims) -> ParameterFindings<'_> {
        match self.params {
            PathParams::Absent => ParameterFindings::NONE,
            #[cfg(feature = "axum")]
            PathParams::Known(params) => self.find_in(params, claims),
            #[cfg(feature = "axum")]
            PathParams::Undecodable => self.find_in_undecodable(),
        }
    }

    #[cfg(feature = "axum")]
    fn find_in<'p>(&self, params: &'p RawPathParams, claims: &Claims) -> ParameterFindings<'p> {
        let mut findings = ParameterFindings::NONE;
        let is_default = self.layers.is_default();
        let pattern = claims.org_code_pattern();
        for (name, value) in params {
            if name == DEFAULT_PARAMETER || (!is_default && self.is_compared(name)) {
                findings.add_organization(OrgLookup::code(value));
                continue;
            }
            self.find_undecided(name, &mut findings);
            findings.may_contain_code |= pattern.is_some_and(|pattern| pattern.may_occur_in(value));
        }
        findings
    }

    #[cfg(feature = "axum")]
    fn find_in_undecodable(&self) -> ParameterFindings<'_> {
        let mut findings = ParameterFindings {
            organization: OrgLookup::Ambiguous,
            ..ParameterFindings::NONE
        };
        for name in parameter_names(self.matched().unwrap_or_default()) {
            if !self.is_compared(name) {
                self.find_undecided(name, &mut findings);
            }
        }
        findings
    }

    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    fn find_undecided<'p>(&self, name: &'p str, findings: &mut ParameterFindings<'p>) {
        let meaning = self.meaning(name);
        let strongest = findings
            .undecided
            .map_or(NameMeaning::Other, |(found, _)| found);
        if meaning > strongest && !self.is_ignored(name) {
            findings.undecided = Some((meaning, name));
        }
    }

    /// Returns a setting of any layer that can have no effect.
    fn invalid_setting(&self) -> Option<Misconfiguration> {
        self.layers
            .iter()
            .find_map(|layer| layer.parameters.invalid())
            .cloned()
    }

    /// Returns a name that this layer requires and that the matched route does not have. If the
    /// layer sees no matched route, it cannot decide.
    fn missing(&self, layer: &LayerSettings) -> Option<Misconfiguration> {
        let is_missing = |required: &&str| {
            let mut is_missing = true;
            self.visit_names(|name| is_missing &= name != *required);
            is_missing && self.matched().is_some()
        };
        layer
            .parameters
            .required()
            .find(is_missing)
            .map(|name| Misconfiguration::MissingParameter(name.into()))
    }

    pub(super) fn foreign_segment<'p>(
        &self,
        path: &'p str,
        is_foreign: impl Fn(&str) -> bool,
    ) -> Option<Cow<'p, str>> {
        decoded_segments(path)
            .enumerate()
            .filter_map(|(index, segment)| Some((index, segment?)))
            .find(|(index, segment)| {
                // Another program that reads the path may decode an encoded slash.
                segment.split('/').any(&is_foreign) && !self.allows_segment(segment, *index, path)
            })
            .map(|(_, segment)| segment)
    }

    fn allows_segment(&self, segment: &str, index: usize, path: &str) -> bool {
        self.layers
            .iter()
            .any(|layer| layer.parameters.allows_segment(segment, index, path))
    }

    /// Returns the path of the request before nested routers removed a part of it.
    pub(super) fn whole_path(&self) -> &str {
        #[cfg(feature = "axum")]
        if self.routing != Routing::Unrouted
            && let Some(OriginalUri(whole)) = self.extensions.get()
        {
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
        if self.routing != Routing::Matched {
            return None;
        }
        self.extensions.get().map(MatchedPath::as_str)
    }

    /// Calls a function with each parameter of the route. If a value is not valid UTF-8, the names
    /// come from the route's template.
    #[cfg_attr(not(feature = "axum"), allow(unused_mut, unused_variables))]
    pub(super) fn visit_names<'p>(&'p self, mut visit: impl FnMut(&'p str)) {
        match self.params {
            PathParams::Absent => {}
            #[cfg(feature = "axum")]
            PathParams::Known(params) => params.iter().for_each(|(name, _)| visit(name)),
            #[cfg(feature = "axum")]
            PathParams::Undecodable => {
                let template = self.matched().unwrap_or_default();
                parameter_names(template).for_each(visit);
            }
        }
    }

    pub(super) fn is_compared(&self, name: &str) -> bool {
        name == DEFAULT_PARAMETER
            || self
                .layers
                .iter()
                .any(|layer| layer.parameters.compared().any(|compared| compared == name))
    }

    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    fn is_ignored(&self, name: &str) -> bool {
        self.layers
            .iter()
            .any(|layer| layer.parameters.ignores(name))
            || self.is_compared_by_template(name)
    }

    /// Returns the strongest meaning that any layer gives to the name.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    fn meaning(&self, name: &str) -> NameMeaning {
        if self.layers.is_default() {
            return TenantNames::default().meaning(name);
        }
        let meanings = self
            .layers
            .iter()
            .map(|layer| layer.parameters.meaning(name));
        meanings
            .max()
            .unwrap_or_else(|| TenantNames::default().meaning(name))
    }

    /// Returns `true` if a path template of a layer matched and compares the segment on which the
    /// parameter stands.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    fn is_compared_by_template(&self, name: &str) -> bool {
        let stands = |segment: &str| parameter_names(segment).any(|parameter| parameter == name);
        let Some(index) = self
            .matched()
            .and_then(|route| route.split('/').skip(1).position(stands))
        else {
            return false;
        };
        self.layers
            .iter()
            .flat_map(|layer| &layer.organization_sources)
            .any(|source| source.compares_segment(index, self.uri.path(), self.whole_path()))
    }

    pub(super) fn allows_other_organizations_in(&self, name: &str) -> bool {
        self.layers
            .iter()
            .any(|layer| layer.parameters.allows_other_organizations(name))
    }
}
