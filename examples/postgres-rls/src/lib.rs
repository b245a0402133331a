//! An API whose tenants are kept apart by PostgreSQL itself.
//!
//! The organization comes from the verified token ([`OrgCode`](tower_m2m::OrgCode)), goes into the transaction, and row-level
//! security does the rest: a query that forgot its `WHERE` shows nothing of another tenant.

mod tenant_db;
#[cfg(test)]
mod tests;

use axum::extract::{FromRef, Path};
use axum::http::StatusCode;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tower_m2m::{Inventory, RouteError, Routes, Verifier};

pub use tenant_db::{Database, DbError, TenantDb, Transaction};

tower_m2m::scopes! {
    /// The scopes of the API.
    pub ApiScopes {
        /// Read invoices.
        ReadInvoices = "read:invoices",
        /// Create invoices.
        WriteInvoices = "write:invoices",
    }
}

#[derive(Clone)]
struct State {
    database: Database,
}

impl FromRef<State> for Database {
    fn from_ref(state: &State) -> Self {
        state.database.clone()
    }
}

#[derive(Debug, Deserialize, Serialize)]
pub struct Invoice {
    pub number: i64,
    pub amount: i64,
}

/// The API, and the list of its routes.
pub fn api(verifier: &Verifier, database: Database) -> Result<(Router, Inventory), RouteError> {
    let (router, inventory) = Routes::new()
        .get(
            "/orgs/{org_code}/invoices",
            list,
            verifier.layer().require(ReadInvoices),
        )
        .post(
            "/orgs/{org_code}/invoices",
            create,
            verifier.layer().require(WriteInvoices),
        )
        .get(
            "/orgs/{org_code}/invoices/{number}",
            show,
            verifier.layer().require(ReadInvoices),
        )
        .build()?;
    Ok((router.with_state(State { database }), inventory))
}

/// Without any `WHERE`: the rows are the caller's all the same.
async fn list(db: TenantDb) -> Result<Json<Vec<Invoice>>, DbError> {
    let transaction = db.begin().await?;
    let rows = transaction
        .query("SELECT number, amount FROM invoices ORDER BY number", &[])
        .await?;
    transaction.commit().await?;
    let invoices = rows.iter().map(|row| Invoice {
        number: row.get(0),
        amount: row.get(1),
    });
    Ok(Json(invoices.collect()))
}

async fn show(
    db: TenantDb,
    Path((_, number)): Path<(String, i64)>,
) -> Result<Json<Invoice>, Shown> {
    let transaction = db.begin().await?;
    let rows = transaction
        .query(
            "SELECT number, amount FROM invoices WHERE number = $1",
            &[&number],
        )
        .await?;
    transaction.commit().await?;
    let row = rows.first().ok_or(Shown::NotFound)?;
    Ok(Json(Invoice {
        number: row.get(0),
        amount: row.get(1),
    }))
}

/// The tenant's columns fill themselves in.
async fn create(db: TenantDb, Json(invoice): Json<Invoice>) -> Result<StatusCode, DbError> {
    let transaction = db.begin().await?;
    let statement = "INSERT INTO invoices (number, amount) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    transaction
        .query(statement, &[&invoice.number, &invoice.amount])
        .await?;
    transaction.commit().await?;
    Ok(StatusCode::CREATED)
}

enum Shown {
    NotFound,
    Db(DbError),
}

impl From<DbError> for Shown {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl axum::response::IntoResponse for Shown {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Db(error) => error.into_response(),
        }
    }
}
