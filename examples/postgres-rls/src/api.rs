//! The routes, for either client.

use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tower_m2m::{ExtractorRejection, RouteError, RouteInventory, Routes, Verifier};

use crate::error::DbError;

tower_m2m::scopes! {
    /// The scopes of the API.
    pub ApiScopes {
        /// Read invoices.
        ReadInvoices = "read:invoices",
        /// Create invoices.
        WriteInvoices = "write:invoices",
    }
}

#[derive(Debug, Deserialize, Serialize)]
pub struct Invoice {
    pub number: i64,
    pub amount: i64,
}

/// A database of one of the two clients. It is the state of the router.
pub trait Database: Clone + Send + Sync + 'static {
    /// The database of one request's organization: an argument of handlers.
    type TenantDb: Invoices
        + FromRequestParts<Self, Rejection = ExtractorRejection>
        + Send
        + 'static;

    /// Audits the set-up of the database again.
    fn audit(&self) -> impl Future<Output = Result<(), DbError>> + Send;
}

/// The invoices of one tenant.
pub trait Invoices: Sync {
    fn list(&self) -> impl Future<Output = Result<Vec<Invoice>, DbError>> + Send;

    fn find(&self, number: i64) -> impl Future<Output = Result<Option<Invoice>, DbError>> + Send;

    fn create(&self, invoice: &Invoice) -> impl Future<Output = Result<(), DbError>> + Send;
}

/// Returns the API and the list of its routes.
///
/// # Errors
///
/// Returns [`RouteError`] if two routes overlap.
pub fn api<D: Database>(
    verifier: &Verifier,
    database: D,
) -> Result<(Router, RouteInventory), RouteError> {
    let (router, inventory) = Routes::new()
        .get(
            "/orgs/{org_code}/invoices",
            list::<D::TenantDb>,
            verifier.layer().require(ReadInvoices),
        )
        .post(
            "/orgs/{org_code}/invoices",
            create::<D::TenantDb>,
            verifier.layer().require(WriteInvoices),
        )
        .get(
            "/orgs/{org_code}/invoices/{number}",
            show::<D::TenantDb>,
            verifier.layer().require(ReadInvoices),
        )
        .build()?;
    Ok((router.with_state(database), inventory))
}

async fn list<T: Invoices>(db: T) -> Result<Json<Vec<Invoice>>, DbError> {
    db.list().await.map(Json)
}

async fn show<T: Invoices>(
    db: T,
    Path((_, number)): Path<(String, i64)>,
) -> Result<(StatusCode, Json<Option<Invoice>>), DbError> {
    let invoice = db.find(number).await?;
    let status = match invoice {
        Some(_) => StatusCode::OK,
        None => StatusCode::NOT_FOUND,
    };
    Ok((status, Json(invoice)))
}

async fn create<T: Invoices>(db: T, Json(invoice): Json<Invoice>) -> Result<StatusCode, DbError> {
    db.create(&invoice).await?;
    Ok(StatusCode::CREATED)
}

/// Returns the readiness probe, `GET /ready`. If a migration removes a protection, it responds with
/// 503.
///
/// Each request audits the database, so serve it at an address that clients do not reach.
pub fn readiness<D: Database>(database: D) -> Router {
    Router::new()
        .route("/ready", get(ready::<D>))
        .with_state(database)
}

async fn ready<D: Database>(State(database): State<D>) -> Result<StatusCode, DbError> {
    database.audit().await?;
    Ok(StatusCode::NO_CONTENT)
}
