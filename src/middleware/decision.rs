//! The decision whether a caller may call: the caller check, then the names in the route, the
//! organization and the scopes. The service starts the decision. If the caller check has to wait,
//! the future finishes it.

use std::pin::Pin;

use bytes::Bytes;
use http::{Extensions, Request, Response};

use super::admission::outer_acting_org;
use super::layer::AuthorizeLayer;
use super::layer_stack::AppliedLayers;
use super::policy::Admitted;
use super::possession::RequestHead;
use super::response_nonce::{Possession, ResponseChanges};
use super::route::{PathParams, Routing};
use super::settings::LayerSettings;
use crate::bearer::{AuthScheme, CredentialsIdentity};
use crate::extensions::{Acting, VerifiedRequest};
use crate::rejection::Rejection;
use crate::revocation::CallerCheckFuture;
use crate::telemetry::decision::DecisionOutcome;
use crate::token::{Claims, CredentialKind, OrgCode};
use crate::verifier::{CallerVerdict, ClaimsWatch, ValidToken, VerificationFailure};

/// The claims of a verified token, and the credentials that contained it.
pub(super) struct Authenticated {
    claims: Claims,
    possession: Possession,
    credentials: CredentialsIdentity,
    /// When an outer layer ran the caller check for this request, or `None` if that was too long
    /// ago.
    caller_checked_at: Option<i64>,
}

/// The result of an authentication.
pub(super) enum VerifiedToken {
    /// An outer layer verified the same credentials.
    Again(Authenticated),
    /// A valid token. If it is bound, its sender has to prove that it may use it.
    Token {
        token: ValidToken,
        credentials: CredentialsIdentity,
        scheme: AuthScheme,
    },
}

/// Claims, evaluated against the requirements of the route. The rejection of the caller check has
/// priority over this result.
pub(super) struct PolicyResult {
    claims: Claims,
    possession: Possession,
    credentials: CredentialsIdentity,
    /// When the caller check ran, or `None` if this layer runs it.
    caller_checked_at: Option<i64>,
    /// Outer layers stored their settings in the request.
    has_outer_layers: bool,
    /// The parameters of the route, for the event.
    params: PathParams,
    admitted: Result<Admitted, Rejection>,
}

/// The next step for a request.
pub(super) enum NextStep {
    CallInner(ResponseChanges),
    Reject(Response<Bytes>),
    /// The application's caller check has to run, or the proof has to be stored as used.
    Wait(CallerCheckFuture, PolicyResult),
}

/// The operation that a request waits for.
pub(super) enum Pending {
    Verification(Pin<Box<dyn Future<Output = Result<VerifiedToken, VerificationFailure>> + Send>>),
    Check(CallerCheckFuture, Option<PolicyResult>),
}

impl Authenticated {
    /// Uses the claims that an outer layer verified for the same credentials.
    pub(super) fn from_outer(outer: &VerifiedRequest, credentials: CredentialsIdentity) -> Self {
        Self {
            claims: outer.claims().clone(),
            // The outer layer stored the proof as used.
            possession: Possession::default(),
            credentials,
            caller_checked_at: outer.is_caller_checked().then(|| outer.caller_checked_at()),
        }
    }
}

impl AuthorizeLayer {
    /// Evaluates verified claims and starts the caller check.
    pub(super) fn authorize<B>(
        &self,
        verdict: Result<VerifiedToken, VerificationFailure>,
        request: &mut Request<B>,
    ) -> NextStep {
        let authenticated = match verdict {
            Ok(VerifiedToken::Again(authenticated)) => authenticated,
            Ok(VerifiedToken::Token {
                token,
                credentials,
                scheme,
            }) => {
                let head = RequestHead::from(&*request);
                match self.verifier.check_possession(token, scheme, head) {
                    Ok((claims, possession)) => Authenticated {
                        claims,
                        possession,
                        credentials,
                        caller_checked_at: None,
                    },
                    Err(unproven) => {
                        return NextStep::Reject(self.reject_unproven(unproven, request));
                    }
                }
            }
            Err(failure) => {
                return NextStep::Reject(self.reject(failure, request));
            }
        };
        let result = self.settings.evaluate_policy(authenticated, request);
        if self.verifier.restricts(&result.claims) {
            self.check_caller(result, request)
        } else {
            self.finish_authorization(Ok(()), result, request)
        }
    }

    /// Checks the caller, unless an outer layer did so recently for the same organization.
    fn check_caller<B>(&self, mut result: PolicyResult, request: &mut Request<B>) -> NextStep {
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
            CallerVerdict::Pending(asking) => NextStep::Wait(asking, result),
        }
    }

    /// Records this layer for extractors if its settings differ from the defaults that extractors
    /// assume. If an outer layer is recorded already, this layer is recorded too, because
    /// extractors then assume no defaults. If an outer layer verified another token, only its check
    /// of the route's organization still applies.
    fn record_layer(&self, extensions: &mut Extensions, claims: &Claims) {
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
            // An outer layer that recorded no settings.
            (None, Some(_)) => {
                AppliedLayers(vec![self.tenant_check_only(&LayerSettings::default())])
            }
            (None, None) => AppliedLayers::default(),
        };
        applied.0.push(self.clone());
        extensions.insert(applied);
    }

    /// Returns what ends the response of a layer that ends streams.
    #[cold]
    fn watch_response<B>(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
        request: &Request<B>,
    ) -> ClaimsWatch {
        let acting = acting.or_else(|| outer_acting_org(request.extensions(), claims));
        let credentials = (claims.credential_kind() != CredentialKind::Jwt)
            .then(|| self.verifier.credentials(request.headers()).ok())
            .flatten();
        let watch = self.verifier.watch_claims(claims, acting);
        let watch = watch.with_caller_check(self.settings.caller_check_of_streams);
        watch.with_credential(credentials.map(|(credentials, _)| credentials.as_bytes()))
    }

    /// Stores the proof as used, which is the last check (rule 117), and finishes the decision.
    #[cold]
    fn use_proof<B>(&self, mut result: PolicyResult, request: &mut Request<B>) -> NextStep {
        let extensions = request.extensions_mut();
        match result.possession.use_proof(&self.verifier, extensions) {
            CallerVerdict::Known(status) => self.finish_authorization(status, result, request),
            CallerVerdict::Pending(write) => NextStep::Wait(write, result),
        }
    }

    /// Finishes the decision after the caller check: adds the claims to the request, or rejects it.
    ///
    /// It uses the result where it is, because each request with a cached token passes here.
    pub(super) fn finish_authorization<B>(
        &self,
        status: Result<(), Rejection>,
        mut result: PolicyResult,
        request: &mut Request<B>,
    ) -> NextStep {
        if let Err(rejection) = status {
            result.admitted = Err(rejection);
        }
        match result.admitted {
            Ok(_) if result.possession.has_unused_proof() => self.use_proof(result, request),
            Ok(ref mut admitted) => {
                let acting = admitted.acting.as_ref();
                let (claims, params) = (&result.claims, &result.params);
                self.record_verified(claims, params, DecisionOutcome::Admitted, acting, request);
                let mut changes = result.possession.into_changes();
                if self.ends_streams() {
                    changes.end_with(self.watch_response(claims, acting, request));
                }
                self.remove_unknown_certificate(Some(claims), request);
                let extensions = request.extensions_mut();
                if result.has_outer_layers || self.is_read_by_extractors() {
                    self.record_layer(extensions, claims);
                }
                let verified = self.verifier.verified_request(
                    result.claims,
                    result.credentials,
                    result.caller_checked_at,
                );
                if let Some(outer) = extensions.insert(verified) {
                    forget_other_caller(extensions, outer.claims());
                }
                if let Some(org) = admitted.acting.take() {
                    extensions.insert(Acting(org));
                }
                NextStep::CallInner(changes)
            }
            Err(rejection) => {
                let outcome = DecisionOutcome::Rejected(&rejection);
                self.record_verified(&result.claims, &result.params, outcome, None, request);
                NextStep::Reject(self.respond(rejection, request))
            }
        }
    }
}

/// Removes the organization that an outer layer let another caller act for.
fn forget_other_caller(extensions: &mut Extensions, outer: &Claims) {
    let claims = VerifiedRequest::claims_in(extensions);
    if claims.is_none_or(|claims| !claims.is_same(outer)) {
        extensions.remove::<Acting>();
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
            possession,
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
            possession,
            credentials,
            caller_checked_at,
            has_outer_layers,
            params,
            admitted,
        }
    }
}
