//! Why routes cannot be built.

use std::fmt;

use http::Method;

/// Why routes cannot be built.
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
    /// The path is none, or it overlaps with another: `/a/{x}` and `/a/{y}`.
    InvalidPath {
        /// The path.
        path: String,
    },
    /// A method that axum cannot route.
    UnsupportedMethod {
        /// The method.
        method: Method,
    },
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { method, path } => write!(f, "{method} {path} is decided twice"),
            Self::InvalidPath { path } => write!(
                f,
                "{path:?} is no path that can be routed, or overlaps with another"
            ),
            Self::UnsupportedMethod { method } => {
                write!(f, "{method} is a method that cannot be routed")
            }
        }
    }
}

impl std::error::Error for RouteError {}
