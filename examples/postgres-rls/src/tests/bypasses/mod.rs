//! Each set-up that gets around the policies: the attack works, the audit finds the set-up, and
//! after the fixes that the audit prints, the program starts and its requests work.

mod catalogs;
mod functions;
mod relations;
mod roles;

use tokio_postgres::{Client as Connection, NoTls, SimpleQueryMessage};

use super::fixes::{is_statement, open, statements};
use super::server::{Server, TENANCY};
use super::support::{Client, add, numbers};
use crate::Finding;

/// A set-up that the audit has to find.
struct Bypass {
    /// What a superuser runs.
    set_up: &'static str,
    /// The object that the audit names, and a part of the problem.
    finding: [&'static str; 2],
    attack: Attack,
    /// What the superuser runs after the fix, to remove the other objects of the set-up. If a fix
    /// is not a statement, this does the change.
    clean_up: &'static str,
}

/// What the role of the application can do with the set-up. It names no tenant.
enum Attack {
    /// The statement returns a row of `org_b`.
    Reads(&'static str),
    /// The statement changes the invoices of `org_b`.
    Writes(&'static str),
    /// The second statement changes the rows of `org_b` in the first table.
    WritesTo(&'static str, &'static str),
    /// The attack needs more than a statement, or it needs a later mistake.
    Indirect,
}
use Attack::{Indirect, Reads, Writes, WritesTo};

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

const CURRENT_TENANT: &str = "run the statement of tenancy.sql again";

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
    open(&server).await.unwrap();
    for bypass in bypasses {
        let Bypass { set_up, .. } = bypass;
        let run = async |statements: &str| {
            if let Err(error) = owner.batch_execute(statements).await {
                panic!("{set_up}\n{statements}\n{error:?}");
            }
        };
        run(SEED).await;
        run(set_up).await;
        let Err(report) = open(&server).await else {
            panic!("the audit has no finding: {set_up}");
        };
        let [object, problem] = bypass.finding;
        assert!(
            report
                .iter()
                .any(|f| f.object() == object && f.problem().contains(problem)),
            "{set_up}\n{report}"
        );
        attack(&server, &owner, bypass).await;
        let mut is_complete = true;
        let mut fixes: Vec<&str> = report.iter().map(Finding::fix).collect();
        fixes.dedup();
        for fix in fixes {
            if is_statement(fix) {
                run(&statements(fix)).await;
            } else {
                is_complete = false;
            }
        }
        if !is_complete {
            clean_up(bypass, run).await;
        }
        match open(&server).await {
            Ok((sqlx, tokio_postgres)) => {
                send_requests(&sqlx, 3003, set_up).await;
                send_requests(&tokio_postgres, 4004, set_up).await;
            }
            Err(report) => panic!("{set_up}\nafter the fix: {report}"),
        }
        if is_complete {
            clean_up(bypass, run).await;
        }
    }
}

async fn clean_up(bypass: &Bypass, run: impl AsyncFn(&str)) {
    match bypass.clean_up {
        CURRENT_TENANT => run(&statement_of("tenancy.current_tenant")).await,
        clean_up => run(clean_up).await,
    }
}

/// The application still writes and reads the rows of a tenant.
async fn send_requests<C: Client>(database: &C, number: u16, set_up: &str) {
    let a = database.tenant("org_a");
    add::<C>(&a, number).await;
    let seen = numbers::<C>(&a).await;
    let is_seen = seen.contains(&number.to_string());
    assert!(is_seen && !seen.contains("2002"), "{set_up}\n{seen}");
}

/// Returns the statement of `tenancy.sql` that creates this function.
fn statement_of(function: &str) -> String {
    let start = format!("CREATE OR REPLACE FUNCTION {function}(");
    let (_, rest) = TENANCY.split_once(&start).unwrap();
    let (statement, _) = rest.split_once("$tenant$;").unwrap();
    format!("{start}{statement}$tenant$")
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
        Writes(statement) => write(&app, owner, "invoices", statement).await,
        WritesTo(table, statement) => write(&app, owner, table, statement).await,
        Indirect => {}
    }
    drop(app);
    connection.await.unwrap().unwrap();
}

async fn write(app: &Connection, owner: &Connection, table: &str, statement: &str) {
    let rows_of_b = format!(
        "SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t WHERE org_code = 'org_b'"
    );
    let rows = async || -> String { owner.query_one(&rows_of_b, &[]).await.unwrap().get(0) };
    let before = rows().await;
    let done = app.batch_execute(statement).await;
    done.unwrap_or_else(|error| panic!("{statement}\n{error:?}"));
    assert_ne!(before, rows().await, "{statement}");
}
