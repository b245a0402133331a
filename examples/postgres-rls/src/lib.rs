//! An API whose tenants are kept apart by PostgreSQL itself.
//!
//! The organization comes from the verified token ([`OrgCode`](tower_m2m::OrgCode)), goes into the
//! transaction, and row-level security does the rest: a query without `WHERE` returns no row of
//! another tenant. [`with_sqlx`] and [`with_tokio_postgres`] do the same with two clients. Copy the
//! one that you use, together with `tenant.rs`, `error.rs` and `audit`.
//!
//! A transaction is made from an `OrgCode` alone. The pool is out of reach:
//!
//! ```compile_fail,E0616
//! fn without_tenant(database: postgres_rls::with_sqlx::Database) {
//!     database.pool;
//! }
//! ```
//!
//! ```compile_fail,E0616
//! fn without_tenant(database: postgres_rls::with_tokio_postgres::Database) {
//!     database.pool;
//! }
//! ```
//!
//! A string of a request is not an `OrgCode`:
//!
//! ```compile_fail,E0308
//! async fn with_a_string(database: postgres_rls::with_sqlx::Database, tenant: String) {
//!     database.tenant(tenant);
//! }
//! ```

mod api;
mod audit;
mod client;
mod error;
mod tenant;
#[cfg(test)]
mod tests;

pub use api::{ApiScopes, Database, Invoice, Invoices, api, readiness};
pub use audit::{AuditReport, Finding};
pub use client::{with_sqlx, with_tokio_postgres};
pub use error::DbError;
pub use tenant::{InvalidTenantKey, TenantKey};
