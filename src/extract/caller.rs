//! The caller of a request, checked against the organization of the route.

use axum::extract::MatchedPath;
use http::request::Parts;

use super::rejection::{ExtractorRejection, record_decision};
use crate::extensions::{Acting, AnonymousRequest, RequestExt as _, VerifiedRequest, acting_org};
use crate::middleware::policy::Policy;
use crate::middleware::route::{OrgLookup, PathParams, Routing};
use crate::middleware::{AppliedLayers, AuthorizeLayer, LayerStack, RouteParameters};
use crate::rejection::{MissingLayer, Rejection};
use crate::telemetry::decision::DecisionOutcome;
use crate::token::{Claims, OrgCode};
use crate::verifier::CallerVerdict;

/// The caller of a request.
pub(super) struct AuthenticatedCaller {
    pub(super) claims: Claims,
    pub(super) org: Option<OrgCode>,
}

/// Returns the caller, or `None` if a layer admitted the request without a token.
pub(super) async fn optional_caller(
    parts: &mut Parts,
    by: &'static str,
) -> Result<Option<AuthenticatedCaller>, ExtractorRejection> {
    let extensions = &parts.extensions;
    let is_verified = extensions.get::<VerifiedRequest>().is_some();
    if !is_verified && extensions.get() == Some(&AnonymousRequest::Allowed) {
        return Ok(None);
    }
    required_caller(parts, by).await.map(Some)
}

/// Returns the caller if the route does not belong to another organization.
///
/// The layer has already checked that, unless it wraps the router and saw no parameters. In that
/// case this function decides whether a global client may act for the route's organization.
pub(super) async fn required_caller(
    parts: &mut Parts,
    by: &'static str,
) -> Result<AuthenticatedCaller, ExtractorRejection> {
    let outer_acting = acting_org(&parts.extensions).cloned();
    // The request may have waited since the layer verified the token.
    let claims = match parts.claims() {
        Ok(claims) => claims.clone(),
        Err(rejection) => {
            let rejection = match rejection {
                Rejection::LayerMissing(_) => Rejection::LayerMissing(missing_layer(parts, by)),
                other => other,
            };
            return Err(ExtractorRejection::new(parts, by, rejection));
        }
    };
    let layers = parts
        .extensions
        .get::<AppliedLayers>()
        .cloned()
        .unwrap_or_default()
        .0;
    let acting = match admitted_org(parts, &claims, outer_acting.clone(), &layers) {
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
        // The next extractor does not repeat the check.
        parts.extensions.insert(Acting(org));
        mark_caller_checked(parts);
        record_decision(parts, by, None, DecisionOutcome::Admitted);
    } else {
        let checked = recheck_caller(parts, acting.as_ref()).await;
        checked.map_err(|rejection| ExtractorRejection::new(parts, by, rejection))?;
    }
    Ok(AuthenticatedCaller {
        org: claims.org_code().cloned().or(acting),
        claims,
    })
}

/// Returns the organization that a global client acts for, if each layer's policy admits it.
fn admitted_org(
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
        routing: Routing::from_extensions(&parts.extensions),
        layers: LayerStack {
            outer: layers,
            own: None,
        },
    };
    let mut findings = parameters.find(claims);
    // Fake claims have no layer that could name the parameters.
    if !claims.is_fake() {
        findings.check_undecided()?;
    }
    let organization = std::mem::replace(&mut findings.organization, OrgLookup::Absent);
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
    if own.is_some_and(|own| parameters.foreign_code(&findings, claims, own).is_some()) {
        return Err(innermost.mismatch());
    }
    Ok(acting)
}

/// Runs the caller check again if the layer ran it too long ago.
async fn recheck_caller(parts: &mut Parts, acting: Option<&OrgCode>) -> Result<(), Rejection> {
    let verified = parts.extensions.get::<VerifiedRequest>();
    if let Some(check) = verified.and_then(|verified| verified.stale_caller_check(acting)) {
        check.await?;
        mark_caller_checked(parts);
    }
    Ok(())
}

fn mark_caller_checked(parts: &mut Parts) {
    if let Some(verified) = parts.extensions.get_mut::<VerifiedRequest>() {
        verified.mark_caller_checked();
    }
}

/// Describes the handler, so that the error can name the layer that it needs.
fn missing_layer(parts: &Parts, extractor: &'static str) -> MissingLayer {
    match parts.extensions.get::<MatchedPath>() {
        Some(route) => MissingLayer::Route {
            extractor,
            route: route.as_str().into(),
        },
        None => MissingLayer::Fallback { extractor },
    }
}
