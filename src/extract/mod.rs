//! axum: the claims as a handler's arguments (feature `axum`).

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::extensions::{Acting, NoToken, RequestExt as _};
use crate::middleware::policy::Policy;
use crate::middleware::route::in_axum_params;
use crate::middleware::{AuthorizeLayer, DEFAULT_PARAMETER, Settings, Told};
use crate::rejection::Rejection;
use crate::response::Answers;
use crate::scopes::ScopeSet;
use crate::telemetry::events::{self, Decision, Verdict};
use crate::token::{Claims, OrgCode, Requirement};
use crate::verifier::Stands;

/// What an extractor of this crate answers when it refuses: the same answer as the layer's.
///
/// ```
/// use tower_m2m::{OrgCode, Refusal};
///
/// async fn list(org: Result<OrgCode, Refusal>) -> String {
///     match org {
///         Ok(org) => format!("invoices of {org}"),
///         Err(refusal) => format!("refused: {}", refusal.rejection()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Refusal {
    rejection: Rejection,
    settings: Option<Arc<Settings>>,
}

impl Refusal {
    fn new(parts: &Parts, by: &'static str, rejection: Rejection) -> Self {
        let needed = match &rejection {
            Rejection::InsufficientScope(requirement) => Some(requirement),
            _ => None,
        };
        tell(parts, by, needed, Verdict::Refused(&rejection));
        Self {
            rejection,
            settings: parts
                .extensions
                .get::<Told>()
                .and_then(|told| told.0.last())
                .map(|layer| Arc::clone(&layer.settings)),
        }
    }

    /// Why the request is refused.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let answer = match self.settings {
            Some(settings) => settings.answers.http(self.rejection),
            None => Answers::default().http(self.rejection),
        };
        answer.map(Body::from)
    }
}

impl IntoResponse for Rejection {
    /// The same answer as a layer's with the default realm and a problem document.
    fn into_response(self) -> Response {
        Answers::default().http(self).map(Body::from)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.rejection, f)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.rejection, f)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.rejection.source()
    }
}

/// The verified claims. On a route with the parameter `{org_code}` of another organization: 403, also where the layer stands
/// so far outside that it saw no parameters. Without a layer: 500, which says what is missing.
impl<S: Send + Sync> FromRequestParts<S> for Claims {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        caller(parts, "Claims").await.map(|caller| caller.claims)
    }
}

/// The verified claims, or nothing where a layer lets requests without a token in.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Claims {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Refusal> {
        Ok(caller_if_any(parts, "Claims")
            .await?
            .map(|caller| caller.claims))
    }
}

/// The calling organization. For a global token: 403. On a route with the parameter `{org_code}` of another organization:
/// 403, also where the layer stands so far outside that it saw no parameters. Without a layer: 500, which says what is
/// missing.
impl<S: Send + Sync> FromRequestParts<S> for OrgCode {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let org = caller(parts, "OrgCode").await?.org;
        org.ok_or_else(|| Refusal::new(parts, "OrgCode", Rejection::OrganizationRequired))
    }
}

/// The calling organization, or nothing for a global token and where a layer lets requests without a token in. On a route
/// with the parameter `{org_code}` a global token that acts for no organization is refused all the same.
impl<S: Send + Sync> OptionalFromRequestParts<S> for OrgCode {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Refusal> {
        Ok(caller_if_any(parts, "OrgCode")
            .await?
            .and_then(|caller| caller.org))
    }
}

/// Who calls.
struct Caller {
    claims: Claims,
    org: Option<OrgCode>,
}

/// The same, or nothing where a layer let the request in without a token.
async fn caller_if_any(parts: &mut Parts, by: &'static str) -> Result<Option<Caller>, Refusal> {
    if parts.claims().is_none() && parts.extensions.get::<NoToken>().is_some() {
        return Ok(None);
    }
    caller(parts, by).await.map(Some)
}

/// The caller, if the route is not another organization's. The layer checked that already, unless it stands outside of the
/// router and saw no parameters; then it is here that a global client is let in to act for the route's organization.
async fn caller(parts: &mut Parts, by: &'static str) -> Result<Caller, Refusal> {
    let Some(claims) = parts.claims().cloned() else {
        return Err(no_claims(parts, by));
    };
    let before = parts
        .extensions
        .get::<Acting>()
        .map(|acting| acting.0.clone());
    let layers = parts
        .extensions
        .get::<Told>()
        .cloned()
        .unwrap_or_default()
        .0;
    let acting = match acting_for(parts, &claims, before.clone(), &layers) {
        Ok(acting) => acting,
        Err(rejection) => return Err(Refusal::new(parts, by, rejection)),
    };
    if let (Some(org), Some(layer)) = (acting.clone().filter(|_| acting != before), layers.last()) {
        let standing = match layer.verifier.stands(&claims, Some(&org)) {
            Stands::Known(standing) => standing,
            Stands::Asking(asking) => asking.await,
        };
        standing.map_err(|rejection| Refusal::new(parts, by, rejection))?;
        // The next extractor need not ask again.
        parts.extensions.insert(Acting(org));
        tell(parts, by, None, Verdict::Admitted);
    }
    Ok(Caller {
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
        let (policy, found) = (Policy::of_place(), in_axum_params(parts, DEFAULT_PARAMETER));
        return match before.filter(|_| claims.is_global()) {
            Some(org) => policy.compare(&org, &found.target()).map(|()| Some(org)),
            None => policy
                .admit_tenant(claims, &found.target())
                .map(|admitted| admitted.acting),
        };
    }
    layers
        .iter()
        .try_fold(before, |acting, AuthorizeLayer { settings, .. }| {
            let found = in_axum_params(parts, settings.parameter()).agreeing_with(acting.as_ref());
            Ok(settings
                .policy
                .admit_tenant(claims, &found.target())?
                .acting
                .or(acting))
        })
}

/// What an extractor decides is an event of its own.
fn tell(parts: &Parts, by: &'static str, needed: Option<&Requirement>, verdict: Verdict<'_>) {
    let acting = parts.extensions.get::<Acting>().map(|acting| &acting.0);
    let extensions = &parts.extensions;
    events::decided(&Decision {
        by,
        claims: parts.claims(),
        acting,
        who: by,
        needed,
        verdict,
        extensions,
    });
}

/// A handler's argument that is the enforcement of its scopes: the claims of a token that was granted them. Otherwise 403
/// `insufficient_scope`, naming what is needed. Scopes are declared with [`scopes!`](crate::scopes).
///
/// ```
/// use tower_m2m::{OrgCode, Scoped};
///
/// tower_m2m::scopes! { pub ApiScopes { ReadInvoices = "read:invoices" } }
///
/// async fn list(org: OrgCode, claims: Scoped<ReadInvoices>) -> String {
///     format!("invoices of {org} for {}", claims.client_id())
/// }
/// ```
///
/// Claims alone do not make one:
///
/// ```compile_fail
/// tower_m2m::scopes! { pub ApiScopes { ReadInvoices = "read:invoices" } }
/// fn promote(claims: tower_m2m::Claims) -> tower_m2m::Scoped<ReadInvoices> {
///     claims.into()
/// }
/// ```
pub struct Scoped<T> {
    claims: Claims,
    scopes: PhantomData<fn() -> T>,
}

impl<T> Deref for Scoped<T> {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.claims
    }
}

impl<T> fmt::Debug for Scoped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scoped").field(&self.claims).finish()
    }
}

impl<S: Send + Sync, T: ScopeSet> FromRequestParts<S> for Scoped<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let claims = caller(parts, "Scoped").await?.claims;
        let requirement = T::requirement();
        if requirement.is_met_by(claims.scopes()) {
            Ok(Self {
                claims,
                scopes: PhantomData,
            })
        } else {
            Err(Refusal::new(
                parts,
                "Scoped",
                Rejection::InsufficientScope(requirement),
            ))
        }
    }
}

/// No claims: because a layer let the request in without a token, or because there is no layer.
fn no_claims(parts: &Parts, what: &'static str) -> Refusal {
    let rejection = match parts.extensions.get::<NoToken>() {
        Some(NoToken) => Rejection::MissingToken,
        None => Rejection::LayerMissing(what),
    };
    Refusal::new(parts, what, rejection)
}
