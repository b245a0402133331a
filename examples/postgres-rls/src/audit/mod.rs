//! The audit of the database: an allow-list over the system catalogs.
//!
//! Everything that the role of the connection can reach is an ordinary table with the expected
//! policy, and the role has only the privileges that the example needs. The audit reports
//! everything else.

mod report;

pub use report::{AuditReport, Finding};

use crate::error::DbError;
use crate::tenant::{NAME_TENANT, TenantKey};

const ROLE: &str = include_str!("role.sql");
const PRIVILEGES: &str = include_str!("privileges.sql");
const RELATIONS: &str = include_str!("relations.sql");

/// The policy of `tenancy.protect`, as PostgreSQL prints it.
const POLICY: &str = "((issuer, org_code) = ( SELECT t.issuer, t.org_code \
     FROM tenancy.current_tenant() t(issuer, org_code)))";

/// Names that are resolved during the audit are those of `pg_catalog`.
const SEARCH_PATH: &str = "SELECT \
     pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), \
     pg_catalog.set_config('transaction_read_only', 'on', true), ''";

const CURRENT_TENANT: &str = "SELECT issuer, org_code, '' FROM tenancy.current_tenant()";

/// The tenant of the audit. No verifier issues it, because an issuer is a URL.
const AUDITOR: (&str, &str) = ("audit", "audit");

/// A transaction, for the audit.
pub(crate) trait AuditTransaction {
    /// Returns the three columns of each row, all of them `text`.
    async fn rows(
        &mut self,
        statement: &str,
        parameters: &[&str],
    ) -> Result<Vec<[Option<String>; 3]>, DbError>;
}

/// Audits the role and the database of a transaction that names no tenant.
pub(crate) async fn audit(
    transaction: &mut impl AuditTransaction,
    key: &TenantKey,
) -> Result<(), DbError> {
    transaction.rows(SEARCH_PATH, &[]).await?;
    let body = function_body();
    let mut report = AuditReport::default();
    let queries: [(&str, &[&str]); 3] =
        [(ROLE, &[]), (PRIVILEGES, &[body]), (RELATIONS, &[POLICY])];
    for (statement, parameters) in queries {
        report.extend(transaction.rows(statement, parameters).await?);
    }
    if report.is_empty() {
        check_key(transaction, key, &mut report).await?;
    }
    report.into_result()
}

/// Checks that PostgreSQL accepts a signature of this key, and no other signature.
async fn check_key(
    transaction: &mut impl AuditTransaction,
    key: &TenantKey,
    report: &mut AuditReport,
) -> Result<(), DbError> {
    let (issuer, org_code) = AUDITOR;
    let signature = key.signature(issuer, org_code);
    let names = [
        (
            org_code,
            Some(org_code),
            "tenancy.keys does not contain the key of the application",
            "SELECT tenancy.add_key(decode('<TENANT_KEY>', 'hex'));",
        ),
        (
            "another",
            None,
            "accepts a signature of another tenant",
            "create it again as in tenancy.sql",
        ),
    ];
    for (name, accepted, problem, fix) in names {
        let parameters = [issuer, name, &signature];
        transaction.rows(NAME_TENANT, &parameters).await?;
        let rows = transaction.rows(CURRENT_TENANT, &[]).await?;
        if rows.first().and_then(|[_, tenant, _]| tenant.as_deref()) != accepted {
            report.push("function tenancy.current_tenant()", problem, fix);
        }
    }
    Ok(())
}

/// Returns the body of `tenancy.current_tenant()`, as PostgreSQL stores it.
fn function_body() -> &'static str {
    let tenancy = include_str!("../../tenancy.sql");
    tenancy.split("$tenant$").nth(1).unwrap_or_default()
}
