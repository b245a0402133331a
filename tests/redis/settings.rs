//! Connecting: the contract, TLS, eviction, record keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tower_m2m::testing::store_contract;
use tower_m2m::{Clock, Denylist, RedisStore, RedisStoreError};

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

/// The user of the guide needs no further permission.
#[tokio::test(flavor = "multi_thread")]
async fn permissions_of_the_guide_are_enough() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let guide = include_str!("../../src/guide/replicas.md");
    let (_, row) = guide
        .split_once("| ACL | a user for this namespace: `")
        .unwrap();
    let (permissions, row) = row.split_once("`, and `").unwrap();
    let (for_proofs, _) = row.split_once('`').unwrap();
    let mut command = vec!["ACL", "SETUSER", "api", "on", ">secret"];
    command.extend(permissions.split(' '));
    assert_eq!(server.run(&command), "OK");
    let url = server.url().replace("redis://", "redis://api:secret@");
    store_contract::check(async || Ok(RedisStore::connect(&url, "acme:m2m").await?))
        .await
        .unwrap();
    let as_user = ["--user", "api", "--pass", "secret", "--no-auth-warning"];
    let of_others = ["hset", "{other:m2m}:denylist", "field", "value"];
    let response = server.run(&[&as_user[..], &of_others[..]].concat());
    assert!(response.contains("NOPERM"), "{response}");

    #[cfg(feature = "dpop")]
    {
        use tower_m2m::testing::check_replay_store;
        let connect = async || RedisStore::connect(&url, "acme:m2m").await.unwrap();
        assert!(check_replay_store(connect().await).await.is_err());
        assert_eq!(server.run(&["ACL", "SETUSER", "api", for_proofs]), "OK");
        assert_eq!(check_replay_store(connect().await).await, Ok(()));
    }
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
    let removal = record("org_a").replace('{', r#"{"removed":true,"#);
    server.run(&["XADD", CHANGES, "*", "a", &removal]);
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

/// Rule 193.
///
/// A record of another namespace has a valid HMAC there, and not here.
#[tokio::test]
async fn record_of_another_namespace_is_ignored() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let connect = async |namespace: &str| {
        let store = RedisStore::connect(server.url(), namespace).record_key([7; 32]);
        Replica::new(Denylist::replicated(store.await.unwrap())).await
    };
    let (one, test) = (connect(NAMESPACE).await, connect("acme:test").await);
    test.deny("org_a").await.unwrap();
    let signed = server.run(&["HGET", "{acme:test}:denylist", &key("org_a")]);
    assert!(signed.contains("org_a"));
    server.run(&["XADD", CHANGES, "*", "a", &signed]);
    one.until_status(|status| status.unauthenticated_records == 1)
        .await;
    assert_eq!(one.call("org_a").await, "ok");
}

/// Rule 193.
///
/// The three steps of a new record key. No replica is without the list.
#[tokio::test]
async fn record_key_is_replaced_in_three_steps() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (old, new) = ([7; 32], [8; 32]);
    let store = |key: [u8; 32]| RedisStore::connect(server.url(), NAMESPACE).record_key(key);
    let one = Replica::new(Denylist::replicated(store(old).await.unwrap())).await;
    one.deny("org_a").await.unwrap();
    // A replica with the new key alone has no list.
    let early = Replica::start(Denylist::replicated(store(new).await.unwrap()));
    early
        .until_status(|status| {
            let error = status.last_error.as_deref();
            error.is_some_and(|error| error.contains("keys may differ"))
        })
        .await;
    assert!(!early.verifier.is_ready());
    drop(early);
    let first = store(old).accept_record_key(new).await.unwrap();
    let first = Replica::new(Denylist::replicated(first)).await;
    let second = store(new).accept_record_key(old).await.unwrap();
    let second = Replica::new(Denylist::replicated(second)).await;
    assert_eq!(second.call("org_a").await, "suspended");
    second.deny("org_b").await.unwrap();
    first.until("org_b", "suspended").await;
    first.deny("org_c").await.unwrap();
    second.until("org_c", "suspended").await;
    drop((one, first));
    let again = store(new).accept_record_key(old).await.unwrap();
    let again = Replica::new(Denylist::replicated(again)).await;
    assert_eq!(again.call("org_c").await, "suspended");
    let third = Replica::new(Denylist::replicated(store(new).await.unwrap())).await;
    for org in ["org_a", "org_b", "org_c"] {
        assert_eq!(third.call(org).await, "suspended");
    }
    assert_eq!(third.status().unauthenticated_records, 0);
    let error = RedisStore::connect(server.url(), NAMESPACE).accept_record_key(old);
    let error = error.await.unwrap_err();
    assert!(matches!(error, RedisStoreError::NoRecordKey), "{error}");
}

/// Rule 191.
///
/// A record in a form of a newer version stays. The write fails and is retried.
#[tokio::test]
async fn unreadable_record_of_a_newer_version_is_not_overwritten() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let one = Replica::connect(&server.url()).await;
    let newer = r#"{"v":2,"kind":"organization","until":["never"]}"#;
    let broken = r#"{"v":1,"kind":"organization","until":["never"]}"#;
    server.run(&["HSET", ENTRIES, &key("org_a"), newer]);
    server.run(&["HSET", ENTRIES, &key("org_b"), broken]);
    let error = one.deny("org_a").await.unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(one.call("org_a").await, "suspended");
    assert!(one.remove("org_a").await.is_err());
    assert_eq!(server.run(&["HGET", ENTRIES, &key("org_a")]), newer);
    one.deny("org_b").await.unwrap();
    assert!(
        server
            .run(&["HGET", ENTRIES, &key("org_b")])
            .contains(r#""v":1,"kind":"organization","origin""#)
    );
}

/// Obsolete records are deleted by the clock of Redis.
#[tokio::test]
async fn obsolete_records_are_deleted_by_the_clock_of_redis() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let now = Clock::system().unix_seconds();
    for (org, expired_before) in [("org_a", 75 * 60), ("org_b", 65 * 60)] {
        let expires_at = format!(r#""expires_at":{}}}"#, now - expired_before);
        let expired = record(org).replace('}', &format!(",{expires_at}"));
        server.run(&["HSET", ENTRIES, &key(org), &expired]);
    }
    let _one = Replica::connect(&server.url()).await;
    assert_eq!(server.run(&["HEXISTS", ENTRIES, &key("org_a")]), "0");
    assert_eq!(server.run(&["HEXISTS", ENTRIES, &key("org_b")]), "1");
    let statistics = server.run(&["INFO", "commandstats"]);
    assert!(statistics.contains("cmdstat_time:"), "{statistics}");
}

/// Rule 185.
///
/// The service starts while Redis is down, and becomes ready when it runs.
#[tokio::test]
async fn lazy_store_connects_in_the_background() {
    let Some(mut server) = RedisServer::start(&[]) else {
        return;
    };
    let url = server.url();
    server.kill();
    let store = RedisStore::connect(&url, NAMESPACE).lazy().unwrap();
    let denylist = Denylist::replicated(store);
    denylist.confirm_empty();
    let one = Replica::start(denylist);
    assert_eq!(one.call("org_a").await, "denylist_unavailable");
    one.until_status(|status| status.last_error.is_some()).await;
    assert!(!one.verifier.is_ready());
    server.restart();
    one.until("org_a", "ok").await;
    one.deny("org_a").await.unwrap();
    let failed = RedisStore::connect(&url, "a b").lazy().unwrap_err();
    assert!(matches!(failed, RedisStoreError::InvalidNamespace));
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
