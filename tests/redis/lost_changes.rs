//! Changes that Redis lost.

use std::time::{Duration, Instant};

use tower_m2m::{Denylist, RedisStore};

use super::proxy::{Proxy, ProxyMode};
use super::redis_server::RedisServer;
use super::support::{CHANGES, ENTRIES, NAMESPACE, Replica, key, record};

/// Starts a replica, and another one behind a proxy.
async fn direct_and_proxied(server: &RedisServer) -> (Proxy, Replica, Replica) {
    let proxy = Proxy::start(server.address()).await;
    let one = Replica::connect(&server.url()).await;
    let two = Replica::connect(&proxy.url()).await;
    (proxy, one, two)
}

/// Rules 189, 325.
///
/// The recent entry is written again. The other one applies until the state is confirmed.
#[tokio::test]
async fn flushed_redis_is_not_an_empty_list() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (one, two) = (
        Replica::connect(&server.url()).await,
        Replica::connect(&server.url()).await,
    );
    server.run(&["HSET", ENTRIES, &key("org_old"), &record("org_old")]);
    server.run(&["XADD", CHANGES, "*", "a", &record("org_old")]);
    one.deny("org_a").await.unwrap();
    two.until("org_a", "suspended").await;
    server.run(&["FLUSHALL"]);
    two.until_status(|status| status.is_emptying).await;
    one.until_status(|status| status.is_emptying).await;
    for org in ["org_a", "org_old"] {
        assert_eq!(two.call(org).await, "suspended");
    }
    two.denylist.confirm_empty();
    // It counts for both.
    for replica in [&one, &two] {
        replica.until("org_old", "ok").await;
        assert_eq!(replica.call("org_a").await, "suspended");
    }
    assert_eq!(server.run(&["HEXISTS", ENTRIES, &key("org_a")]), "1");
}

/// Rule 185.
///
/// One replica wrote the entry and ended, one has it in memory, and one starts after `FLUSHALL`.
#[tokio::test]
async fn replica_that_starts_after_flushall_admits_no_denied_caller() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (one, two) = (
        Replica::connect(&server.url()).await,
        Replica::connect(&server.url()).await,
    );
    server.run(&["HSET", ENTRIES, &key("org_old"), &record("org_old")]);
    server.run(&["XADD", CHANGES, "*", "a", &record("org_old")]);
    one.deny("org_a").await.unwrap();
    two.until("org_a", "suspended").await;
    two.until("org_old", "suspended").await;
    server.run(&["FLUSHALL"]);
    drop(one);
    let store = RedisStore::connect(server.url(), NAMESPACE).await.unwrap();
    let three = Replica::start(Denylist::replicated(store));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
        for org in ["org_a", "org_old"] {
            assert_eq!(two.call(org).await, "suspended");
            assert_ne!(three.call(org).await, "ok");
        }
        assert_eq!(three.call("org_b").await, "denylist_unavailable");
        assert!(!three.verifier.is_ready());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The other replica wrote it again.
    assert_eq!(three.call("org_a").await, "suspended");
    assert_eq!(server.run(&["HEXISTS", ENTRIES, &key("org_a")]), "1");
    two.denylist.confirm_empty();
    three.until("org_b", "ok").await;
    assert_eq!(three.call("org_a").await, "suspended");
    assert_eq!(three.call("org_old").await, "ok");
}

/// Rule 189.
///
/// The writer of an entry was not connected when another replica removed it.
#[tokio::test]
async fn removal_that_a_replica_missed_is_not_undone() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (proxy, one, two) = direct_and_proxied(&server).await;
    two.deny("org_a").await.unwrap();
    two.deny("org_b").await.unwrap();
    one.until("org_b", "suspended").await;
    proxy.set(ProxyMode::Cut);
    two.until_status(|status| status.last_error.is_some()).await;
    one.remove("org_a").await.unwrap();
    server.run(&["XTRIM", CHANGES, "MAXLEN", "0"]);
    proxy.set(ProxyMode::Forward);
    two.until("org_a", "ok").await;
    two.deny("org_c").await.unwrap();
    one.until("org_c", "suspended").await;
    for replica in [&one, &two] {
        assert_eq!(replica.call("org_a").await, "ok");
        assert_eq!(replica.call("org_b").await, "suspended");
    }
}

/// Rule 325.
///
/// The clock of the server was set back, so new IDs are smaller than the position.
#[tokio::test]
async fn stream_that_begins_again_with_smaller_ids_is_a_gap() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (one, two) = (
        Replica::connect(&server.url()).await,
        Replica::connect(&server.url()).await,
    );
    one.deny("org_a").await.unwrap();
    two.until("org_a", "suspended").await;
    server.run(&["FLUSHALL"]);
    server.run(&["HSET", ENTRIES, &key("org_b"), &record("org_b")]);
    server.run(&["XADD", CHANGES, "1-1", "a", &record("org_b")]);
    two.until("org_b", "suspended").await;
    assert_eq!(two.status().gaps, 1);
    // Later changes arrive too.
    server.run(&["XADD", CHANGES, "*", "a", &record("org_c")]);
    two.until("org_c", "suspended").await;
}

/// Rules 188, 325.
#[tokio::test]
async fn stream_trimmed_while_disconnected_is_a_gap() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (proxy, one, two) = direct_and_proxied(&server).await;
    one.deny("org_c").await.unwrap();
    one.deny("org_a").await.unwrap();
    two.until("org_a", "suspended").await;
    proxy.set(ProxyMode::Cut);
    two.until_status(|status| status.last_error.is_some()).await;
    one.deny("org_b").await.unwrap();
    one.remove("org_a").await.unwrap();
    server.run(&["XTRIM", CHANGES, "MAXLEN", "0"]);
    assert_eq!(two.call("org_a").await, "suspended");
    proxy.set(ProxyMode::Forward);
    two.until("org_b", "suspended").await;
    two.until("org_a", "ok").await;
    assert_eq!((two.status().gaps, two.status().loads), (1, 2));
}

/// Rule 188.
///
/// Without a lost change the replica continues from its cursor.
#[tokio::test]
async fn changes_while_disconnected_are_read_from_the_cursor() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (proxy, one, two) = direct_and_proxied(&server).await;
    one.deny("org_a").await.unwrap();
    two.until("org_a", "suspended").await;
    proxy.set(ProxyMode::Cut);
    two.until_status(|status| status.last_error.is_some()).await;
    one.deny("org_b").await.unwrap();
    one.remove("org_a").await.unwrap();
    proxy.set(ProxyMode::Forward);
    two.until("org_b", "suspended").await;
    two.until("org_a", "ok").await;
    assert_eq!((two.status().gaps, two.status().loads), (0, 1));
}

/// Rule 325.
///
/// The responses of Redis are late, and the stream is trimmed between two reads.
#[tokio::test]
async fn stream_trimmed_between_two_reads_is_a_gap() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (proxy, one, two) = direct_and_proxied(&server).await;
    proxy.set(ProxyMode::Delay);
    // The first is in the response that waits, and the second is lost.
    one.deny("org_a").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    one.deny("org_b").await.unwrap();
    one.deny("org_c").await.unwrap();
    server.run(&["XTRIM", CHANGES, "MAXLEN", "1"]);
    proxy.set(ProxyMode::Forward);
    for org in ["org_a", "org_b", "org_c"] {
        two.until(org, "suspended").await;
    }
    assert!(two.status().gaps >= 1);
}

/// Rules 188, 325.
///
/// A failover to an older copy. The replica that wrote the lost entry writes it again.
#[tokio::test]
async fn failover_to_an_older_copy_loses_no_entry() {
    let Some(mut server) = RedisServer::start(&[]) else {
        return;
    };
    let (one, two) = (
        Replica::connect(&server.url()).await,
        Replica::connect(&server.url()).await,
    );
    one.deny("org_a").await.unwrap();
    server.run(&["SAVE"]);
    one.deny("org_b").await.unwrap();
    two.until("org_b", "suspended").await;
    server.restart();
    // Both entries, and the record that the list is complete.
    one.wait("three records", async || {
        server.run(&["HLEN", ENTRIES]) == "3"
    })
    .await;
    for replica in [&one, &two] {
        replica.until("org_a", "suspended").await;
        replica.until("org_b", "suspended").await;
    }
}
