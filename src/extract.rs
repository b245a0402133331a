//! axum: the claims as a handler's arguments (feature `axum`).

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::challenge::Answers;
use crate::extensions::{Acting, NoToken, RequestExt as _};
use crate::middleware::policy::Policy;
use crate::middleware::route::in_axum_params;
use crate::middleware::{DEFAULT_PARAMETER, Settings, Told};
use crate::rejection::Rejection;
use crate::scopes::ScopeSet;
use crate::token::{Claims, OrgCode};

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
    fn new(parts: &Parts, rejection: Rejection) -> Self {
        crate::events::extractor_refused(&rejection);
        crate::metrics::decided(crate::metrics::By::Extractor, Some(&rejection));
        Self { rejection, settings: parts.extensions.get::<Told>().and_then(|told| told.0.last().cloned()) }
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
        claims_for_route(parts, "Claims").map(|(claims, _)| claims).map_err(|rejection| Refusal::new(parts, rejection))
    }
}

/// The verified claims, or nothing where a layer lets requests without a token in.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Claims {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refusal> {
        optional(<Self as FromRequestParts<S>>::from_request_parts(parts, state).await)
    }
}

/// The calling organization. For a global token: 403. On a route with the parameter `{org_code}` of another organization:
/// 403, also where the layer stands so far outside that it saw no parameters. Without a layer: 500, which says what is
/// missing.
impl<S: Send + Sync> FromRequestParts<S> for OrgCode {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        calling_organization(parts).map_err(|rejection| Refusal::new(parts, rejection))
    }
}

/// The calling organization, or nothing for a global token and where a layer lets requests without a token in.
impl<S: Send + Sync> OptionalFromRequestParts<S> for OrgCode {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Refusal> {
        let org = calling_organization(parts).map_err(|rejection| Refusal::new(parts, rejection));
        match optional(org) {
            Err(refusal) if refusal.rejection == Rejection::OrganizationRequired => Ok(None),
            org => org,
        }
    }
}

fn calling_organization(parts: &mut Parts) -> Result<OrgCode, Rejection> {
    let (claims, acting) = claims_for_route(parts, "OrgCode")?;
    claims.org_code().cloned().or(acting).ok_or(Rejection::OrganizationRequired)
}

/// The claims, and the organization that a global client acts for. The tenant is checked here too, since a layer outside of
/// the router saw no parameters of the route.
fn claims_for_route(parts: &mut Parts, what: &'static str) -> Result<(Claims, Option<OrgCode>), Rejection> {
    let claims = parts.claims().cloned().ok_or_else(|| no_claims(parts, what))?;
    let acting = parts.extensions.get::<Acting>().map(|acting| acting.0.clone());
    let Some(Told(told)) = parts.extensions.get().cloned() else {
        Policy::untold().admit_tenant(&claims, &in_axum_params(parts, DEFAULT_PARAMETER).target())?;
        return Ok((claims, acting));
    };
    let mut acting = acting;
    for settings in told {
        let found = in_axum_params(parts, settings.parameter()).agreeing_with(acting.as_ref());
        acting = settings.policy.admit_tenant(&claims, &found.target())?.acting.or(acting);
    }
    Ok((claims, acting))
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
        let (claims, _) = claims_for_route(parts, "Scoped").map_err(|rejection| Refusal::new(parts, rejection))?;
        let requirement = T::requirement();
        if requirement.is_met_by(claims.scopes()) {
            Ok(Self { claims, scopes: PhantomData })
        } else {
            Err(Refusal::new(parts, Rejection::InsufficientScope(requirement)))
        }
    }
}

/// No claims: because a layer let the request in without a token, or because there is no layer.
fn no_claims(parts: &Parts, what: &'static str) -> Rejection {
    match parts.extensions.get::<NoToken>() {
        Some(NoToken) => Rejection::MissingToken,
        None => Rejection::LayerMissing(what),
    }
}

fn optional<T>(extracted: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match extracted {
        Ok(found) => Ok(Some(found)),
        Err(refusal) if refusal.rejection == Rejection::MissingToken => Ok(None),
        Err(refusal) => Err(refusal),
    }
}
