//! The decision whether a caller may call: the caller check, then the names in the route, the organization and the
//! scopes. The service begins it, and the future ends it if the caller check has to wait.

use std::pin::Pin;

use bytes::Bytes;
use http::{Extensions, Request, Response};

use super::layer::{AppliedLayers, AuthorizeLayer};
use super::parameters::RouteParameters;
use super::policy::{Admitted, Policy};
use super::route::{OrgLookup, PathParams};
use super::settings::{ExtractorSettings, LayerSettings};
use crate::extensions::Acting;
use crate::rejection::Rejection;
use crate::revocation::CallerCheckFuture;
use crate::telemetry::events::{self, Decision, DecisionOutcome};
use crate::token::{Claims, OrgCode};
use crate::verifier::CallerVerdict;

/// Verified claims.
pub(super) struct Authenticated {
    pub(super) claims: Claims,
    pub(super) caller_checked: CallerChecked,
}

/// Whether it is known already that the caller is in good standing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CallerChecked {
    NotYet,
    /// By an outer layer, for this very request.
    Already,
}

/// Claims that were weighed against what the route asks for: the first failure answers, once revocation has been ruled out.
pub(super) struct PolicyResult {
    claims: Claims,
    admitted: Result<Admitted, Rejection>,
}

/// How a request goes on.
pub(super) enum NextStep {
    CallInner,
    Reject(Response<Bytes>),
    /// The application is asked about the caller.
    CheckCaller(CallerCheckFuture, PolicyResult),
}

/// What is waited for.
pub(super) enum Pending {
    Verification(Pin<Box<dyn Future<Output = Result<Authenticated, Rejection>> + Send>>),
    CallerCheck(CallerCheckFuture, Option<PolicyResult>),
}

impl Authenticated {
    pub(super) fn new(claims: Claims) -> Self {
        Self {
            claims,
            caller_checked: CallerChecked::NotYet,
        }
    }
}

impl AuthorizeLayer {
    /// Weighs verified claims and finds out whether the caller is in good standing.
    pub(super) fn authorize<B>(
        &self,
        verdict: Result<Authenticated, Rejection>,
        request: &mut Request<B>,
    ) -> NextStep {
        let Authenticated {
            claims,
            caller_checked,
        } = match verdict {
            Ok(proof) => proof,
            Err(rejection) => {
                return NextStep::Reject(self.settings.reject(rejection, None, request));
            }
        };
        let result = self.settings.evaluate_policy(claims, request);
        let acting = result
            .admitted
            .as_ref()
            .ok()
            .and_then(|admitted| admitted.acting.as_ref());
        let known_before =
            acting.is_none() || acting == outer_acting_org(request.extensions(), &result.claims);
        let status = if caller_checked == CallerChecked::Already && known_before {
            CallerVerdict::Known(Ok(()))
        } else {
            self.verifier.check_caller(&result.claims, acting)
        };
        match status {
            CallerVerdict::Known(status) => self.finish_authorization(status, result, request),
            CallerVerdict::Pending(asking) => NextStep::CheckCaller(asking, result),
        }
    }

    /// Lets extractors know of this layer where its settings are not what they assume, and of every layer once there is one such:
    /// then they assume nothing any more. What layers of another verifier demanded of the route's organization still holds.
    fn record_layer(&self, extensions: &mut Extensions) {
        let applied = extensions.remove::<AppliedLayers>();
        if applied.is_none() && self.settings.extractors == ExtractorSettings::Defaults {
            return;
        }
        let mut applied = match (applied, extensions.get::<Claims>()) {
            (Some(applied), Some(outer)) if !self.verifier.has_verified(outer) => AppliedLayers(
                applied
                    .0
                    .iter()
                    .map(|layer| self.tenant_check_only(&layer.settings))
                    .collect(),
            ),
            (Some(applied), _) => applied,
            // An outer layer of which they were not told.
            (None, Some(_)) => {
                AppliedLayers(vec![self.tenant_check_only(&LayerSettings::default())])
            }
            (None, None) => AppliedLayers::default(),
        };
        applied.0.push(self.clone());
        extensions.insert(applied);
    }

    /// What follows from the application's word: the request gets its claims, or is refused.
    pub(super) fn finish_authorization<B>(
        &self,
        status: Result<(), Rejection>,
        result: PolicyResult,
        request: &mut Request<B>,
    ) -> NextStep {
        let PolicyResult { claims, admitted } = result;
        match status.and(admitted) {
            Ok(admitted) => {
                let extensions = request.extensions_mut();
                self.settings.record_decision(
                    Some(&claims),
                    DecisionOutcome::Admitted,
                    admitted.acting.as_ref(),
                    extensions,
                );
                self.record_layer(extensions);
                if let Some(outer) = extensions.insert(claims)
                    && !self.verifier.has_verified(&outer)
                {
                    extensions.remove::<Acting>();
                }
                if let Some(org) = admitted.acting {
                    extensions.insert(Acting(org));
                }
                NextStep::CallInner
            }
            Err(rejection) => {
                NextStep::Reject(self.settings.reject(rejection, Some(&claims), request))
            }
        }
    }
}

/// The organization that an outer layer of the same verifier let the global client act for.
fn outer_acting_org<'e>(extensions: &'e Extensions, claims: &Claims) -> Option<&'e OrgCode> {
    if !claims.is_global() {
        return None;
    }
    let outer = extensions
        .get::<Claims>()
        .filter(|outer| outer.verified_by() == claims.verified_by());
    outer
        .and_then(|_| extensions.get::<Acting>())
        .map(|acting| &acting.0)
}

impl LayerSettings {
    fn evaluate_policy<B>(&self, claims: Claims, request: &mut Request<B>) -> PolicyResult {
        #[cfg(feature = "axum")]
        let params = PathParams::from_extensions(request.extensions_mut());
        #[cfg(not(feature = "axum"))]
        let params = PathParams::Absent;
        let admitted = self.admit(&claims, &params, request);
        PolicyResult { claims, admitted }
    }

    /// Compares everything that the request says about organizations with the claims, then checks
    /// the scopes.
    fn admit<B>(
        &self,
        claims: &Claims,
        params: &PathParams,
        request: &Request<B>,
    ) -> Result<Admitted, Rejection> {
        let extensions = request.extensions();
        let outer = extensions.get::<AppliedLayers>().into_iter();
        let outer = outer.flat_map(|layers| layers.0.iter().map(|layer| &*layer.settings));
        let parameters = RouteParameters {
            params,
            uri: request.uri(),
            extensions,
            layers: outer.chain(std::iter::once(self)),
        };
        parameters.check_names(self)?;
        let outer_acting = outer_acting_org(extensions, claims);
        let organization = self
            .organization_sources
            .iter()
            .map(|source| source.find(request))
            .fold(OrgLookup::Absent, OrgLookup::merge)
            .merge(parameters.organization())
            .require_match(outer_acting);
        let admitted = self
            .policy
            .admit_tenant(claims, &organization.requested())?;
        let own = claims
            .org_code()
            .or(admitted.acting.as_ref())
            .or(outer_acting);
        if own.is_some_and(|own| parameters.contains_foreign_code(claims, own)) {
            return Err(self.policy.mismatch());
        }
        self.policy.check_scopes(claims)?;
        Ok(admitted)
    }

    fn reject<B>(
        &self,
        rejection: Rejection,
        claims: Option<&Claims>,
        request: &Request<B>,
    ) -> Response<Bytes> {
        self.record_decision(
            claims,
            DecisionOutcome::Rejected(&rejection),
            None,
            request.extensions(),
        );
        self.responses.respond(rejection)
    }

    /// Every decision is one event.
    pub(super) fn record_decision(
        &self,
        claims: Option<&Claims>,
        verdict: DecisionOutcome<'_>,
        acting: Option<&OrgCode>,
        extensions: &Extensions,
    ) {
        let acting = acting.or_else(|| extensions.get::<Acting>().map(|acting| &acting.0));
        let Policy {
            allowed_callers: who,
            requirement,
            ..
        } = &self.policy;
        events::request_decided(&Decision {
            stage: "layer",
            claims,
            acting,
            access: who.name(),
            required: Some(requirement),
            outcome: verdict,
            extensions,
        });
    }
}
