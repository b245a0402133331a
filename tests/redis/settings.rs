//! Connecting: the contract, TLS, eviction, record keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tower_m2m::testing::store_contract;
use tower_m2m::{RedisStore, RedisStoreError};

use super::certificate::{FOR_LONG, LOOPBACK, self_signed};
use super::redis_server::{RedisServer, free_port};
use super::support::{CHANGES, ENTRIES, NAMESPACE, Replica, key, record};

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> = (0..body.len())
        .step_by(64)
        .map(|at| &body[at..body.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// Rules 188, 196, 324.
#[tokio::test(flavor = "multi_thread")]
async fn redis_store_satisfies_the_contract() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let url = server.url();
    let contract = store_contract::check(async || {
        Ok(RedisStore::connect(&url, "with:key")
            .record_key([7; 32])
            .await?)
    });
    let without_key =
        store_contract::check(async || Ok(RedisStore::connect(&url, NAMESPACE).await?));
    let (contract, without_key) = tokio::join!(contract, without_key);
    contract.unwrap();
    without_key.unwrap();
}

/// Rule 193.
#[tokio::test]
async fn record_without_a_valid_hmac_is_ignored() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let store = RedisStore::connect(server.url(), NAMESPACE)
        .record_key([7; 32])
        .await
        .unwrap();
    let one = Replica::new(tower_m2m::Denylist::replicated(store.clone())).await;
    one.deny("org_a").await.unwrap();
    one.until("org_a", "suspended").await;
    server.run(&["XADD", CHANGES, "*", "a", &record("org_b")]);
    server.run(&["XADD", CHANGES, "*", "r", &key("org_a")]);
    server.run(&["HSET", ENTRIES, &key("org_b"), &record("org_b")]);
    one.until_status(|status| status.unauthenticated_records >= 2)
        .await;
    assert_eq!(one.call("org_a").await, "suspended");
    assert_eq!(one.call("org_b").await, "ok");
    let two = Replica::new(tower_m2m::Denylist::replicated(store)).await;
    assert_eq!(two.call("org_a").await, "suspended");
    assert_eq!(two.call("org_b").await, "ok");
    assert!(two.status().unauthenticated_records >= 1);
}

/// Rule 326.
#[tokio::test]
async fn redis_that_evicts_is_an_error() {
    let policy = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let Some(server) = RedisServer::start(&policy) else {
        return;
    };
    let error = RedisStore::connect(server.url(), NAMESPACE)
        .await
        .unwrap_err();
    assert!(matches!(&error, RedisStoreError::Eviction(policy) if policy == "allkeys-lru"));
    let allowed = RedisStore::connect(server.url(), NAMESPACE).dangerous_allow_eviction();
    assert!(allowed.await.is_ok());
    drop(server);
    let Some(server) = RedisServer::start(&["--rename-command", "INFO", ""]) else {
        return;
    };
    let error = RedisStore::connect(server.url(), NAMESPACE)
        .await
        .unwrap_err();
    assert!(
        matches!(error, RedisStoreError::UnknownEviction(_)),
        "{error}"
    );
}

/// Rule 326.
///
/// The policy is read again after each reconnect.
#[tokio::test]
async fn redis_that_begins_to_evict_is_not_used() {
    let Some(mut server) = RedisServer::start(&["--appendonly", "yes"]) else {
        return;
    };
    let one = Replica::connect(&server.url()).await;
    server.restart();
    server.run(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]);
    one.until_status(|status| {
        let error = status.last_error.as_deref();
        error.is_some_and(|error| error.contains("volatile-lru"))
    })
    .await;
    server.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    one.until_status(|status| status.last_error.is_none()).await;
}

#[tokio::test]
async fn mistaken_settings_are_errors() {
    let closed = format!("redis://127.0.0.1:{}", free_port());
    let error = |error: RedisStoreError| error.to_string();
    let connect = |url: &str, namespace: &str| RedisStore::connect(url, namespace);
    let failed = error(connect(&closed, NAMESPACE).await.unwrap_err());
    assert!(failed.starts_with("failed to connect to Redis"), "{failed}");
    let failed = error(connect("http://127.0.0.1", NAMESPACE).await.unwrap_err());
    assert!(failed.starts_with("the Redis URL is invalid"), "{failed}");
    for namespace in ["", "a b", "{a}", "a\n", &"a".repeat(129)] {
        let failed = connect(&closed, namespace).await.unwrap_err();
        assert!(
            matches!(failed, RedisStoreError::InvalidNamespace),
            "{namespace}"
        );
    }
    let failed = connect(&closed, NAMESPACE)
        .record_key([0; 31])
        .await
        .unwrap_err();
    assert!(matches!(failed, RedisStoreError::ShortRecordKey));
    let secret = connect("redis://:secret@127.0.0.1:1", NAMESPACE);
    assert!(!format!("{secret:?}").contains("secret"));
    assert!(!error(secret.await.unwrap_err()).contains("secret"));
}

#[tokio::test]
async fn connections_use_tls() {
    let (certificate, key) = self_signed(&LOOPBACK, "240101000000Z", FOR_LONG);
    let directory = std::env::temp_dir().join(format!("tower-m2m-tls-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = |name: &str, label: &str, der: &[u8]| {
        let path = directory.join(name);
        std::fs::write(&path, pem(label, der)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate_file, key_file) = (
        file("certificate.pem", "CERTIFICATE", &certificate),
        file("key.pem", "PRIVATE KEY", &key),
    );
    let port = free_port().to_string();
    let server = RedisServer::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate_file,
        "--tls-key-file",
        &key_file,
        "--tls-auth-clients",
        "no",
        "--tls-ca-cert-file",
        &certificate_file,
    ]);
    let Some(server) = server else { return };
    let url = format!("rediss://{}", server.address());
    let connect = || RedisStore::connect(&url, NAMESPACE);
    let error = connect().await.unwrap_err();
    assert!(
        matches!(error, RedisStoreError::Connection(_)),
        "unknown authority: {error}"
    );
    let store = connect()
        .ca_certificate_pem(pem("CERTIFICATE", &certificate))
        .await
        .unwrap();
    let one = Replica::new(tower_m2m::Denylist::replicated(store)).await;
    one.deny("org_a").await.unwrap();
    assert_eq!(one.call("org_a").await, "suspended");
    let _ = std::fs::remove_dir_all(directory);
}
