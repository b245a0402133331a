//! Connections without responses and without an error, and slow ones, in the path of DPoP proofs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::time::timeout;
use tower_m2m::RedisStore;
use tower_m2m::testing::{DpopClient, LocalIssuer};

use super::proxy::{Proxy, ProxyMode};
use super::redis_server::RedisServer;
use super::replays::{BASE, replica, send};
use super::support::NAMESPACE;

const ADMITTED: (u16, &str) = (200, "none");
const UNAVAILABLE: (u16, &str) = (503, "replay_store_unavailable");

/// An API whose used proofs are in Redis, and a client of it.
pub(crate) struct Api {
    router: Router,
    client: DpopClient,
    token: String,
}

impl Api {
    fn new(store: &RedisStore) -> Self {
        let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
        let client = DpopClient::new().unwrap();
        Self {
            router: replica(&issuer, store),
            token: issuer.org("org_a").bound_to(&client).token(),
            client,
        }
    }

    /// Returns an API whose connections to the server are through a proxy. One request was
    /// admitted.
    pub(crate) async fn behind_proxy(server: &RedisServer) -> (Proxy, Self) {
        let proxy = Proxy::start(server.address()).await;
        let store = RedisStore::connect(proxy.url(), NAMESPACE).await.unwrap();
        let api = Self::new(&store);
        assert_eq!(api.call().await, ADMITTED);
        (proxy, api)
    }

    /// Sends a request with a new proof.
    pub(crate) async fn call(&self) -> (u16, &'static str) {
        let url = format!("{BASE}/invoices");
        let proof = self.client.proof("GET", &url, &self.token).sign();
        send(&self.router, &proof, &self.token).await
    }

    /// Sends requests until one is admitted. The others get a 503.
    pub(crate) async fn until_admitted(&self) {
        let begun = Instant::now();
        loop {
            let response = self.call().await;
            if response == ADMITTED {
                return;
            }
            assert_eq!(response, UNAVAILABLE);
            let waited = begun.elapsed();
            assert!(waited < Duration::from_secs(10), "{waited:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A server whose connections became silent, and another one that the address names now.
struct SilentServer {
    api: Arc<Api>,
    proxy: Proxy,
    _servers: [RedisServer; 2],
}

impl SilentServer {
    async fn start() -> Option<Self> {
        let servers = [RedisServer::start(&[])?, RedisServer::start(&[])?];
        let (proxy, api) = Api::behind_proxy(&servers[0]).await;
        let api = Arc::new(api);
        // It confirms data and sends none, as a network that loses packets.
        servers[0].signal("STOP");
        proxy.move_to(servers[1].address());
        Some(Self {
            api,
            proxy,
            _servers: servers,
        })
    }
}

/// Rule 243.
///
/// Proofs are accepted again within seconds, also without a denylist that shares the store.
#[tokio::test]
async fn silent_connection_is_replaced() {
    let Some(silent) = SilentServer::start().await else {
        return;
    };
    assert_eq!(silent.api.call().await, UNAVAILABLE);
    silent.api.until_admitted().await;
}

/// Rule 243.
///
/// Each client ends its request before the limits of the server, so no request fails.
#[tokio::test]
async fn silent_connection_is_replaced_although_clients_disconnect() {
    let Some(silent) = SilentServer::start().await else {
        return;
    };
    let begun = Instant::now();
    let patience = Duration::from_millis(400);
    while timeout(patience, silent.api.call()).await != Ok(ADMITTED) {
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(10), "{waited:?}");
    }
}

/// Rule 243.
///
/// Requests that were sent over the silent connection fail later, and do not replace the new one.
#[tokio::test]
async fn silent_connection_is_replaced_once() {
    let Some(silent) = SilentServer::start().await else {
        return;
    };
    let mut calls = Vec::new();
    for _ in 0..30 {
        let api = Arc::clone(&silent.api);
        calls.push(tokio::spawn(async move { api.call().await }));
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    silent.api.until_admitted().await;
    for call in calls {
        call.await.unwrap();
        silent.api.until_admitted().await;
    }
    assert!(
        silent.proxy.connections() <= 3,
        "{}",
        silent.proxy.connections()
    );
}

/// Clients that disconnect replace no connection that works.
#[tokio::test]
async fn clients_that_disconnect_replace_no_connection() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let (proxy, api) = Api::behind_proxy(&server).await;
    proxy.set(ProxyMode::Slow(Duration::from_millis(150)));
    for _ in 0..5 {
        let ended = timeout(Duration::from_millis(20), api.call()).await;
        assert!(ended.is_err());
    }
    proxy.set(ProxyMode::Forward);
    api.until_admitted().await;
    assert_eq!(proxy.connections(), 1);
}

/// Connecting needs more time than a request has, and ends although each request is canceled.
#[tokio::test]
async fn slow_connect_succeeds() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let proxy = Proxy::start(server.address()).await;
    proxy.set(ProxyMode::Slow(Duration::from_millis(550)));
    let store = RedisStore::connect(proxy.url(), NAMESPACE).lazy().unwrap();
    let api = Api::new(&store);
    assert_eq!(api.call().await, UNAVAILABLE);
    api.until_admitted().await;
    assert_eq!(proxy.connections(), 1);
}

/// The system probes idle connections, so it notices a peer that is gone, and firewalls do not
/// forget them.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn idle_connection_is_probed() {
    let Some(server) = RedisServer::start(&[]) else {
        return;
    };
    let _store = RedisStore::connect(server.url(), NAMESPACE).await.unwrap();
    // Columns of /proc/net/tcp: remote address, state (01: established), timer (02: keepalive).
    let peer = format!("0100007F:{:04X}", server.port);
    let is_probed = || {
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        table.lines().any(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            columns[2] == peer && columns[3] == "01" && columns[5].starts_with("02:")
        })
    };
    let begun = Instant::now();
    while !is_probed() {
        assert!(begun.elapsed() < Duration::from_secs(5), "no keepalive");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
