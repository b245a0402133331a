//! Reasons why routes cannot be built.

use std::fmt;

use http::Method;

use crate::rejection::Misconfiguration;

/// A reason why routes cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError {
    /// Two decisions about one method of one path.
    Duplicate {
        /// The method.
        method: Method,
        /// The path.
        path: String,
    },
    /// The path is invalid, or it overlaps with another path: `/a/{x}` and `/a/{y}`.
    InvalidPath {
        /// The path.
        path: String,
    },
    /// A method that axum cannot route.
    UnsupportedMethod {
        /// The method.
        method: Method,
    },
    /// The layer responds to each verified token with 500 on this route.
    Misconfigured {
        /// The full path.
        path: String,
        /// The misconfiguration.
        error: Misconfiguration,
    },
    /// A path template of the layer cannot match this route.
    UnmatchedTemplate {
        /// The full path.
        path: String,
    },
    /// Only global clients are admitted to an organization's route, and no scope allows them to
    /// act.
    GlobalWithoutScope {
        /// The full path.
        path: String,
    },
    /// A public route has a parameter whose name means a tenant: use
    /// [`PublicPerTenant`](crate::PublicPerTenant) if this is intended.
    PublicTenantParameter {
        /// The full path.
        path: String,
        /// The parameter.
        parameter: String,
    },
    /// Forged CORS preflights would call the handler for `OPTIONS` although its layer requires a
    /// token: use [`reject_preflights`](crate::AuthorizeLayer::reject_preflights).
    Options {
        /// The full path.
        path: String,
    },
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { method, path } => {
                write!(f, "{method} {path} has two decisions: keep one")
            }
            Self::InvalidPath { path } => write!(
                f,
                "{path:?} is not a valid path, or it overlaps with another path"
            ),
            Self::UnsupportedMethod { method } => {
                write!(f, "axum cannot route the method {method}")
            }
            Self::Misconfigured { path, error } => write!(f, "{path:?}: {error}"),
            Self::UnmatchedTemplate { path } => write!(
                f,
                "{path:?}: the path template of `organization_from` cannot match this route: write the template for the \
                 full path"
            ),
            Self::GlobalWithoutScope { path } => write!(
                f,
                "{path:?}: `only_global()` on an organization's route rejects every request: require a scope"
            ),
            Self::PublicTenantParameter { path, parameter } => write!(
                f,
                "{path:?} is public, and its parameter {parameter:?} means a tenant: use `PublicPerTenant` if this is intended"
            ),
            Self::Options { path } => write!(
                f,
                "{path:?}: a layer around a handler for OPTIONS needs `reject_preflights()`"
            ),
        }
    }
}

impl std::error::Error for RouteError {}
