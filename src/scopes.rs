//! Scopes that are declared once, as Rust items, so that a spelling mistake does not compile.

use std::fmt;
use std::marker::PhantomData;

use crate::token::{Scope, ScopeRequirement};

/// A scope or a combination of scopes that is known at compile time. [`scopes!`](crate::scopes)
/// declares them.
///
/// A tuple of scopes requires all of them, [`AnyOf`] requires at least one.
pub trait RequiredScopes: Send + Sync + 'static {
    /// Returns the required scopes.
    fn requirement() -> ScopeRequirement;
}

/// At least one of the scopes of a tuple: `Scoped<AnyOf<(ReadInvoices, Admin)>>`.
///
/// ```
/// use tower_m2m::{AnyOf, RequiredScopes};
///
/// tower_m2m::scopes! {
///     pub ApiScopes { ReadInvoices = "read:invoices", Admin = "admin" }
/// }
///
/// assert_eq!(AnyOf::<(ReadInvoices, Admin)>::requirement().to_string(), "read:invoices | admin");
/// assert_eq!(<(ReadInvoices, Admin)>::requirement().to_string(), "read:invoices admin");
/// ```
pub struct AnyOf<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for AnyOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyOf")
    }
}

macro_rules! tuples {
    ($($first:ident $($rest:ident)*;)+) => {$(
        impl<$first: RequiredScopes, $($rest: RequiredScopes),*> RequiredScopes for ($first, $($rest,)*) {
            fn requirement() -> ScopeRequirement {
                $first::requirement()$(.and($rest::requirement()))*
            }
        }

        impl<$first: RequiredScopes, $($rest: RequiredScopes),*> RequiredScopes for AnyOf<($first, $($rest,)*)> {
            fn requirement() -> ScopeRequirement {
                $first::requirement()$(.or($rest::requirement()))*
            }
        }
    )+};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}

/// A scope with its description, for documents such as `scopes_supported` (RFC 9728 §2) or OpenAPI.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeclaredScope {
    /// The scope.
    pub scope: Scope,
    /// The first paragraph of its documentation.
    pub description: &'static str,
}

impl DeclaredScope {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(scope: Scope, description: &'static str) -> Self {
        Self { scope, description }
    }

    /// Fails at compile time if two of the scopes are equal.
    #[doc(hidden)]
    pub const fn assert_distinct(scopes: &[&str]) {
        assert!(
            !contains_duplicate(scopes),
            "two scopes of one declaration have the same value"
        );
    }
}

const fn contains_duplicate(mut scopes: &[&str]) -> bool {
    while let [first, rest @ ..] = scopes {
        let mut others = rest;
        while let [other, further @ ..] = others {
            if is_equal(first.as_bytes(), other.as_bytes()) {
                return true;
            }
            others = further;
        }
        scopes = rest;
    }
    false
}

/// Compares without `==`, which is not available in constants.
const fn is_equal(mut left: &[u8], mut right: &[u8]) -> bool {
    while let ([first, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
        if *first != *other {
            return false;
        }
        (left, right) = (left_rest, right_rest);
    }
    left.is_empty() && right.is_empty()
}

/// Declares the scopes of an API: a type for each scope, and a list of all.
///
/// A layer [requires](crate::AuthorizeLayer::require) such a type, the extractor
/// [`Scoped`](crate::Scoped) enforces it, and the `scope` of a 403 names it. The list is for
/// documents. If a scope is invalid, or if a name is misspelled where it is used, the program does
/// not compile.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_m2m::{OrgCode, Scoped, Verifier};
///
/// tower_m2m::scopes! {
///     /// The scopes of the invoices API.
///     pub InvoiceScopes {
///         /// Read invoices.
///         ReadInvoices = "read:invoices",
///         /// Create and change invoices.
///         WriteInvoices = "write:invoices",
///     }
/// }
///
/// async fn list(org: OrgCode, _: Scoped<ReadInvoices>) -> String {
///     format!("invoices of {org}")
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
/// let app: Router = Router::new().route("/invoices", get(list)).route_layer(verifier.layer().require(ReadInvoices));
///
/// assert_eq!(ReadInvoices::SCOPE.as_str(), "read:invoices");
/// assert_eq!(InvoiceScopes::ALL.len(), 2);
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail
/// tower_m2m::scopes! { pub ApiScopes { ReadInvoices = "read invoices" } }
/// ```
///
/// ```compile_fail
/// tower_m2m::scopes! { pub ApiScopes { ReadInvoices = "read:invoices" } }
/// async fn list(_: tower_m2m::Scoped<ReadInvoice>) {}
/// ```
///
/// Two names for one scope would be one permission: `Scoped<Write>` would admit clients that may
/// only read.
///
/// ```compile_fail,E0080
/// tower_m2m::scopes! { pub ApiScopes { Read = "read:invoices", Write = "read:invoices" } }
/// ```
///
/// ```compile_fail,E0080
/// tower_m2m::scopes! { pub ApiScopes { Read = "read:invoices", Write = "write:invoices", Export = "read:invoices" } }
/// ```
#[macro_export]
macro_rules! scopes {
    (
        $(#[$list_meta:meta])*
        $visibility:vis $list:ident {
            $( $(#[doc = $doc:literal])* $name:ident = $scope:literal ),+ $(,)?
        }
    ) => {
        $(
            $(#[doc = $doc])*
            #[doc = concat!("\n\nThe scope `", $scope, "`.")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            #[allow(clippy::exhaustive_structs)]
            $visibility struct $name;

            impl $name {
                /// The scope, as tokens contain it.
                #[allow(dead_code)]
                $visibility const SCOPE: $crate::Scope = $crate::Scope::from_static($scope);
            }

            impl $crate::RequiredScopes for $name {
                fn requirement() -> $crate::token::ScopeRequirement {
                    Self::SCOPE.into()
                }
            }

            impl ::core::convert::From<$name> for $crate::token::ScopeRequirement {
                fn from(_: $name) -> Self {
                    $name::SCOPE.into()
                }
            }
        )+

        $(#[$list_meta])*
        #[derive(Clone, Copy, Debug)]
        #[allow(clippy::exhaustive_structs)]
        $visibility struct $list;

        const _: () = $crate::DeclaredScope::assert_distinct(&[$($scope),+]);

        impl $list {
            /// Every declared scope with its description.
            #[allow(dead_code)]
            $visibility const ALL: &'static [$crate::DeclaredScope] =
                &[$($crate::DeclaredScope::new($name::SCOPE, concat!($($doc),*).trim_ascii())),+];
        }
    };
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
