//! A primary that becomes a replica and still responds, as after a failover behind one address.

use std::time::{Duration, Instant};

use tower_m2m::{Denylist, RedisStore, RedisStoreError};

use super::proxy::{Proxy, ProxyMode};
use super::redis_server::{RedisServer, free_port};
use super::support::{CHANGES, NAMESPACE, Replica, record};

/// Makes the server a replica of a primary that it cannot reach.
fn demote(server: &RedisServer) {
    let port = free_port().to_string();
    assert_eq!(server.run(&["REPLICAOF", "127.0.0.1", &port]), "OK");
}

fn names_a_replica(message: Option<&str>) -> bool {
    message.is_some_and(|message| message.contains("Redis is a replica"))
}

/// Each kind of connection is to a primary.
#[tokio::test]
async fn replica_is_an_error() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    demote(&server);
    let connect = || RedisStore::connect(server.url(), NAMESPACE);
    let error = connect().await.unwrap_err();
    assert!(matches!(error, RedisStoreError::Replica), "{error}");
    let error = connect().dangerous_allow_eviction().await.unwrap_err();
    assert!(matches!(error, RedisStoreError::Replica), "{error}");
    let denylist = Denylist::replicated(connect().lazy().unwrap());
    denylist.confirm_empty();
    let one = Replica::start(denylist);
    one.until_status(|status| names_a_replica(status.last_error.as_deref()))
        .await;
    assert!(!one.verifier.is_ready());
    server.run(&["REPLICAOF", "NO", "ONE"]);
    one.until("org_a", "ok").await;
    assert!(connect().await.is_ok());
}

/// Rule 187.
///
/// The address names the demoted node for some time, and then the new primary.
#[tokio::test]
async fn denials_reach_the_new_primary() {
    let (Some(old), Some(new)) = (RedisServer::start(&[]), RedisServer::start(&[])) else {
        return;
    };
    let proxy = Proxy::start(old.address()).await;
    let one = Replica::connect(&proxy.url()).await;
    demote(&old);
    assert!(one.deny("org_a").await.is_err());
    assert_eq!(one.call("org_a").await, "suspended");
    one.until_status(|status| names_a_replica(status.last_error.as_deref()))
        .await;
    proxy.move_to(new.address());
    one.until_status(|status| status.pending_writes == 0).await;
    let two = Replica::connect(&new.url()).await;
    assert_eq!(two.call("org_a").await, "suspended");
}

/// Rule 325.
///
/// Redis ends reads that block when it becomes a replica. At that moment the reader did not block.
#[tokio::test]
async fn reader_of_a_demoted_primary_notices_it() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let proxy = Proxy::start(server.address()).await;
    let one = Replica::connect(&proxy.url()).await;
    let blocked = async || {
        server
            .run(&["INFO", "clients"])
            .contains("blocked_clients:1")
    };
    one.wait("a read that blocks", blocked).await;
    proxy.set(ProxyMode::Delay);
    server.run(&["XADD", CHANGES, "*", "a", &record("org_a")]);
    demote(&server);
    proxy.set(ProxyMode::Forward);
    one.until("org_a", "suspended").await;
    one.until_status(|status| names_a_replica(status.last_error.as_deref()))
        .await;
    server.run(&["REPLICAOF", "NO", "ONE"]);
    one.until_status(|status| status.last_error.is_none()).await;
}

#[cfg(feature = "dpop")]
mod proofs {
    use super::super::dead_connections::Api;
    use super::*;

    /// Rule 243.
    ///
    /// Many requests during the failover open few connections.
    #[tokio::test]
    async fn proofs_reach_the_new_primary() {
        let (Some(old), Some(new)) = (RedisServer::start(&[]), RedisServer::start(&[])) else {
            return;
        };
        let (proxy, api) = Api::behind_proxy(&old).await;
        demote(&old);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(500) {
            assert_eq!(api.call().await.0, 503);
        }
        let attempts = proxy.connections();
        assert!(attempts <= 5, "{attempts} connections");
        proxy.move_to(new.address());
        api.until_admitted().await;
    }

    /// A primary that lost its replicas (`min-replicas-to-write`) may be replaced by now.
    #[tokio::test]
    async fn proofs_leave_a_primary_that_lost_its_replicas() {
        let (Some(old), Some(new)) = (RedisServer::start(&[]), RedisServer::start(&[])) else {
            return;
        };
        let (proxy, api) = Api::behind_proxy(&old).await;
        old.run(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
        assert_eq!(api.call().await.0, 503);
        proxy.move_to(new.address());
        api.until_admitted().await;
    }
}
