//! The database as one tenant sees it.
//!
//! The pool is private to this module. What leaves it is a [`Transaction`] that is bound to the organization of a verified
//! token; there is no way to a connection without one.

use std::fmt;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls, Row};
use tower_m2m::{OrgCode, Refusal};

/// Connections, and nothing to do with them but [`TenantDb`].
#[derive(Clone)]
pub struct Database(Pool);

/// The database for one request: an axum handler's argument.
pub struct TenantDb {
    pool: Pool,
    org: OrgCode,
}

/// A transaction in which PostgreSQL shows one tenant's rows alone. Dropping it rolls back.
pub struct Transaction {
    connection: Option<Object>,
}

/// Why the database is not used.
#[derive(Debug)]
pub enum DbError {
    /// The role of the connection is not held by row-level security: the text says why.
    Unprotected(String),
    /// The pool gave no connection in time.
    Pool(deadpool_postgres::PoolError),
    Postgres(tokio_postgres::Error),
}

impl Database {
    /// Connects, and refuses a role that row-level security does not hold: a superuser, one with `BYPASSRLS`, one that can
    /// become such a role, the owner of a table; and a role that may use a table, view or function which it does not hold.
    pub async fn open(config: Config, connections: usize) -> Result<Self, DbError> {
        let manager = Manager::from_config(
            config,
            NoTls,
            ManagerConfig {
                recycling_method: RecyclingMethod::Clean,
            },
        );
        let timeout = Some(Duration::from_secs(2));
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(timeout)
            .create_timeout(timeout)
            .recycle_timeout(timeout)
            .build()
            .map_err(|error| DbError::Unprotected(error.to_string()))?;
        refuse_unprotected(&pool).await?;
        Ok(Self(pool))
    }

    #[cfg(test)]
    pub(crate) fn pool(&self) -> &Pool {
        &self.0
    }

    /// The database as this organization sees it.
    pub fn of(&self, org: OrgCode) -> TenantDb {
        TenantDb {
            pool: self.0.clone(),
            org,
        }
    }
}

/// Each row is a reason not to start: a role that could get around row-level security, or something that it may use and that
/// row-level security does not hold.
const REASONS: &str = "
    WITH RECURSIVE roles AS (
        SELECT oid, rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname IN (current_user, session_user)
        UNION
        SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls
        FROM roles JOIN pg_auth_members m ON m.member = roles.oid JOIN pg_roles r ON r.oid = m.roleid
    ), schemas AS (
        SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
    ), relations AS (
        SELECT c.* FROM pg_class c
        WHERE c.relnamespace IN (SELECT oid FROM schemas) AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
    ), tables AS (
        SELECT * FROM relations WHERE relkind IN ('r', 'p')
    )
    SELECT 'the role ' || rolname || ' is a superuser' FROM roles WHERE rolsuper
    UNION ALL SELECT 'the role ' || rolname || ' has BYPASSRLS' FROM roles WHERE rolbypassrls
    UNION ALL SELECT 'the role ' || rolname || ' owns the table ' || relname || ' and could switch its security off'
        FROM tables JOIN roles ON roles.oid = relowner
    UNION ALL SELECT 'row-level security is not enabled on the table ' || relname FROM tables WHERE NOT relrowsecurity
    UNION ALL SELECT 'row-level security is not forced on the table ' || relname
        FROM tables WHERE relrowsecurity AND NOT relforcerowsecurity
    UNION ALL SELECT 'the view ' || relname || ' reads with the rights of its owner: security_invoker is not set'
        FROM relations WHERE relkind = 'v' AND NOT coalesce(reloptions && '{security_invoker=true,security_invoker=on}', false)
    UNION ALL SELECT 'the materialized view ' || relname || ' has no row-level security' FROM relations WHERE relkind = 'm'
    UNION ALL SELECT 'the function ' || proname || ' runs with the rights of its owner (SECURITY DEFINER)'
        FROM pg_proc p WHERE prosecdef AND pronamespace IN (SELECT oid FROM schemas) AND has_function_privilege(p.oid, 'EXECUTE')";

async fn refuse_unprotected(pool: &Pool) -> Result<(), DbError> {
    let reasons = pool
        .get()
        .await
        .map_err(DbError::Pool)?
        .query(REASONS, &[])
        .await
        .map_err(DbError::Postgres)?;
    let reasons: Vec<String> = reasons.iter().map(|row| row.get(0)).collect();
    if reasons.is_empty() {
        Ok(())
    } else {
        Err(DbError::Unprotected(reasons.join("; ")))
    }
}

impl TenantDb {
    /// Begins a transaction and names the tenant in it: `set_config(…, true)` ends with the transaction, whatever ends it.
    pub async fn begin(&self) -> Result<Transaction, DbError> {
        let connection = self.pool.get().await.map_err(DbError::Pool)?;
        // Held from here on, so that nothing that ends this future gives the connection back in the middle.
        let transaction = Transaction {
            connection: Some(connection),
        };
        transaction
            .client()?
            .batch_execute("BEGIN")
            .await
            .map_err(DbError::Postgres)?;
        let tenant: [&(dyn ToSql + Sync); 2] = [&self.org.issuer(), &self.org.as_str()];
        transaction
            .query(
                "SELECT set_config('app.issuer', $1, true), set_config('app.org_code', $2, true)",
                &tenant,
            )
            .await?;
        Ok(transaction)
    }
}

impl Transaction {
    pub async fn query(
        &self,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DbError> {
        self.client()?
            .query(statement, parameters)
            .await
            .map_err(DbError::Postgres)
    }

    pub async fn commit(self) -> Result<(), DbError> {
        self.end("COMMIT").await
    }

    pub async fn rollback(self) -> Result<(), DbError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &str) -> Result<(), DbError> {
        self.client()?
            .batch_execute(statement)
            .await
            .map_err(DbError::Postgres)?;
        // Only a connection whose transaction is known to have ended goes back to the pool.
        drop(self.connection.take());
        Ok(())
    }

    fn client(&self) -> Result<&Object, DbError> {
        self.connection
            .as_ref()
            .ok_or_else(|| DbError::Unprotected("the transaction has ended".to_owned()))
    }
}

impl Drop for Transaction {
    /// After an early return, a panic or a cancelled request the state of the connection is not known, so it is closed, and
    /// PostgreSQL rolls back.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

impl<S> FromRequestParts<S> for TenantDb
where
    S: Send + Sync,
    Database: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let org = <OrgCode as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Database::from_ref(state).of(org))
    }
}

impl IntoResponse for DbError {
    /// What went wrong is for the log, not for the client.
    fn into_response(self) -> Response {
        eprintln!("{self}");
        let status = match self {
            Self::Pool(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unprotected(_) | Self::Postgres(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        status.into_response()
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unprotected(reason) => write!(f, "row-level security does not hold: {reason}"),
            Self::Pool(error) => write!(f, "no connection: {error}"),
            Self::Postgres(error) => write!(f, "the database refused: {error}"),
        }
    }
}

impl std::error::Error for DbError {}
