//! axum: the claims as a handler's arguments (feature `axum`).

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

/// The verified claims. On a route with the parameter `{org_code}` of another organization: 403, also where the layer stands
/// so far outside that it saw no parameters. Without a layer: 500, which says what is missing.
impl<S: Send + Sync> FromRequestParts<S> for Claims {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        required_caller(parts, "Claims")
            .await
            .map(|caller| caller.claims)
    }
}

/// The verified claims, or nothing where a layer lets requests without a token in.
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

/// The calling organization. For a global token: 403. On a route with the parameter `{org_code}` of another organization:
/// 403, also where the layer stands so far outside that it saw no parameters. Without a layer: 500, which says what is
/// missing.
impl<S: Send + Sync> FromRequestParts<S> for OrgCode {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        let org = required_caller(parts, "OrgCode").await?.org;
        org.ok_or_else(|| {
            ExtractorRejection::new(parts, "OrgCode", Rejection::OrganizationRequired)
        })
    }
}

/// The calling organization, or nothing for a global token and where a layer lets requests without a token in. On a route
/// with the parameter `{org_code}` a global token that acts for no organization is refused all the same.
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

/// Extracts which organization the request is for. It rejects the same requests as
/// `Option<OrgCode>`: a route of another organization, a CORS preflight that passed a layer that
/// requires a token, and a route without a layer.
impl<S: Send + Sync> FromRequestParts<S> for CallerOrg {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        Ok(match optional_caller(parts, "CallerOrg").await? {
            Some(caller) => caller.org.map_or(Self::Global, Self::Organization),
            None => Self::Anonymous,
        })
    }
}
