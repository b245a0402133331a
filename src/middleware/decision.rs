//! The decision whether a caller may call: the caller check, then the names in the route, the organization and the
//! scopes. The service begins it, and the future ends it if the caller check has to wait.

use std::pin::Pin;

use bytes::Bytes;
use http::{Extensions, Request, Response};

use super::admission::outer_acting_org;
use super::layer::{AppliedLayers, AuthorizeLayer};
use super::policy::Admitted;
use super::route::{PathParams, Routing};
use super::settings::LayerSettings;
use crate::bearer::CredentialsIdentity;
use crate::extensions::{Acting, VerifiedRequest};
use crate::rejection::Rejection;
use crate::revocation::CallerCheckFuture;
use crate::telemetry::decision::DecisionOutcome;
use crate::token::Claims;
use crate::verifier::{CallerVerdict, VerificationFailure};

/// Verified claims.
pub(super) struct Authenticated {
    claims: Claims,
    credentials: CredentialsIdentity,
    /// When an outer layer ran the caller check for this request, if that was recent enough.
    caller_checked_at: Option<i64>,
}

/// Claims, evaluated against what the route requires. The caller check comes first: its rejection counts before this one.
pub(super) struct PolicyResult {
    claims: Claims,
    credentials: CredentialsIdentity,
    /// When the caller check ran, or `None` if this layer runs it.
    caller_checked_at: Option<i64>,
    /// Layers outside this one left their settings in the request.
    has_outer_layers: bool,
    /// The parameters of the route, for the event.
    params: PathParams,
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
    Verification(Pin<Box<dyn Future<Output = Result<Authenticated, VerificationFailure>> + Send>>),
    CallerCheck(CallerCheckFuture, Option<PolicyResult>),
}

impl Authenticated {
    pub(super) fn new(claims: Claims, credentials: CredentialsIdentity) -> Self {
        Self {
            claims,
            credentials,
            caller_checked_at: None,
        }
    }

    /// Takes the claims that an outer layer verified for the same credentials.
    pub(super) fn from_outer(outer: &VerifiedRequest, credentials: CredentialsIdentity) -> Self {
        Self {
            claims: outer.claims().clone(),
            credentials,
            caller_checked_at: outer.is_caller_checked().then(|| outer.caller_checked_at()),
        }
    }
}

impl AuthorizeLayer {
    /// Weighs verified claims and finds out whether the caller is in good standing.
    pub(super) fn authorize<B>(
        &self,
        verdict: Result<Authenticated, VerificationFailure>,
        request: &mut Request<B>,
    ) -> NextStep {
        let authenticated = match verdict {
            Ok(proof) => proof,
            Err(failure) => {
                return NextStep::Reject(self.reject(failure, request));
            }
        };
        let mut result = self.settings.evaluate_policy(authenticated, request);
        if !self.verifier.restricts_callers() {
            return self.finish_authorization(Ok(()), result, request);
        }
        let acting = result
            .admitted
            .as_ref()
            .ok()
            .and_then(|admitted| admitted.acting.as_ref());
        let outer_acting = outer_acting_org(request.extensions(), &result.claims);
        let is_checked =
            result.caller_checked_at.is_some() && (acting.is_none() || acting == outer_acting);
        let acting = acting.or(outer_acting);
        let status = if is_checked {
            // The denylist may have changed since the outer layer ran.
            CallerVerdict::Known(self.verifier.check_lists(&result.claims, acting))
        } else {
            self.verifier.check_caller(&result.claims, acting)
        };
        if !is_checked {
            result.caller_checked_at = None;
        }
        match status {
            CallerVerdict::Known(status) => self.finish_authorization(status, result, request),
            CallerVerdict::Pending(asking) => NextStep::CheckCaller(asking, result),
        }
    }

    /// Lets extractors know of this layer where its settings are not what they assume, and of every layer once there is one such:
    /// then they assume nothing any more. What layers that verified another token demanded of the route's organization still holds.
    fn record_layer(&self, extensions: &mut Extensions, claims: &Claims, has_outer_layers: bool) {
        let is_default =
            self.settings.is_default_for_extractors() && self.verifier.event_limit().is_none();
        if !has_outer_layers && is_default {
            return;
        }
        let applied = extensions.remove::<AppliedLayers>();
        let mut applied = match (applied, VerifiedRequest::claims_in(extensions)) {
            (Some(applied), Some(outer)) if !outer.is_same(claims) => AppliedLayers(
                applied
                    .0
                    .iter()
                    .map(|layer| self.tenant_check_only(&layer.settings))
                    .collect(),
            ),
            (Some(applied), _) => applied,
            // An outer layer that left no settings.
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
        let PolicyResult {
            claims,
            credentials,
            caller_checked_at,
            has_outer_layers,
            params,
            admitted,
        } = result;
        match status.and(admitted) {
            Ok(admitted) => {
                self.record_verified(
                    &claims,
                    &params,
                    DecisionOutcome::Admitted,
                    admitted.acting.as_ref(),
                    request,
                );
                let extensions = request.extensions_mut();
                self.record_layer(extensions, &claims, has_outer_layers);
                let verified =
                    self.verifier
                        .verified_request(claims.clone(), credentials, caller_checked_at);
                if let Some(outer) = extensions.insert(verified)
                    && !outer.claims().is_same(&claims)
                {
                    extensions.remove::<Acting>();
                }
                if let Some(org) = admitted.acting {
                    extensions.insert(Acting(org));
                }
                NextStep::CallInner
            }
            Err(rejection) => {
                self.record_verified(
                    &claims,
                    &params,
                    DecisionOutcome::Rejected(&rejection),
                    None,
                    request,
                );
                let LayerSettings {
                    responses, policy, ..
                } = &*self.settings;
                NextStep::Reject(responses.respond(rejection, &policy.requirement))
            }
        }
    }
}

impl LayerSettings {
    fn evaluate_policy<B>(
        &self,
        authenticated: Authenticated,
        request: &mut Request<B>,
    ) -> PolicyResult {
        let Authenticated {
            claims,
            credentials,
            caller_checked_at,
        } = authenticated;
        let routing = Routing::from_extensions(request.extensions());
        let params = match routing {
            #[cfg(feature = "axum")]
            Routing::Matched | Routing::Unmatched => {
                PathParams::from_extensions(request.extensions_mut())
            }
            _ => PathParams::Absent,
        };
        let parameters = self.route_parameters(&params, request, routing);
        let has_outer_layers = !parameters.layers.outer.is_empty();
        let admitted = self.admit(&claims, &parameters, request);
        PolicyResult {
            claims,
            credentials,
            caller_checked_at,
            has_outer_layers,
            params,
            admitted,
        }
    }
}
