//! A TCP proxy in front of Redis that delays, cuts and loses responses, and that can name another
//! server, as DNS does after a failover.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyMode {
    Forward,
    /// Responses wait.
    Delay,
    /// Each response takes this time more.
    Slow(Duration),
    /// Connections are cut, and new ones are not accepted.
    Cut,
    /// The connection is cut as soon as a script has been executed.
    LoseScripts,
}

#[derive(Clone)]
pub(crate) struct Proxy {
    mode: Arc<watch::Sender<ProxyMode>>,
    server: Arc<watch::Sender<SocketAddr>>,
    connections: Arc<AtomicUsize>,
    address: SocketAddr,
}

impl Proxy {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            mode: Arc::new(watch::Sender::new(ProxyMode::Forward)),
            server: Arc::new(watch::Sender::new(server)),
            connections: Arc::default(),
            address: listener.local_addr().unwrap(),
        };
        let accepting = proxy.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                accepting.connections.fetch_add(1, Ordering::Relaxed);
                let (server, mode) = (*accepting.server.borrow(), &accepting.mode);
                if *mode.borrow() != ProxyMode::Cut {
                    tokio::spawn(forward(client, server, mode.subscribe()));
                }
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn set(&self, mode: ProxyMode) {
        self.mode.send_replace(mode);
    }

    /// New connections reach this server. Those that exist are still to the earlier one.
    pub(crate) fn move_to(&self, server: SocketAddr) {
        self.server.send_replace(server);
    }

    /// Returns the number of connections that were accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn forward(client: TcpStream, server: SocketAddr, mode: watch::Receiver<ProxyMode>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let is_script = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_script_sent = Arc::clone(&is_script);
    let requests = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let request = &buffer[..length];
            if request.windows(4).any(|window| window == b"EVAL") {
                is_script.store(true, Ordering::Relaxed);
            }
            if to_server.write_all(request).await.is_err() {
                return;
            }
        }
    };
    let mut responses_mode = mode.clone();
    let responses = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let _ = responses_mode
                .wait_for(|mode| *mode != ProxyMode::Delay)
                .await;
            let mode = *responses_mode.borrow();
            if let ProxyMode::Slow(time) = mode {
                tokio::time::sleep(time).await;
            }
            let is_lost = mode == ProxyMode::LoseScripts && is_script_sent.load(Ordering::Relaxed);
            if is_lost || to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    let mut cut_mode = mode;
    tokio::select! {
        () = requests => {}
        () = responses => {}
        _ = cut_mode.wait_for(|mode| *mode == ProxyMode::Cut) => {}
    }
}
