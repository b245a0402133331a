//! The decision whether a layer admits a request with a valid token: names, tenant, values, scopes.

use http::{Extensions, Request};

use super::layer_stack::{AppliedLayers, LayerStack};
use super::parameters::RouteParameters;
use super::policy::Admitted;
use super::route::{OrgLookup, PathParams, Routing};
use super::settings::LayerSettings;
use crate::extensions::{VerifiedRequest, acting_org};
use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode};

impl LayerSettings {
    /// Compares everything that the request says about organizations with the claims, then checks
    /// the scopes.
    pub(super) fn admit<B>(
        &self,
        claims: &Claims,
        parameters: &RouteParameters<'_>,
        request: &Request<B>,
    ) -> Result<Admitted, Rejection> {
        self.policy.check_credential(claims)?;
        let extensions = request.extensions();
        let mut findings = parameters.find(claims);
        parameters.check_names(self, &findings)?;
        let outer_acting = outer_acting_org(extensions, claims);
        let mut organization = std::mem::replace(&mut findings.organization, OrgLookup::Absent);
        for source in &self.organization_sources {
            organization = organization.merge(source.find(request));
        }
        let organization = organization.require_match(outer_acting);
        let admitted = self
            .policy
            .admit_tenant(claims, &organization.requested())?;
        let own = claims
            .org_code()
            .or(admitted.acting.as_ref())
            .or(outer_acting);
        let is_foreign = |own| parameters.foreign_code(&findings, claims, own).is_some();
        if parameters.may_contain_code(&findings, claims) && own.is_some_and(is_foreign) {
            return Err(self.policy.mismatch());
        }
        self.policy.check_scopes(claims)?;
        Ok(admitted)
    }

    /// Collects the settings of this layer and of the outer layers, because the settings of all
    /// layers add up.
    pub(super) fn route_parameters<'r, B>(
        &'r self,
        params: &'r PathParams,
        request: &'r Request<B>,
        routing: Routing,
    ) -> RouteParameters<'r> {
        let extensions = request.extensions();
        let outer = extensions.get::<AppliedLayers>();
        RouteParameters {
            params,
            uri: request.uri(),
            extensions,
            routing,
            layers: LayerStack {
                outer: outer.map_or(&[], |layers| &layers.0),
                own: Some(self),
            },
        }
    }
}

/// Returns the organization that the global client acts for, if an outer layer verified the same
/// token and allowed it.
pub(super) fn outer_acting_org<'e>(
    extensions: &'e Extensions,
    claims: &Claims,
) -> Option<&'e OrgCode> {
    if !claims.is_global() {
        return None;
    }
    VerifiedRequest::claims_in(extensions)
        .filter(|outer| outer.is_same(claims))
        .and_then(|_| acting_org(extensions))
}
