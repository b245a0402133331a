//! Rule 160: rows of another tenant are invisible and unchangeable, also without `WHERE`.

use super::server::Server;
use super::support::{Client, Statements as _, add, numbers, org, run};
use crate::{DbError, with_sqlx, with_tokio_postgres};

/// Rule 160.
#[tokio::test]
async fn query_without_where_affects_only_own_tenant() {
    query_without_where::<with_sqlx::Database>().await;
    query_without_where::<with_tokio_postgres::Database>().await;
}

async fn query_without_where<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let database = C::open(&server, "app", 2).await.unwrap();
    let (a, b) = (database.tenant("org_a"), database.tenant("org_b"));
    // Rule 157: the same code from another issuer is another tenant.
    let twin = database.of(org("https://other.example", "org_a"));
    add::<C>(&a, 1).await;
    add::<C>(&a, 2).await;
    add::<C>(&b, 1).await;
    add::<C>(&twin, 7).await;
    assert_eq!(numbers::<C>(&a).await, "1 2");
    assert_eq!(numbers::<C>(&b).await, "1");
    assert_eq!(numbers::<C>(&twin).await, "7");

    for statement in ["UPDATE invoices SET amount = 99", "DELETE FROM invoices"] {
        run::<C>(&b, statement).await;
    }
    let owner = server.connect("owner").await;
    let statement = "SELECT count(*), count(*) FILTER (WHERE amount = 99),
        count(DISTINCT issuer) FROM invoices";
    let rows = owner.query_one(statement, &[]).await.unwrap();
    assert_eq!(
        (rows.get(0), rows.get(1), rows.get(2)),
        (3_i64, 0_i64, 2_i64)
    );
}

/// Rule 160.
#[tokio::test]
async fn row_of_another_tenant_cannot_be_written() {
    write_to_another_tenant::<with_sqlx::Database>().await;
    write_to_another_tenant::<with_tokio_postgres::Database>().await;
}

async fn write_to_another_tenant<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let database = C::open(&server, "app", 2).await.unwrap();
    let a = database.tenant("org_a");
    add::<C>(&a, 1).await;
    for statement in [
        "INSERT INTO invoices (org_code, number, amount) VALUES ('org_b', 9, 9)",
        "INSERT INTO invoices (issuer, number, amount) VALUES ('https://other.example', 9, 9)",
        "UPDATE invoices SET org_code = 'org_b'",
        "UPDATE invoices SET issuer = 'https://other.example'",
        "TRUNCATE invoices",
        "COPY invoices FROM '/dev/null'",
        "SELECT count(*)::text FROM tenancy.keys",
        "ALTER TABLE invoices DISABLE ROW LEVEL SECURITY",
        "CREATE TEMPORARY TABLE invoices (number bigint)",
    ] {
        let mut transaction = C::begin(&a).await.unwrap();
        let result = transaction.run(statement).await;
        assert!(matches!(result, Err(DbError::Statement(_))), "{statement}");
    }
    assert_eq!(numbers::<C>(&a).await, "1");
}
