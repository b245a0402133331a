//! Extractors for axum: the claims as a handler's arguments (feature `axum`).

mod caller;
mod rejection;
mod scoped;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use caller::{optional_caller, required_caller};
use http::request::Parts;
pub use rejection::ExtractorRejection;
pub use scoped::Scoped;

use crate::extensions::CallerOrg;
use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode};

/// Extracts the verified claims.
///
/// If the route's parameter `{org_code}` names another organization, the response is 403, even if
/// the layer wraps the router and saw no parameters. If there is no layer, the response is 500, and
/// an event names the missing layer.
impl<S: Send + Sync> FromRequestParts<S> for Claims {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        required_caller(parts, "Claims")
            .await
            .map(|caller| caller.claims)
    }
}

/// Extracts the verified claims, or `None` if a layer admitted the request without a token.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Claims {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, ExtractorRejection> {
        Ok(optional_caller(parts, "Claims")
            .await?
            .map(|caller| caller.claims))
    }
}

/// Extracts the calling organization.
///
/// If the token is global, the response is 403. If the route's parameter `{org_code}` names another
/// organization, the response is 403, even if the layer wraps the router and saw no parameters. If
/// there is no layer, the response is 500, and an event names
/// the missing layer.
impl<S: Send + Sync> FromRequestParts<S> for OrgCode {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        let org = required_caller(parts, "OrgCode").await?.org;
        org.ok_or_else(|| {
            ExtractorRejection::new(parts, "OrgCode", Rejection::OrganizationRequired)
        })
    }
}

/// Extracts the calling organization, or `None` if the token is global or a layer admitted the
/// request without a token.
///
/// If the route has the parameter `{org_code}` and a global token acts for no organization, the
/// request is still rejected.
impl<S: Send + Sync> OptionalFromRequestParts<S> for OrgCode {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, ExtractorRejection> {
        Ok(optional_caller(parts, "OrgCode")
            .await?
            .and_then(|caller| caller.org))
    }
}

/// Extracts the organization of the request. It rejects the same requests as `Option<OrgCode>`: a
/// route of another organization, a CORS preflight that passed a layer that requires a token, and a
/// route without a layer.
impl<S: Send + Sync> FromRequestParts<S> for CallerOrg {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        Ok(match optional_caller(parts, "CallerOrg").await? {
            Some(caller) => caller.org.map_or(Self::Global, Self::Organization),
            None => Self::Anonymous,
        })
    }
}
