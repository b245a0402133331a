//! Errors of the database.

use std::error::Error;
use std::fmt;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::audit::AuditReport;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why the database is not used, or did not do its work.
#[derive(Debug)]
pub enum DbError {
    /// The set-up of the database does not keep tenants apart.
    Unprotected(AuditReport),
    /// The pool provided no connection in time.
    NoConnection(BoxError),
    /// PostgreSQL rejected a statement, or the connection was lost.
    Statement(BoxError),
}

impl DbError {
    pub(crate) fn no_connection(error: impl Into<BoxError>) -> Self {
        Self::NoConnection(error.into())
    }

    pub(crate) fn statement(error: impl Into<BoxError>) -> Self {
        Self::Statement(error.into())
    }
}

impl IntoResponse for DbError {
    /// The log has the details, and the client does not.
    fn into_response(self) -> Response {
        eprintln!("{self}");
        match self {
            Self::NoConnection(_) | Self::Unprotected(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Statement(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
        .into_response()
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unprotected(report) => report.fmt(f),
            Self::NoConnection(error) => write!(f, "no connection: {error}"),
            Self::Statement(error) => write!(f, "statement failed: {error}"),
        }
    }
}

impl Error for DbError {}
