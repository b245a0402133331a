//! The fixes that the audit prints: executed as they are, in the printed order, they make the
//! program start, and the requests of the application work.

mod cases;

use std::fmt::Write as _;

use super::server::{KEY, Server};
use super::support::{Client, ISSUER, key, run};
use crate::{AuditReport, DbError, with_sqlx, with_tokio_postgres};

/// The database, opened with both clients.
type Databases = (with_sqlx::Database, with_tokio_postgres::Database);

/// Opens the database with both clients, which report the same.
pub(super) async fn open(server: &Server) -> Result<Databases, AuditReport> {
    let sqlx = with_sqlx::Database::open(server.options("app"), key(), 1).await;
    let tokio_postgres = <with_tokio_postgres::Database as Client>::open(server, "app", 1).await;
    match (sqlx, tokio_postgres) {
        (Ok(sqlx), Ok(tokio_postgres)) => Ok((sqlx, tokio_postgres)),
        (Err(DbError::Unprotected(one)), Err(DbError::Unprotected(other))) => {
            assert_eq!(one.to_string(), other.to_string());
            Err(one)
        }
        (sqlx, tokio_postgres) => panic!("{:?} {:?}", sqlx.err(), tokio_postgres.err()),
    }
}

/// Some fixes are a change that is not a statement.
pub(super) fn is_statement(fix: &str) -> bool {
    fix.contains(';')
}

/// Returns a fix with the values that only the reader knows.
pub(super) fn statements(fix: &str) -> String {
    fix.replace("<TENANT_KEY>", KEY)
        .replace("<issuer of the row>", &format!("'{ISSUER}'"))
        .replace("<org_code of the row>", "'org_a'")
}

/// A table that a reader creates in a hurry. Its name begins with `test_`, so that it is not one of
/// the reader's own tables in `schema.sql`.
struct Case {
    /// What the owner of the tables runs. `{tenant}` is the two columns of the tenant.
    set_up: &'static str,
    /// Parts of the printed report.
    printed: &'static [&'static str],
    /// What a handler runs in a transaction of a tenant, and then the rows that are visible.
    request: &'static str,
    rows: &'static str,
    clean_up: &'static str,
}

const TENANT: &str = "issuer text NOT NULL DEFAULT current_setting('app.issuer', true),
    org_code text NOT NULL DEFAULT current_setting('app.org_code', true)";

#[tokio::test]
async fn printed_fixes_make_the_program_start() {
    check("keeper", cases::CASES).await;
}

/// A superuser owns the table, so its owner is not `keeper`.
#[tokio::test]
async fn printed_fixes_are_those_of_the_owner_of_the_object() {
    check("owner", &cases::CASES[..1]).await;
}

async fn check(role: &str, cases: &[Case]) {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let connection = server.connect(role).await;
    for case in cases {
        let set_up = case.set_up.replace("{tenant}", TENANT);
        let run = async |statements: &str| {
            if let Err(error) = connection.batch_execute(statements).await {
                panic!("{set_up}\n{statements}\n{error:?}");
            }
        };
        run(&set_up).await;
        let printed = match open(&server).await {
            Ok(_) => panic!("the audit has no finding: {set_up}"),
            Err(report) => report.to_string(),
        };
        for part in case.printed {
            assert!(printed.contains(part), "{part}\n{set_up}\n{printed}");
        }
        let fixes = printed
            .lines()
            .filter_map(|line| line.strip_prefix("    fix: "));
        for fix in fixes {
            assert!(is_statement(fix), "{fix}");
            run(&statements(fix)).await;
        }
        match open(&server).await {
            Ok((sqlx, tokio_postgres)) => {
                send_requests(&sqlx, case).await;
                send_requests(&tokio_postgres, case).await;
            }
            Err(report) => panic!("{set_up}\nafter the fixes: {report}\nbefore: {printed}"),
        }
        run(case.clean_up).await;
    }
}

/// Each of two tenants writes, and sees only its own rows.
async fn send_requests<C: Client>(database: &C, case: &Case) {
    for org_code in ["org_a", "org_b"] {
        let tenant = database.tenant(org_code);
        run::<C>(&tenant, case.request).await;
        let seen = run::<C>(&tenant, case.rows).await;
        assert_eq!(seen.as_deref(), Some(org_code), "{}", case.set_up);
    }
}

/// The statements of the README's section, in their order, are accepted.
#[tokio::test]
async fn table_of_the_readme_is_accepted() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("\n## Add a table\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut blocks = String::new();
    for block in section.split("```sql\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        let _ = writeln!(blocks, "{block}");
    }
    let keeper = server.connect("keeper").await;
    // A reader adds the table to `schema.sql`.
    let statements = format!("DROP TABLE IF EXISTS notes CASCADE; {blocks}");
    keeper.batch_execute(&statements).await.unwrap();
    let (sqlx, tokio_postgres) = open(&server).await.unwrap();
    let case = Case {
        set_up: "the README",
        printed: &[],
        request: "INSERT INTO invoices (number, amount) VALUES (1, 1) ON CONFLICT DO NOTHING;",
        rows:
            "WITH added AS (INSERT INTO notes (invoice, note) VALUES (1, 'text') RETURNING org_code)
            SELECT string_agg(DISTINCT org_code, ' ') FROM added",
        clean_up: "",
    };
    send_requests(&sqlx, &case).await;
    send_requests(&tokio_postgres, &case).await;
}
