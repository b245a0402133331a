//! Claims of a token that has the scopes of a type.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::caller::required_caller;
use super::rejection::ExtractorRejection;
use crate::rejection::Rejection;
use crate::scopes::RequiredScopes;
use crate::token::Claims;

/// A handler argument that enforces scopes: the claims of a token that was granted them.
///
/// If the token lacks a scope, the response is 403 `insufficient_scope` and names the required
/// scopes. Declare scopes with [`scopes!`](crate::scopes).
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
/// Claims cannot be converted into it:
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

impl<S: Send + Sync, T: RequiredScopes> FromRequestParts<S> for Scoped<T> {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        let claims = required_caller(parts, "Scoped").await?.claims;
        let requirement = T::requirement();
        if requirement.is_satisfied_by(claims.scopes()) {
            Ok(Self {
                claims,
                scopes: PhantomData,
            })
        } else {
            Err(ExtractorRejection::new(
                parts,
                "Scoped",
                Rejection::InsufficientScope(requirement),
            ))
        }
    }
}
