//! The database of one tenant, with `tokio-postgres` and `deadpool-postgres`.
//!
//! The pool is private to this module. A [`Transaction`] is made from the organization of a
//! verified token, and there is no other way to a connection.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls, Row};
use tower_m2m::{ExtractorRejection, OrgCode};

use super::WAIT;
use crate::api::{self, Invoice, Invoices};
use crate::audit::{self, AuditTransaction};
use crate::error::DbError;
use crate::tenant::{CLEAN, NAME_TENANT, TenantKey};

/// The limit of prepared statements per connection. The cache has none, and `sqlx` has the same.
const CACHED_STATEMENTS: usize = 100;

/// The connections, for [`TenantDb`] only.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    key: TenantKey,
}

/// The database for one request: an argument of handlers.
pub struct TenantDb {
    database: Database,
    org: OrgCode,
}

/// A transaction in which PostgreSQL shows the rows of one tenant. Dropping it rolls it back.
pub struct Transaction {
    connection: Option<Object>,
}

impl Database {
    /// Connects, and audits the role and the set-up of the database.
    ///
    /// # Errors
    ///
    /// Returns [`DbError::Unprotected`] if anything that the role can reach is not protected.
    pub async fn open(config: Config, key: TenantKey, connections: usize) -> Result<Self, DbError> {
        let recycling_method = RecyclingMethod::Custom(CLEAN.to_owned());
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .recycle_timeout(Some(WAIT))
            .build()
            .map_err(DbError::no_connection)?;
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
    pub(crate) fn pool(&self) -> &Pool {
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
        let transaction = Transaction::begin(&self.database.pool).await?;
        let (issuer, org_code, signature) = self.database.key.name(&self.org);
        transaction
            .query(NAME_TENANT, &[&issuer, &org_code, &signature])
            .await?;
        Ok(transaction)
    }
}

impl Transaction {
    async fn begin(pool: &Pool) -> Result<Self, DbError> {
        let connection = pool.get().await.map_err(DbError::no_connection)?;
        // If this future is dropped from here on, `Drop` closes the connection.
        let transaction = Self {
            connection: Some(connection),
        };
        transaction.run("BEGIN").await?;
        Ok(transaction)
    }

    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    ///
    /// Returns [`DbError::Statement`] if PostgreSQL rejects it.
    pub async fn query(
        &self,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DbError> {
        let connection = self.connection()?;
        if connection.statement_cache.size() >= CACHED_STATEMENTS {
            connection.statement_cache.clear();
        }
        let statement = connection.prepare_cached(statement).await;
        let statement = statement.map_err(DbError::statement)?;
        let rows = connection.query(&statement, parameters).await;
        rows.map_err(DbError::statement)
    }

    /// # Errors
    ///
    /// Returns [`DbError::Statement`] if the connection was lost. The outcome is then unknown.
    pub async fn commit(self) -> Result<(), DbError> {
        self.end("COMMIT").await
    }

    /// # Errors
    ///
    /// Returns [`DbError::Statement`] if the connection was lost.
    pub async fn rollback(self) -> Result<(), DbError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &str) -> Result<(), DbError> {
        self.run(statement).await?;
        // A connection returns to the pool only after its transaction ended.
        drop(self.connection.take());
        Ok(())
    }

    async fn run(&self, statement: &str) -> Result<(), DbError> {
        let done = self.connection()?.batch_execute(statement).await;
        done.map_err(DbError::statement)
    }

    fn connection(&self) -> Result<&Object, DbError> {
        self.connection
            .as_ref()
            .ok_or_else(|| DbError::statement("the transaction has ended"))
    }
}

impl Drop for Transaction {
    /// Closes the connection after an early return, a panic or a canceled request, because its
    /// state is unknown. PostgreSQL then rolls back.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
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
        let transaction = self.begin().await?;
        let statement = "SELECT number, amount FROM invoices ORDER BY number";
        let rows = transaction.query(statement, &[]).await?;
        transaction.commit().await?;
        Ok(rows.iter().map(invoice).collect())
    }

    async fn find(&self, number: i64) -> Result<Option<Invoice>, DbError> {
        let transaction = self.begin().await?;
        let statement = "SELECT number, amount FROM invoices WHERE number = $1";
        let rows = transaction.query(statement, &[&number]).await?;
        transaction.commit().await?;
        Ok(rows.first().map(invoice))
    }

    /// The columns of the tenant have defaults.
    async fn create(&self, invoice: &Invoice) -> Result<(), DbError> {
        let transaction = self.begin().await?;
        let statement =
            "INSERT INTO invoices (number, amount) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        transaction
            .query(statement, &[&invoice.number, &invoice.amount])
            .await?;
        transaction.commit().await
    }
}

fn invoice(row: &Row) -> Invoice {
    Invoice {
        number: row.get(0),
        amount: row.get(1),
    }
}

impl AuditTransaction for Transaction {
    async fn rows(
        &mut self,
        statement: &str,
        parameters: &[&str],
    ) -> Result<Vec<[Option<String>; 3]>, DbError> {
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|value| value as _).collect();
        let rows = self.query(statement, &parameters).await?;
        Ok(rows
            .iter()
            .map(|row| [row.get(0), row.get(1), row.get(2)])
            .collect())
    }
}
