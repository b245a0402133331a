//! Faults of the process and of the connection.

use std::time::{Duration, Instant};

use tower_m2m::{EntryExpiry, ReplicationError};

use super::proxy::{Proxy, ProxyMode};
use super::redis_server::RedisServer;
use super::support::{CHANGES, ENTRIES, Replica, key, organization, record};

/// Rules 187, 196.
#[tokio::test]
async fn redis_killed_between_write_and_response_has_one_entry() {
    let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
    let Some(mut server) = RedisServer::start(&arguments) else {
        return;
    };
    let proxy = Proxy::start(server.address()).await;
    let (one, two) = (
        Replica::connect(&proxy.url()).await,
        Replica::connect(&server.url()).await,
    );
    proxy.set(ProxyMode::LoseScripts);
    let error = one.deny("org_a").await.unwrap_err();
    assert!(
        matches!(error, ReplicationError::NotReplicated(_)),
        "{error}"
    );
    server.kill();
    assert_eq!(one.call("org_a").await, "suspended");
    proxy.set(ProxyMode::Forward);
    server.restart();
    one.until_status(|status| status.pending_writes == 0).await;
    two.until("org_a", "suspended").await;
    // The entry, and the record that the list is complete.
    assert_eq!(server.run(&["HLEN", ENTRIES]), "2");
    assert_eq!(
        server.run(&["XLEN", CHANGES]),
        "2",
        "the retry changed nothing"
    );
    assert_eq!(two.call("org_b").await, "ok");
}

/// Rules 187, 190.
///
/// After a long outage, the replicas are connected again within seconds, and write at once.
#[tokio::test]
async fn replicas_reconnect_within_seconds() {
    let Some(mut server) = RedisServer::start(&["--appendonly", "yes"]) else {
        return;
    };
    let (one, two) = (
        Replica::connect(&server.url()).await,
        Replica::connect(&server.url()).await,
    );
    one.deny("org_a").await.unwrap();
    two.until("org_a", "suspended").await;
    server.kill();
    assert!(one.deny("org_b").await.is_err());
    tokio::time::sleep(Duration::from_secs(20)).await;
    server.restart();
    let begun = Instant::now();
    two.until("org_b", "suspended").await;
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(8), "{waited:?}");
    assert_eq!(one.status().pending_writes, 0);
}

/// Rules 186, 190.
///
/// A stopped process sends no data and no error.
#[tokio::test]
async fn stopped_redis_makes_the_list_stale_and_delays_no_request() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let one = Replica::connect(&server.url()).await;
    one.deny("org_a").await.unwrap();
    server.signal("STOP");
    let begun = Instant::now();
    while one.verifier.is_ready() {
        let asked = Instant::now();
        assert_eq!(one.call("org_a").await, "suspended");
        assert!(asked.elapsed() < Duration::from_secs(1));
        assert!(
            begun.elapsed() < Duration::from_secs(40),
            "{:?}",
            one.status()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(4));
    assert_eq!(one.call("org_b").await, "denylist_unavailable");
    assert_eq!(one.call("org_a").await, "suspended");
    server.signal("CONT");
    one.until("org_b", "ok").await;
    assert_eq!(one.call("org_a").await, "suspended");
}

/// Rule 324.
#[tokio::test]
async fn idle_stream_is_no_error_and_writes_do_not_wait_for_it() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (one, two) = (
        Replica::connect(&server.url()).await,
        Replica::connect(&server.url()).await,
    );
    tokio::time::sleep(Duration::from_millis(5_600)).await;
    let status = one.status();
    assert!(status.last_error.is_none() && status.age.unwrap() < Duration::from_secs(2));
    // Both connections for reading are blocked.
    let begun = Instant::now();
    one.deny("org_a").await.unwrap();
    two.until("org_a", "suspended").await;
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!((status.loads, status.gaps), (1, 0));
}

/// Rule 197.
#[tokio::test]
async fn replica_with_a_clock_5_minutes_ahead_denies_until_the_expiry() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (one, ahead) = (
        Replica::connect(&server.url()).await,
        Replica::connect(&server.url()).await,
    );
    let expires_at = one.clock.unix_seconds() + 60;
    ahead.clock.advance(Duration::from_secs(5 * 60));
    let entry = organization("org_a");
    let denied = one
        .denylist
        .deny_on_all_replicas(entry, EntryExpiry::UnixSeconds(expires_at));
    denied.await.unwrap();
    ahead.until("org_a", "suspended").await;
    // The expiry with its leeway, by the right clock.
    ahead.clock.set(expires_at + 5 * 60 + 5 * 60 - 2);
    assert_eq!(ahead.call("org_a").await, "suspended");
}

/// Rule 191.
#[tokio::test]
async fn record_of_a_newer_version_in_redis_is_used() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let newer = record("org_a").replace(r#""v":1"#, r#""v":9,"reason":"x""#);
    let unknown = newer.replace("organization", "network");
    server.run(&["HSET", ENTRIES, &key("org_a"), &newer]);
    let one = Replica::connect(&server.url()).await;
    assert_eq!(one.call("org_a").await, "suspended");
    server.run(&["XADD", CHANGES, "*", "a", &unknown]);
    server.run(&["XADD", CHANGES, "*", "a", "{"]);
    server.run(&["XADD", CHANGES, "*", "other", "x"]);
    one.until_status(|status| (status.unknown_records, status.malformed_records) == (1, 2))
        .await;
    let entry = organization("org_a");
    let until = EntryExpiry::UnixSeconds(4_000_000_000);
    one.denylist
        .deny_on_all_replicas(entry, until)
        .await
        .unwrap();
    let stored = server.run(&["HGET", ENTRIES, &key("org_a")]);
    assert!(stored.contains(r#""reason":"x""#), "{stored}");
    assert!(!stored.contains("expires_at"), "never is later: {stored}");
}
