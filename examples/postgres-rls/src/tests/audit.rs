//! The audit runs again while the pool is open, and checks the key.

use axum::body::Bytes;
use axum::http::Request;
use tower_m2m::testing::tenants::router;

use super::server::Server;
use super::support::{Client, add, key};
use crate::{DbError, TenantKey, with_sqlx, with_tokio_postgres};

#[tokio::test]
async fn audit_finds_a_protection_that_was_removed_later() {
    remove_protections::<with_sqlx::Database>().await;
    remove_protections::<with_tokio_postgres::Database>().await;
}

async fn remove_protections<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let keeper = server.connect("keeper").await;
    let database = C::open(&server, "app", 2).await.unwrap();
    add::<C>(&database.tenant("org_a"), 1).await;
    let send = router(crate::readiness(database.clone()));
    let ready = async || {
        let request = Request::get("/ready").body(Bytes::new()).unwrap();
        send(request).await.status()
    };
    assert_eq!(ready().await, 204);
    for removal in [
        "ALTER TABLE invoices DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON invoices",
        "GRANT TRUNCATE ON invoices TO app",
        "CREATE TABLE test_notes (text text); GRANT SELECT ON test_notes TO app",
    ] {
        keeper.batch_execute(removal).await.unwrap();
        let Err(DbError::Unprotected(report)) = database.audit().await else {
            panic!("{removal}");
        };
        assert!(report.to_string().contains("table public."), "{report}");
        assert_eq!(ready().await, 503, "{removal}");
        let repair = "SELECT tenancy.protect('invoices'); DROP TABLE IF EXISTS test_notes";
        keeper.batch_execute(repair).await.unwrap();
        assert_eq!(ready().await, 204, "{removal}");
    }
}

#[tokio::test]
async fn audit_finds_a_key_that_differs() {
    rotate_key::<with_sqlx::Database>().await;
    rotate_key::<with_tokio_postgres::Database>().await;
}

async fn rotate_key<C: Client>() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let keeper = server.connect("keeper").await;
    let database = C::open(&server, "app", 2).await.unwrap();
    let add_key = "SELECT tenancy.add_key(decode(repeat('5a', 32), 'hex'))";
    // While a key is rotated, both count.
    keeper.batch_execute(add_key).await.unwrap();
    database.audit().await.unwrap();
    let remove = "DELETE FROM tenancy.keys WHERE ctid = (SELECT min(ctid) FROM tenancy.keys)";
    keeper.batch_execute(remove).await.unwrap();
    let error = database.audit().await.unwrap_err().to_string();
    assert!(error.contains("does not contain the key"), "{error}");
    let key = TenantKey::from_hex(&"5a".repeat(32)).unwrap();
    with_sqlx::Database::open(server.options("app"), key, 1)
        .await
        .unwrap();
}

/// A superuser that became `app` when it connected can undo that.
#[tokio::test]
async fn audit_finds_a_role_that_was_set_after_login() {
    let Some(server) = Server::with_schema().await else {
        return;
    };
    let options = server.options("owner").options([("role", "app")]);
    let mut config = server.config("owner");
    config.options("-c role=app");
    for error in [
        with_sqlx::Database::open(options, key(), 1).await.err(),
        with_tokio_postgres::Database::open(config, key(), 1)
            .await
            .err(),
    ] {
        let error = error.unwrap().to_string();
        assert!(
            error.contains("role owner: is not the current role"),
            "{error}"
        );
    }
}

#[test]
fn keys_have_32_to_64_bytes() {
    for (digits, is_valid) in [
        ("5a".repeat(31), false),
        ("5a".repeat(32), true),
        ("5A".repeat(64), true),
        ("5a".repeat(65), false),
        ("5a".repeat(32) + "5", false),
        ("zz".repeat(32), false),
        ("+5".repeat(32), false),
    ] {
        assert_eq!(TenantKey::from_hex(&digits).is_ok(), is_valid, "{digits}");
    }
    let key = TenantKey::from_hex(&"5a".repeat(32)).unwrap();
    assert_eq!(format!("{key:?}"), "TenantKey(…)");
}

#[test]
fn signature_is_hmac_sha256_of_length_issuer_and_code() {
    let key = TenantKey::from_hex(&"ab".repeat(32)).unwrap();
    // printf '1:iorg_7' | openssl dgst -sha256 -mac HMAC -macopt hexkey:abab…
    assert_eq!(
        key.signature("i", "org_7"),
        "43f787f993bba87337fb9576b7011d54a894139f89c1b70e02072f91c56e82bd"
    );
    assert_ne!(key.signature("io", "rg_7"), key.signature("i", "org_7"));
}
