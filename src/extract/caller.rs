//! Who calls, checked against the organization of the route.

use http::request::Parts;

use super::refusal::{ExtractorRejection, record_decision};
use crate::extensions::{Acting, AnonymousRequest, RequestExt as _};
use crate::middleware::policy::Policy;
use crate::middleware::route::in_axum_params;
use crate::middleware::{AppliedLayers, AuthorizeLayer, DEFAULT_PARAMETER};
use crate::rejection::Rejection;
use crate::telemetry::events::DecisionOutcome;
use crate::token::{Claims, OrgCode};
use crate::verifier::CallerVerdict;

/// Who calls.
pub(super) struct AuthenticatedCaller {
    pub(super) claims: Claims,
    pub(super) org: Option<OrgCode>,
}

/// The same, or nothing where a layer let the request in without a token.
pub(super) async fn optional_caller(
    parts: &mut Parts,
    by: &'static str,
) -> Result<Option<AuthenticatedCaller>, ExtractorRejection> {
    if parts.claims().is_none() && parts.extensions.get::<AnonymousRequest>().is_some() {
        return Ok(None);
    }
    required_caller(parts, by).await.map(Some)
}

/// The caller, if the route is not another organization's. The layer checked that already, unless it stands outside of the
/// router and saw no parameters; then it is here that a global client is let in to act for the route's organization.
pub(super) async fn required_caller(
    parts: &mut Parts,
    by: &'static str,
) -> Result<AuthenticatedCaller, ExtractorRejection> {
    let Some(claims) = parts.claims().cloned() else {
        return Err(missing_claims_rejection(parts, by));
    };
    let before = parts
        .extensions
        .get::<Acting>()
        .map(|acting| acting.0.clone());
    let layers = parts
        .extensions
        .get::<AppliedLayers>()
        .cloned()
        .unwrap_or_default()
        .0;
    let acting = match acting_for(parts, &claims, before.clone(), &layers) {
        Ok(acting) => acting,
        Err(rejection) => return Err(ExtractorRejection::new(parts, by, rejection)),
    };
    if let (Some(org), Some(layer)) = (acting.clone().filter(|_| acting != before), layers.last()) {
        let standing = match layer.verifier.check_caller(&claims, Some(&org)) {
            CallerVerdict::Known(standing) => standing,
            CallerVerdict::Pending(asking) => asking.await,
        };
        standing.map_err(|rejection| ExtractorRejection::new(parts, by, rejection))?;
        // The next extractor need not ask again.
        parts.extensions.insert(Acting(org));
        record_decision(parts, by, None, DecisionOutcome::Admitted);
    }
    Ok(AuthenticatedCaller {
        org: claims.org_code().cloned().or(acting),
        claims,
    })
}

/// The organization that a global client acts for, once each layer's policy agrees to what the route says.
fn acting_for(
    parts: &mut Parts,
    claims: &Claims,
    before: Option<OrgCode>,
    layers: &[AuthorizeLayer],
) -> Result<Option<OrgCode>, Rejection> {
    if layers.is_empty() {
        let (policy, found) = (
            Policy::tenant_check_only(),
            in_axum_params(parts, DEFAULT_PARAMETER),
        );
        return match before.filter(|_| claims.is_global()) {
            Some(org) => policy.compare(&org, &found.requested()).map(|()| Some(org)),
            None => policy
                .admit_tenant(claims, &found.requested())
                .map(|admitted| admitted.acting),
        };
    }
    layers
        .iter()
        .try_fold(before, |acting, AuthorizeLayer { settings, .. }| {
            let found = in_axum_params(parts, settings.parameter()).require_match(acting.as_ref());
            Ok(settings
                .policy
                .admit_tenant(claims, &found.requested())?
                .acting
                .or(acting))
        })
}

/// No claims: because a layer let the request in without a token, or because there is no layer.
fn missing_claims_rejection(parts: &Parts, what: &'static str) -> ExtractorRejection {
    let rejection = match parts.extensions.get::<AnonymousRequest>() {
        Some(AnonymousRequest) => Rejection::MissingToken,
        None => Rejection::LayerMissing(what),
    };
    ExtractorRejection::new(parts, what, rejection)
}
