//! Runs npm's `oidc-provider` as a process that can crash and restart at the same address.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, header};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::http::{client_credentials, send};
use super::node::{Node, PATIENCE};

/// The server, its process and its port. Dropping it kills the process.
pub(crate) struct OidcProvider {
    node: Node,
    url: String,
    port: StablePort,
    process: Option<Process>,
}

impl OidcProvider {
    pub(crate) async fn start(node: Node) -> Self {
        let port = StablePort::open().await;
        let mut provider = Self {
            node,
            url: format!("http://{}", port.address),
            port,
            process: None,
        };
        provider.start_again().await;
        provider
    }

    /// Returns the issuer, exactly as in `iss`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Requests an opaque token with client credentials, over HTTP.
    #[cfg(feature = "introspection")]
    pub(crate) async fn opaque_token(&self, client: &str) -> String {
        let resource = "resource=https://opaque.example.test&scope=orders:read";
        self.token(client, resource).await
    }

    /// Requests a token with client credentials, over HTTP.
    pub(crate) async fn token(&self, client: &str, parameters: &str) -> String {
        let secret = format!("secret-of-{client}");
        let answer =
            client_credentials(&format!("{}/token", self.url), client, &secret, parameters).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Creates new keys and signs with them. The earlier ones stay published.
    pub(crate) async fn rotate(&mut self) {
        self.process.as_mut().unwrap().send("rotate").await;
    }

    /// Publishes the newest keys only.
    pub(crate) async fn retire(&mut self) {
        self.process.as_mut().unwrap().send("retire").await;
    }

    /// Issues an opaque refresh token of a user.
    #[cfg(feature = "introspection")]
    pub(crate) async fn refresh_token(&mut self) -> String {
        let answer = self.process.as_mut().unwrap().send("refresh-token").await;
        answer["refresh_token"].as_str().unwrap().to_owned()
    }

    /// Revokes a token of a client (RFC 7009), over HTTP.
    #[cfg(feature = "introspection")]
    pub(crate) async fn revoke(&self, client: &str, token: &str) {
        let basic = STANDARD.encode(format!("{client}:secret-of-{client}"));
        let request = Request::post(format!("{}/token/revocation", self.url))
            .header(header::AUTHORIZATION, format!("Basic {basic}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("token={token}"));
        send(request.unwrap()).await.assert_status(200);
    }

    /// Kills the process. Then every connection is closed.
    pub(crate) async fn crash(&mut self) {
        self.process.take().unwrap().child.kill().await.unwrap();
    }

    /// Starts another process with other keys at the same URL.
    pub(crate) async fn start_again(&mut self) {
        let process = Process::start(self.node, &self.url).await;
        self.port.target.store(process.port, Ordering::Relaxed);
        self.process = Some(process);
    }
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Process {
    async fn start(node: Node, issuer: &str) -> Self {
        let mut child = node.command("issuer.mjs").arg(issuer).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self {
            child,
            stdin,
            lines,
            port: 0,
        };
        process.port = process.line().await["port"]
            .as_u64()
            .unwrap()
            .try_into()
            .unwrap();
        process
    }

    async fn send(&mut self, command: &str) -> Value {
        self.stdin
            .write_all(format!("{command}\n").as_bytes())
            .await
            .unwrap();
        self.line().await
    }

    async fn line(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line())
            .await
            .expect("a line within a minute");
        let line = line.unwrap().expect("oidc-provider goes on running");
        serde_json::from_str(&line).unwrap()
    }
}

/// A port that this test keeps while processes start and stop, so that no other program can take
/// it.
struct StablePort {
    address: SocketAddr,
    target: Arc<AtomicU16>,
    task: JoinHandle<()>,
}

impl StablePort {
    async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(AtomicU16::new(0));
        let task = tokio::spawn(forward_connections(listener, Arc::clone(&target)));
        Self {
            address,
            target,
            task,
        }
    }
}

impl Drop for StablePort {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward_connections(listener: TcpListener, target: Arc<AtomicU16>) {
    loop {
        let Ok((mut outside, _)) = listener.accept().await else {
            continue;
        };
        let port = target.load(Ordering::Relaxed);
        tokio::spawn(async move {
            // If no process listens on the target port, the connection is closed.
            if let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                let _ = copy_bidirectional(&mut outside, &mut inside).await;
            }
        });
    }
}
