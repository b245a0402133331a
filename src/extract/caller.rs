//! Who calls, checked against the organization of the route.

use http::request::Parts;

use super::rejection::{ExtractorRejection, record_decision};
use crate::extensions::{Acting, AnonymousRequest, RequestExt as _};
use crate::middleware::policy::Policy;
use crate::middleware::route::PathParams;
use crate::middleware::{AppliedLayers, AuthorizeLayer, RouteParameters};
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
    let anonymous = parts.extensions.get::<AnonymousRequest>();
    if parts.claims().is_none() && anonymous == Some(&AnonymousRequest::Allowed) {
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
    let outer_acting = parts
        .extensions
        .get::<Acting>()
        .map(|acting| acting.0.clone());
    let layers = parts
        .extensions
        .get::<AppliedLayers>()
        .cloned()
        .unwrap_or_default()
        .0;
    let acting = match acting_org(parts, &claims, outer_acting.clone(), &layers) {
        Ok(acting) => acting,
        Err(rejection) => return Err(ExtractorRejection::new(parts, by, rejection)),
    };
    if let (Some(org), Some(layer)) = (
        acting.clone().filter(|_| acting != outer_acting),
        layers.last(),
    ) {
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

/// Returns the organization that a global client acts for, if each layer's policy admits it.
fn acting_org(
    parts: &mut Parts,
    claims: &Claims,
    outer: Option<OrgCode>,
    layers: &[AuthorizeLayer],
) -> Result<Option<OrgCode>, Rejection> {
    let params = PathParams::from_parts(parts);
    let parameters = RouteParameters {
        params: &params,
        uri: &parts.uri,
        extensions: &parts.extensions,
        layers: layers.iter().map(|layer| &*layer.settings),
    };
    // Fake claims have no layer that could name the parameters.
    if !claims.is_fake() {
        parameters.check_undecided()?;
    }
    let organization = parameters.organization();
    let default = Policy::tenant_check_only();
    let innermost = layers
        .last()
        .map_or(&default, |layer| &layer.settings.policy);
    let acting = if layers.is_empty() {
        match outer.filter(|_| claims.is_global()) {
            Some(org) => default
                .compare(&org, &organization.requested())
                .map(|()| Some(org))?,
            None => {
                default
                    .admit_tenant(claims, &organization.requested())?
                    .acting
            }
        }
    } else {
        let mut acting = outer;
        for AuthorizeLayer { settings, .. } in layers {
            let organization = organization.clone().require_match(acting.as_ref());
            let admitted = settings
                .policy
                .admit_tenant(claims, &organization.requested())?;
            acting = admitted.acting.or(acting);
        }
        acting
    };
    let own = claims.org_code().or(acting.as_ref());
    if own.is_some_and(|own| parameters.contains_foreign_code(claims, own)) {
        return Err(innermost.mismatch());
    }
    Ok(acting)
}

/// No claims: because a layer let the request in without a token, or because there is no layer.
fn missing_claims_rejection(parts: &Parts, what: &'static str) -> ExtractorRejection {
    let rejection = match parts.extensions.get::<AnonymousRequest>() {
        Some(_) => Rejection::MissingToken,
        None => Rejection::LayerMissing(what),
    };
    ExtractorRejection::new(parts, what, rejection)
}
