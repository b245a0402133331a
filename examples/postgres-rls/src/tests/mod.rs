//! Against a real PostgreSQL. Rule 160: after commit, rollback, panic and cancellation the connection has no tenant; another
//! tenant's rows are invisible; a role that gets around row-level security is refused.

mod server;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use tokio_postgres::Client;
use tower_m2m::testing::tenants::{Probe, Tenant, check_isolation, router};
use tower_m2m::testing::{self, AUDIENCE, LocalIssuer};
use tower_m2m::{OrgCode, Verifier};

use crate::{Database, DbError, TenantDb};
use server::Server;

const SCHEMA: &str = include_str!("../../schema.sql");

/// A database with the schema, and what the application may do with it.
async fn prepared(server: &Server) -> Client {
    let owner = server.connect("owner").await;
    owner.batch_execute("CREATE ROLE app LOGIN").await.unwrap();
    owner.batch_execute(SCHEMA).await.unwrap();
    owner
}

fn org(issuer: &str, code: &str) -> OrgCode {
    testing::claims()
        .issuer(issuer)
        .org(code)
        .claims()
        .org_code()
        .cloned()
        .unwrap()
}

fn tenant(database: &Database, code: &str) -> TenantDb {
    database.of(org("https://acme.kinde.com", code))
}

async fn add(db: &TenantDb, number: i64) {
    let transaction = db.begin().await.unwrap();
    transaction
        .query(
            "INSERT INTO invoices (number, amount) VALUES ($1, 1)",
            &[&number],
        )
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn numbers(db: &TenantDb) -> Vec<i64> {
    let transaction = db.begin().await.unwrap();
    let rows = transaction
        .query("SELECT number FROM invoices ORDER BY number", &[])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// What the pool's next user finds if it names no tenant: neither rows nor the name of a tenant.
async fn assert_no_tenant(database: &Database, after: &str) {
    let connection = database.pool().get().await.unwrap();
    let row = connection
        .query_one(
            "SELECT coalesce(current_setting('app.org_code', true), '') || coalesce(current_setting('app.issuer', true), ''),
                    (SELECT count(*) FROM invoices), pg_current_xact_id_if_assigned() IS NULL",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(
        (row.get(0), row.get(1), row.get(2)),
        ("", 0_i64, true),
        "{after}"
    );
}

/// Rule 160.
#[tokio::test]
async fn query_without_where_affects_only_own_tenant() {
    let Some(server) = Server::start() else {
        return;
    };
    let owner = prepared(&server).await;
    let database = Database::open(server.config("app"), 2).await.unwrap();
    let (a, b) = (tenant(&database, "org_a"), tenant(&database, "org_b"));
    let twin = database.of(org("https://other.example", "org_a"));
    add(&a, 1).await;
    add(&a, 2).await;
    add(&b, 1).await;
    add(&twin, 7).await;
    assert_eq!(numbers(&a).await, [1, 2]);
    assert_eq!(numbers(&b).await, [1]);
    assert_eq!(
        numbers(&twin).await,
        [7],
        "rule 157: the same code from another issuer is another tenant"
    );

    for statement in ["UPDATE invoices SET amount = 99", "DELETE FROM invoices"] {
        let transaction = b.begin().await.unwrap();
        transaction.query(statement, &[]).await.unwrap();
        transaction.commit().await.unwrap();
    }
    let left = owner
        .query_one(
            "SELECT count(*), count(*) FILTER (WHERE amount = 99) FROM invoices",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((left.get(0), left.get(1)), (3_i64, 0_i64));

    for statement in [
        "INSERT INTO invoices (org_code, number, amount) VALUES ('org_a', 9, 9)",
        "INSERT INTO invoices (issuer, number, amount) VALUES ('https://other.example', 9, 9)",
        "UPDATE invoices SET org_code = 'org_b'",
    ] {
        let transaction = if statement.starts_with("UPDATE") {
            a.begin().await
        } else {
            b.begin().await
        }
        .unwrap();
        let refused = transaction.query(statement, &[]).await;
        assert!(matches!(refused, Err(DbError::Postgres(_))), "{statement}");
    }
    assert_eq!(numbers(&a).await, [1, 2]);
}

/// Rule 160.
#[tokio::test]
async fn pooled_connection_does_not_leak_tenant_setting() {
    let Some(server) = Server::start() else {
        return;
    };
    let _owner = prepared(&server).await;
    // One connection, so that the next user gets the last one's if it went back.
    let database = Database::open(server.config("app"), 1).await.unwrap();
    let a = tenant(&database, "org_a");
    assert_no_tenant(&database, "start").await;

    add(&a, 1).await;
    assert_no_tenant(&database, "commit").await;

    let transaction = a.begin().await.unwrap();
    transaction
        .query("INSERT INTO invoices (number, amount) VALUES (2, 1)", &[])
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    assert_no_tenant(&database, "rollback").await;

    let transaction = a.begin().await.unwrap();
    transaction
        .query("INSERT INTO invoices (number, amount) VALUES (3, 1)", &[])
        .await
        .unwrap();
    drop(transaction);
    assert_no_tenant(&database, "an early return").await;

    let transaction = a.begin().await.unwrap();
    assert!(transaction.query("SELECT 1 / 0", &[]).await.is_err());
    transaction.commit().await.unwrap();
    assert_no_tenant(&database, "commit of a failed transaction").await;

    let db = tenant(&database, "org_a");
    let panicked = tokio::spawn(async move {
        let transaction = db.begin().await.unwrap();
        transaction
            .query("INSERT INTO invoices (number, amount) VALUES (4, 1)", &[])
            .await
            .unwrap();
        panic!("a handler's bug");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_no_tenant(&database, "panic").await;

    let db = tenant(&database, "org_a");
    let (started, has_started) = tokio::sync::oneshot::channel();
    let cancelled = tokio::spawn(async move {
        let transaction = db.begin().await.unwrap();
        transaction
            .query("INSERT INTO invoices (number, amount) VALUES (5, 1)", &[])
            .await
            .unwrap();
        started.send(()).unwrap();
        transaction
            .query("SELECT pg_sleep(60)", &[])
            .await
            .map(drop)
    });
    has_started.await.unwrap();
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    assert_no_tenant(&database, "cancellation in a query").await;

    // Cancelled at every point of beginning: after one poll, two, and so on until it is through.
    for polls in 1.. {
        if begun_within(&a, polls).await {
            break;
        }
        assert_no_tenant(&database, "cancellation while beginning").await;
    }
    assert_no_tenant(&database, "the last one").await;
    assert_eq!(
        numbers(&a).await,
        [1],
        "and nothing was written but what was committed"
    );
}

/// Polls a beginning transaction so often and drops it.
async fn begun_within(db: &TenantDb, polls: usize) -> bool {
    let mut beginning = pin!(db.begin());
    for _ in 0..polls {
        if let Poll::Ready(begun) = beginning
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            begun.unwrap();
            return true;
        }
        // The connection's task gets its turn, and the server its time.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    false
}

/// Rule 160.
#[tokio::test]
async fn role_that_bypasses_row_security_is_rejected_at_start() {
    let Some(server) = Server::start() else {
        return;
    };
    let owner = prepared(&server).await;
    let refused = async |role: &str| match Database::open(server.config(role), 1).await {
        Err(DbError::Unprotected(reasons)) => reasons,
        Err(error) => panic!("{error}"),
        Ok(_) => "let in".to_owned(),
    };
    assert_eq!(refused("app").await, "let in");
    assert!(refused("owner").await.contains("is a superuser"));
    for (set_up, role, reason, tear_down) in [
        (
            "CREATE ROLE b LOGIN BYPASSRLS",
            "b",
            "the role b has BYPASSRLS",
            "",
        ),
        (
            "CREATE ROLE m LOGIN; GRANT b TO m",
            "m",
            "the role b has BYPASSRLS",
            "",
        ),
        (
            "CREATE ROLE o LOGIN; ALTER TABLE invoices OWNER TO o",
            "o",
            "owns the table invoices",
            "ALTER TABLE invoices OWNER TO owner",
        ),
        (
            "ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY",
            "app",
            "not forced on the table invoices",
            "ALTER TABLE invoices FORCE ROW LEVEL SECURITY",
        ),
        (
            "ALTER TABLE invoices DISABLE ROW LEVEL SECURITY",
            "app",
            "not enabled on the table invoices",
            "ALTER TABLE invoices ENABLE ROW LEVEL SECURITY",
        ),
        (
            "CREATE SCHEMA s; CREATE TABLE s.t (x int); GRANT SELECT ON s.t TO app",
            "app",
            "not enabled on the table t",
            "DROP TABLE s.t",
        ),
        (
            "CREATE VIEW v AS SELECT * FROM invoices; GRANT SELECT ON v TO app",
            "app",
            "the view v",
            "ALTER VIEW v SET (security_invoker = true)",
        ),
        (
            "CREATE MATERIALIZED VIEW mv AS SELECT 1; GRANT SELECT ON mv TO app",
            "app",
            "the materialized view mv",
            "DROP MATERIALIZED VIEW mv",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "app",
            "the function f",
            "DROP FUNCTION f()",
        ),
    ] {
        owner.batch_execute(set_up).await.unwrap();
        let reasons = refused(role).await;
        assert!(reasons.contains(reason), "{set_up}: {reasons}");
        owner.batch_execute(tear_down).await.unwrap();
    }
    assert_eq!(refused("app").await, "let in");
}

/// The whole way: a token, the layer, the extractor, the transaction, the policy.
#[tokio::test]
async fn api_isolates_tenants() {
    let Some(server) = Server::start() else {
        return;
    };
    let _owner = prepared(&server).await;
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    let database = Database::open(server.config("app"), 2).await.unwrap();
    add(&tenant(&database, "org_a"), 1_001).await;
    add(&tenant(&database, "org_b"), 2_002).await;
    let (api, inventory): (Router, _) = crate::api(&verifier, database.clone()).unwrap();

    let token = |code: &str| issuer.org(code).scopes(["read:invoices", "write:invoices"]);
    let (a, b) = (
        Tenant::from(&token("org_a")).with_marker("1001"),
        Tenant::from(&token("org_b")).with_marker("2002"),
    );
    let invoice = serde_json::json!({ "number": 7, "amount": 1 });
    let probes: Vec<Probe> = inventory
        .iter()
        .map(|route| {
            Probe::from_route(route)
                .path_parameter("number", "7")
                .json(&invoice)
        })
        .collect();
    let create = [Probe::post_json("/orgs/{org_code}/invoices", &invoice)];
    check_isolation(&a, &b, &create, router(api.clone()))
        .await
        .assert_isolated();
    check_isolation(&a, &b, &probes, router(api))
        .await
        .assert_isolated();
    assert_eq!(numbers(&tenant(&database, "org_a")).await, [7, 1_001]);
    assert_eq!(numbers(&tenant(&database, "org_b")).await, [7, 2_002]);
}
