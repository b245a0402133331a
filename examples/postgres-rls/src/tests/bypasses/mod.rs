//! Each set-up that gets around the policies: the attack works, the audit finds the set-up, and the
//! fix that the audit prints removes the finding.

mod catalogs;
mod functions;
mod relations;
mod roles;

use tokio_postgres::{Client as Connection, NoTls, SimpleQueryMessage};

use super::server::{KEY, Server, TENANCY};
use super::support::Client;
use crate::{AuditReport, DbError, with_sqlx, with_tokio_postgres};

/// A set-up that the audit has to find.
struct Bypass {
    /// What a superuser runs.
    set_up: &'static str,
    /// The object that the audit names, and a part of the problem.
    finding: [&'static str; 2],
    attack: Attack,
    /// What the superuser runs after the fix.
    clean_up: &'static str,
}

/// What the role of the application can do with the set-up. It names no tenant.
enum Attack {
    /// The statement returns a row of `org_b`.
    Reads(&'static str),
    /// The statement changes the rows of `org_b`.
    Writes(&'static str),
    /// The attack needs more than a statement, or it needs a later mistake.
    Indirect,
}
use Attack::{Indirect, Reads, Writes};

const fn bypass(
    set_up: &'static str,
    finding: [&'static str; 2],
    attack: Attack,
    clean_up: &'static str,
) -> Bypass {
    Bypass {
        set_up,
        finding,
        attack,
        clean_up,
    }
}

const SEED: &str = "DELETE FROM invoices; INSERT INTO invoices VALUES
    ('https://acme.kinde.com', 'org_a', 1001, 1), ('https://acme.kinde.com', 'org_b', 2002, 1)";
const ROWS_OF_B: &str =
    "SELECT coalesce(string_agg(i::text, ' '), '') FROM invoices i WHERE org_code = 'org_b'";

const CURRENT_TENANT: &str = "run the statement of tenancy.sql again";
const ADD_KEY: &str = "add the key of the tests";

/// Rule 160.
#[tokio::test]
async fn role_that_bypasses_row_security_is_rejected_at_start() {
    check(roles::BYPASSES).await;
}

#[tokio::test]
async fn audit_finds_relations_that_are_not_protected() {
    check(relations::BYPASSES).await;
}

#[tokio::test]
async fn audit_finds_functions_with_rights_of_their_owner() {
    check(functions::BYPASSES).await;
}

#[tokio::test]
async fn audit_finds_privileges_on_other_objects() {
    check(catalogs::BYPASSES).await;
}

async fn check(bypasses: &[Bypass]) {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let owner = server.connect("owner").await;
    assert!(
        findings(&server).await.is_none(),
        "{:?}",
        findings(&server).await
    );
    for bypass in bypasses {
        let Bypass { set_up, .. } = bypass;
        let run = async |statements: &str| {
            if let Err(error) = owner.batch_execute(statements).await {
                panic!("{set_up}\n{statements}\n{error:?}");
            }
        };
        run(SEED).await;
        run(set_up).await;
        let Some(report) = findings(&server).await else {
            panic!("the audit found nothing: {set_up}");
        };
        let [object, problem] = bypass.finding;
        assert!(
            report
                .iter()
                .any(|f| f.object() == object && f.problem().contains(problem)),
            "{set_up}\n{report}"
        );
        attack(&server, &owner, bypass).await;
        for finding in report.iter() {
            // Some fixes are more than a statement. The clean-up does those.
            let _ = owner.batch_execute(finding.fix()).await;
        }
        match bypass.clean_up {
            CURRENT_TENANT => run(&statement_of("tenancy.current_tenant")).await,
            ADD_KEY => run(&format!("SELECT tenancy.add_key(decode('{KEY}', 'hex'))")).await,
            clean_up => run(clean_up).await,
        }
        if let Some(report) = findings(&server).await {
            panic!("{set_up}\nafter the fix: {report}");
        }
    }
}

/// Returns the statement of `tenancy.sql` that creates this function.
fn statement_of(function: &str) -> String {
    let start = format!("CREATE OR REPLACE FUNCTION {function}(");
    let (_, rest) = TENANCY.split_once(&start).unwrap();
    let (statement, _) = rest.split_once("$tenant$;").unwrap();
    format!("{start}{statement}$tenant$")
}

/// Opens the database with both clients, which report the same.
async fn findings(server: &Server) -> Option<AuditReport> {
    let reports = (
        report(with_sqlx::Database::open(server.options("app"), super::support::key(), 1).await),
        report(<with_tokio_postgres::Database as Client>::open(server, "app", 1).await),
    );
    let (sqlx, tokio_postgres) = (&reports.0, &reports.1);
    assert_eq!(
        sqlx.as_ref().map(ToString::to_string),
        tokio_postgres.as_ref().map(ToString::to_string)
    );
    reports.0
}

fn report<D>(opened: Result<D, DbError>) -> Option<AuditReport> {
    match opened {
        Ok(_) => None,
        Err(DbError::Unprotected(report)) => Some(report),
        Err(error) => panic!("{error:?}"),
    }
}

async fn attack(server: &Server, owner: &Connection, bypass: &Bypass) {
    let (app, connection) = server.config("app").connect(NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let Bypass { set_up, attack, .. } = bypass;
    match attack {
        Reads(statement) => {
            let messages = app.simple_query(statement).await;
            let messages = messages.unwrap_or_else(|error| panic!("{set_up}\n{error:?}"));
            let is_leaked = messages.iter().any(|message| match message {
                SimpleQueryMessage::Row(row) => (0..row.len())
                    .filter_map(|column| row.get(column))
                    .any(|text| text.contains("2002") || text.contains("org_b")),
                _ => false,
            });
            assert!(is_leaked, "{set_up}\n{messages:?}");
        }
        Writes(statement) => {
            let rows = async || -> String { owner.query_one(ROWS_OF_B, &[]).await.unwrap().get(0) };
            let before = rows().await;
            let done = app.batch_execute(statement).await;
            done.unwrap_or_else(|error| panic!("{set_up}\n{error:?}"));
            assert_ne!(before, rows().await, "{set_up}");
        }
        Indirect => {}
    }
    drop(app);
    connection.await.unwrap().unwrap();
}
