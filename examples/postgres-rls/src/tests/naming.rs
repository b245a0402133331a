//! A handler that names another tenant inside its own transaction.

use super::server::Server;
use super::support::{Client, NUMBERS, Statements as _, add, numbers};
use crate::{with_sqlx, with_tokio_postgres};

const NAME_B: &str = "SELECT set_config('app.org_code', 'org_b', true)";

/// One statement that names `org_b` and reads, as an injected statement would.
const NAME_B_AND_READ: &str = "SELECT string_agg(number::text, ' ')
    FROM (SELECT set_config('app.org_code', 'org_b', true)) s, invoices";

#[tokio::test]
async fn naming_another_tenant_shows_no_row() {
    name_another_tenant::<with_sqlx::Database>().await;
    name_another_tenant::<with_tokio_postgres::Database>().await;
}

async fn name_another_tenant<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let database = C::open(&server, "app", 2).await.unwrap();
    let (a, b) = (database.tenant("org_a"), database.tenant("org_b"));
    add::<C>(&a, 1001).await;
    add::<C>(&b, 2002).await;

    let mut transaction = C::begin(&a).await.unwrap();
    let first = transaction.run(NAME_B_AND_READ).await.unwrap();
    assert!(!first.unwrap_or_default().contains("2002"));
    transaction.run(NAME_B).await.unwrap();
    assert_eq!(transaction.run(NUMBERS).await.unwrap(), None);
    let invented = "SELECT set_config('app.signature', repeat('0', 64), true)";
    transaction.run(invented).await.unwrap();
    assert_eq!(transaction.run(NUMBERS).await.unwrap(), None);
    let insert = transaction
        .run("INSERT INTO invoices (number, amount) VALUES (3, 1)")
        .await;
    assert!(insert.is_err());
    drop(transaction);
    assert_eq!(numbers::<C>(&a).await, "1001");
    assert_eq!(numbers::<C>(&b).await, "2002");
}

/// The settings of the tenant end with the transaction, and no role can make a signature.
#[tokio::test]
async fn new_transaction_of_a_handler_shows_no_row() {
    begin_in_handler::<with_sqlx::Database>().await;
    begin_in_handler::<with_tokio_postgres::Database>().await;
}

async fn begin_in_handler<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let database = C::open(&server, "app", 1).await.unwrap();
    add::<C>(&database.tenant("org_b"), 2002).await;
    let mut transaction = C::begin(&database.tenant("org_a")).await.unwrap();
    for statement in ["COMMIT", "BEGIN", NAME_B, "SET LOCAL ROLE app"] {
        transaction.run(statement).await.unwrap();
        assert_eq!(transaction.run(NUMBERS).await.unwrap(), None, "{statement}");
    }
    for statement in ["SAVEPOINT s", "SET LOCAL ROLE keeper"] {
        let _ = transaction.run(statement).await;
    }
    transaction.run("ROLLBACK TO s").await.unwrap();
    assert_eq!(transaction.run(NUMBERS).await.unwrap(), None);
    transaction.commit().await.unwrap();
    assert_eq!(numbers::<C>(&database.tenant("org_b")).await, "2002");
}

/// The usual policy, which compares the settings themselves, is the reason for the signature.
#[tokio::test]
async fn policy_without_signature_shows_another_tenant() {
    read_without_signature::<with_sqlx::Database>().await;
    read_without_signature::<with_tokio_postgres::Database>().await;
}

async fn read_without_signature<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let database = C::open(&server, "app", 1).await.unwrap();
    add::<C>(&database.tenant("org_b"), 2002).await;
    let keeper = server.connect("keeper").await;
    let policy = "issuer = current_setting('app.issuer', true)
        AND org_code = current_setting('app.org_code', true)";
    keeper
        .batch_execute(&format!("ALTER POLICY tenant ON invoices USING ({policy})"))
        .await
        .unwrap();
    let mut transaction = C::begin(&database.tenant("org_a")).await.unwrap();
    assert_eq!(transaction.run(NUMBERS).await.unwrap(), None);
    transaction.run(NAME_B).await.unwrap();
    assert_eq!(
        transaction.run(NUMBERS).await.unwrap().as_deref(),
        Some("2002")
    );
    drop(transaction);
    assert!(database.audit().await.is_err());
}
