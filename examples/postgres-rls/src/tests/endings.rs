//! Rule 160: after each end of a transaction, the pooled connection has no tenant and no rows.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::server::Server;
use super::support::{Client, Statements as _, add, numbers, run};
use crate::{with_sqlx, with_tokio_postgres};

const INSERT: &str = "INSERT INTO invoices (number, amount) VALUES (99, 1)";

/// Fails if the next user of the pooled connection finds a tenant, rows or an open transaction.
async fn assert_no_tenant<C: Client>(database: &C, after: &str) {
    let state = database
        .pooled(
            "SELECT concat_ws(',', current_setting('app.org_code', true),
                current_setting('app.issuer', true), current_setting('app.signature', true),
                (SELECT count(*) FROM invoices), (SELECT org_code FROM tenancy.current_tenant()),
                (SELECT count(*) FROM pg_cursors WHERE is_holdable),
                pg_current_xact_id_if_assigned(), current_user = session_user)",
        )
        .await
        .unwrap();
    assert_eq!(state.trim_start_matches(','), "0,0,t", "after {after}");
    // In one transaction, `now()` does not change.
    let now = "SELECT now()::text";
    let (first, second) = (database.pooled(now).await, database.pooled(now).await);
    assert_ne!(first, second, "after {after}");
}

/// Rule 160.
#[tokio::test]
async fn pooled_connection_does_not_leak_tenant_setting() {
    end_transactions::<with_sqlx::Database>().await;
    end_transactions::<with_tokio_postgres::Database>().await;
}

async fn end_transactions<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    // The next user of a pool of one connection gets the same connection, if it was not closed.
    let database = C::open(&server, "app", 1).await.unwrap();
    let a = database.tenant("org_a");
    assert_no_tenant(&database, "the start").await;

    add::<C>(&a, 1).await;
    assert_no_tenant(&database, "a commit").await;

    let mut transaction = C::begin(&a).await.unwrap();
    transaction.run(INSERT).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_no_tenant(&database, "a rollback").await;

    let mut transaction = C::begin(&a).await.unwrap();
    transaction.run(INSERT).await.unwrap();
    drop(transaction);
    assert_no_tenant(&database, "an early return").await;

    let mut transaction = C::begin(&a).await.unwrap();
    assert!(transaction.run("SELECT (1 / 0)::text").await.is_err());
    transaction.commit().await.unwrap();
    assert_no_tenant(&database, "the commit of a failed transaction").await;

    let db = database.tenant("org_a");
    let panicked = tokio::spawn(async move {
        let mut transaction = C::begin(&db).await.unwrap();
        transaction.run(INSERT).await.unwrap();
        panic!("a bug of a handler");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_no_tenant(&database, "a panic").await;

    let db = database.tenant("org_a");
    let (started, has_started) = tokio::sync::oneshot::channel();
    let canceled = tokio::spawn(async move {
        let mut transaction = C::begin(&db).await.unwrap();
        transaction.run(INSERT).await.unwrap();
        started.send(()).unwrap();
        transaction.run("SELECT pg_sleep(60)::text").await.map(drop)
    });
    has_started.await.unwrap();
    canceled.abort();
    assert!(canceled.await.unwrap_err().is_cancelled());
    assert_no_tenant(&database, "a cancellation in a statement").await;
    assert_eq!(numbers::<C>(&a).await, "1");
}

/// Drops `begin` after one poll, after two, and so on until it completes.
///
/// Rule 160.
#[tokio::test]
async fn canceled_begin_leaves_no_tenant() {
    cancel_begin::<with_sqlx::Database>().await;
    cancel_begin::<with_tokio_postgres::Database>().await;
}

async fn cancel_begin<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let database = C::open(&server, "app", 1).await.unwrap();
    let a = database.tenant("org_a");
    for polls in 1.. {
        let has_begun = begins_within::<C>(&a, polls).await;
        assert_no_tenant(&database, "a cancellation in begin").await;
        if has_begun {
            return;
        }
    }
}

async fn begins_within<C: Client>(db: &C::TenantDb, polls: usize) -> bool {
    let mut begin = pin!(C::begin(db));
    for _ in 0..polls {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(begun) = begin.as_mut().poll(&mut context) {
            begun.unwrap();
            return true;
        }
        // The connection's task and the server get time to respond.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

/// A cursor `WITH HOLD` contains rows, and a setting without `LOCAL` outlives its transaction.
#[tokio::test]
async fn session_state_does_not_reach_the_next_tenant() {
    leave_session_state::<with_sqlx::Database>().await;
    leave_session_state::<with_tokio_postgres::Database>().await;
}

async fn leave_session_state<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let database = C::open(&server, "app", 1).await.unwrap();
    let (a, b) = (database.tenant("org_a"), database.tenant("org_b"));
    add::<C>(&a, 1).await;
    run::<C>(
        &a,
        "DECLARE rows CURSOR WITH HOLD FOR SELECT number::text FROM invoices",
    )
    .await;
    run::<C>(
        &a,
        "SELECT concat(set_config('app.issuer', current_setting('app.issuer'), false),
            set_config('app.org_code', current_setting('app.org_code'), false),
            set_config('app.signature', current_setting('app.signature'), false))",
    )
    .await;
    assert_no_tenant(&database, "settings of the session").await;
    run::<C>(
        &a,
        "DECLARE rows CURSOR WITH HOLD FOR SELECT number::text FROM invoices",
    )
    .await;
    let mut transaction = C::begin(&b).await.unwrap();
    assert!(transaction.run("FETCH ALL FROM rows").await.is_err());
    drop(transaction);
    assert_eq!(numbers::<C>(&b).await, "");
}
