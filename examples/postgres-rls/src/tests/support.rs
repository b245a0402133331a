//! One interface to the two clients, so that they run the same statements.

use tower_m2m::{OrgCode, testing};

use super::server::{KEY, Server};
use crate::{Database, DbError, TenantKey, with_sqlx, with_tokio_postgres};

pub(super) const ISSUER: &str = "https://acme.kinde.com";

/// A database of one of the two clients.
pub(super) trait Client: Database {
    type Transaction: Statements;

    async fn open(server: &Server, role: &str, connections: u8) -> Result<Self, DbError>;

    fn of(&self, org: OrgCode) -> Self::TenantDb;

    fn begin(
        db: &Self::TenantDb,
    ) -> impl Future<Output = Result<Self::Transaction, DbError>> + Send;

    /// Returns the first column of the first row, on a connection of the pool without a tenant.
    async fn pooled(&self, statement: &str) -> Option<String>;

    fn tenant(&self, code: &str) -> Self::TenantDb {
        self.of(org(ISSUER, code))
    }
}

/// A transaction of one of the two clients.
pub(super) trait Statements: Sized + Send + 'static {
    /// Returns the first column of the first row, which is `text`.
    fn run(
        &mut self,
        statement: &str,
    ) -> impl Future<Output = Result<Option<String>, DbError>> + Send;

    fn commit(self) -> impl Future<Output = Result<(), DbError>> + Send;

    fn rollback(self) -> impl Future<Output = Result<(), DbError>> + Send;
}

pub(super) fn key() -> TenantKey {
    TenantKey::from_hex(KEY).unwrap()
}

pub(super) fn org(issuer: &str, code: &str) -> OrgCode {
    let claims = testing::claims().issuer(issuer).org(code).claims();
    claims.org_code().cloned().unwrap()
}

/// Runs one statement in a transaction of its own.
pub(super) async fn run<C: Client>(db: &C::TenantDb, statement: &str) -> Option<String> {
    let mut transaction = C::begin(db).await.unwrap();
    let first = transaction.run(statement).await.unwrap();
    transaction.commit().await.unwrap();
    first
}

pub(super) async fn add<C: Client>(db: &C::TenantDb, number: u16) {
    let statement = format!("INSERT INTO invoices (number, amount) VALUES ({number}, 1)");
    run::<C>(db, &statement).await;
}

/// Returns the numbers of the visible invoices, separated by spaces.
pub(super) async fn numbers<C: Client>(db: &C::TenantDb) -> String {
    run::<C>(db, NUMBERS).await.unwrap_or_default()
}

/// Without `WHERE`.
pub(super) const NUMBERS: &str =
    "SELECT string_agg(number::text, ' ' ORDER BY number) FROM invoices";

impl Client for with_sqlx::Database {
    type Transaction = with_sqlx::Transaction;

    async fn open(server: &Server, role: &str, connections: u8) -> Result<Self, DbError> {
        Self::open(server.options(role), key(), connections.into()).await
    }

    fn of(&self, org: OrgCode) -> with_sqlx::TenantDb {
        self.tenant(org)
    }

    async fn begin(db: &with_sqlx::TenantDb) -> Result<Self::Transaction, DbError> {
        db.begin().await
    }

    async fn pooled(&self, statement: &str) -> Option<String> {
        sqlx::query_scalar(statement)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }
}

impl Statements for with_sqlx::Transaction {
    async fn run(&mut self, statement: &str) -> Result<Option<String>, DbError> {
        let row = sqlx::query_scalar(statement).fetch_optional(&mut **self);
        Ok(row.await.map_err(DbError::statement)?.flatten())
    }

    async fn commit(self) -> Result<(), DbError> {
        self.commit().await
    }

    async fn rollback(self) -> Result<(), DbError> {
        self.rollback().await
    }
}

impl Client for with_tokio_postgres::Database {
    type Transaction = with_tokio_postgres::Transaction;

    async fn open(server: &Server, role: &str, connections: u8) -> Result<Self, DbError> {
        Self::open(server.config(role), key(), connections.into()).await
    }

    fn of(&self, org: OrgCode) -> with_tokio_postgres::TenantDb {
        self.tenant(org)
    }

    async fn begin(db: &with_tokio_postgres::TenantDb) -> Result<Self::Transaction, DbError> {
        db.begin().await
    }

    async fn pooled(&self, statement: &str) -> Option<String> {
        let connection = self.pool().get().await.unwrap();
        connection.query_one(statement, &[]).await.unwrap().get(0)
    }
}

impl Statements for with_tokio_postgres::Transaction {
    async fn run(&mut self, statement: &str) -> Result<Option<String>, DbError> {
        let rows = self.query(statement, &[]).await?;
        Ok(rows.first().and_then(|row| row.get(0)))
    }

    async fn commit(self) -> Result<(), DbError> {
        self.commit().await
    }

    async fn rollback(self) -> Result<(), DbError> {
        self.rollback().await
    }
}
