//! The database of one tenant, with `sqlx`.
//!
//! The pool is private to this module. A [`Transaction`] is made from the organization of a
//! verified token, and there is no other way to a connection.

use std::ops::{Deref, DerefMut};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgTransactionManager};
use sqlx::{Executor as _, Postgres, Row as _, TransactionManager as _};
use tower_m2m::{ExtractorRejection, OrgCode};

use super::WAIT;
use crate::api::{self, Invoice, Invoices};
use crate::audit::{self, AuditTransaction};
use crate::error::DbError;
use crate::tenant::{CLEAN, NAME_TENANT, TenantKey};

/// The connections, for [`TenantDb`] only.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
    key: TenantKey,
}

/// The database for one request: an argument of handlers.
pub struct TenantDb {
    database: Database,
    org: OrgCode,
}

/// A transaction in which PostgreSQL shows the rows of one tenant. Dropping it rolls it back.
///
/// Use it like `sqlx::Transaction`: `sqlx::query("…").fetch_all(&mut *transaction)`.
pub struct Transaction {
    connection: PoolConnection<Postgres>,
    has_ended: bool,
}

impl Database {
    /// Connects, and audits the role and the set-up of the database.
    ///
    /// # Errors
    ///
    /// Returns [`DbError::Unprotected`] if anything that the role can reach is not protected.
    pub async fn open(
        options: PgConnectOptions,
        key: TenantKey,
        connections: u32,
    ) -> Result<Self, DbError> {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(WAIT)
            // `CLEAN` is a test too.
            .test_before_acquire(false)
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    connection.execute(CLEAN).await?;
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        let database = Self { pool, key };
        database.audit().await?;
        Ok(database)
    }

    /// Audits the role and the set-up of the database again, after a migration or for a probe.
    ///
    /// # Errors
    ///
    /// Returns [`DbError::Unprotected`] if anything that the role can reach is not protected.
    pub async fn audit(&self) -> Result<(), DbError> {
        let mut transaction = Transaction::begin(&self.pool).await?;
        audit::audit(&mut transaction, &self.key).await?;
        transaction.rollback().await
    }

    /// Returns the database of this organization.
    pub fn tenant(&self, org: OrgCode) -> TenantDb {
        TenantDb {
            database: self.clone(),
            org,
        }
    }

    #[cfg(test)]
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

impl TenantDb {
    /// Begins a transaction and names the tenant in it.
    ///
    /// # Errors
    ///
    /// Returns [`DbError`] if no connection is free, or if PostgreSQL does not respond.
    pub async fn begin(&self) -> Result<Transaction, DbError> {
        let mut transaction = Transaction::begin(&self.database.pool).await?;
        let (issuer, org_code, signature) = self.database.key.name(&self.org);
        sqlx::query(NAME_TENANT)
            .bind(issuer)
            .bind(org_code)
            .bind(signature)
            .execute(&mut *transaction)
            .await
            .map_err(DbError::statement)?;
        Ok(transaction)
    }
}

impl Transaction {
    async fn begin(pool: &PgPool) -> Result<Self, DbError> {
        let connection = pool.acquire().await.map_err(DbError::no_connection)?;
        // If this future is dropped from here on, `Drop` closes the connection.
        let mut transaction = Self {
            connection,
            has_ended: false,
        };
        // With the manager of sqlx, a nested `begin` of a handler is a savepoint.
        PgTransactionManager::begin(&mut transaction, None)
            .await
            .map_err(DbError::statement)?;
        Ok(transaction)
    }

    /// # Errors
    ///
    /// Returns [`DbError::Statement`] if the connection was lost. The outcome is then unknown.
    pub async fn commit(mut self) -> Result<(), DbError> {
        let done = PgTransactionManager::commit(&mut self).await;
        self.end(done)
    }

    /// # Errors
    ///
    /// Returns [`DbError::Statement`] if the connection was lost.
    pub async fn rollback(mut self) -> Result<(), DbError> {
        let done = PgTransactionManager::rollback(&mut self).await;
        self.end(done)
    }

    fn end(mut self, done: sqlx::Result<()>) -> Result<(), DbError> {
        done.map_err(DbError::statement)?;
        // A connection returns to the pool only after its transaction ended.
        self.has_ended = PgTransactionManager::get_transaction_depth(&self) == 0;
        Ok(())
    }
}

impl Drop for Transaction {
    /// Closes the connection after an early return, a panic or a canceled request, because its
    /// state is unknown. PostgreSQL then rolls back.
    fn drop(&mut self) {
        if !self.has_ended {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl FromRequestParts<Database> for TenantDb {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        database: &Database,
    ) -> Result<Self, ExtractorRejection> {
        let org = OrgCode::from_request_parts(parts, database).await?;
        Ok(database.tenant(org))
    }
}

impl api::Database for Database {
    type TenantDb = TenantDb;

    async fn audit(&self) -> Result<(), DbError> {
        Self::audit(self).await
    }
}

impl Invoices for TenantDb {
    /// The statement has no `WHERE`. The policy returns the caller's rows.
    async fn list(&self) -> Result<Vec<Invoice>, DbError> {
        let mut transaction = self.begin().await?;
        let invoices = sqlx::query_as("SELECT number, amount FROM invoices ORDER BY number")
            .fetch_all(&mut *transaction)
            .await
            .map_err(DbError::statement)?;
        transaction.commit().await?;
        Ok(invoices.into_iter().map(invoice).collect())
    }

    async fn find(&self, number: i64) -> Result<Option<Invoice>, DbError> {
        let mut transaction = self.begin().await?;
        let found = sqlx::query_as("SELECT number, amount FROM invoices WHERE number = $1")
            .bind(number)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(DbError::statement)?;
        transaction.commit().await?;
        Ok(found.map(invoice))
    }

    /// The columns of the tenant have defaults.
    async fn create(&self, invoice: &Invoice) -> Result<(), DbError> {
        let mut transaction = self.begin().await?;
        sqlx::query("INSERT INTO invoices (number, amount) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(invoice.number)
            .bind(invoice.amount)
            .execute(&mut *transaction)
            .await
            .map_err(DbError::statement)?;
        transaction.commit().await
    }
}

fn invoice((number, amount): (i64, i64)) -> Invoice {
    Invoice { number, amount }
}

impl AuditTransaction for Transaction {
    async fn rows(
        &mut self,
        statement: &str,
        parameters: &[&str],
    ) -> Result<Vec<[Option<String>; 3]>, DbError> {
        let mut query = sqlx::query(statement);
        for parameter in parameters {
            query = query.bind(parameter);
        }
        let rows = query.fetch_all(&mut **self).await;
        let rows = rows.map_err(DbError::statement)?;
        let columns =
            |row: &sqlx::postgres::PgRow| Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?]);
        rows.iter()
            .map(columns)
            .collect::<sqlx::Result<_>>()
            .map_err(DbError::statement)
    }
}
