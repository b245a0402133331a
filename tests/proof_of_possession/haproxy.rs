//! A real haproxy ends TLS and passes the client's certificate on (RFC 9440). If it is not
//! installed, the test prints that and passes. In CI it fails instead.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdTcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tower_m2m::testing::{LocalIssuer, MtlsClient};
use tower_m2m::{IpRange, ProofOfPossession};

use crate::certificate::{FOR_LONG, LOOPBACK, self_signed};
use crate::support::trust;
use crate::tls_client::{TlsClient, head, status_of};

/// The lines of the guide's configuration that write the header.
const CHAPTER: &str = include_str!("../../src/guide/bound_tokens.md");

/// The address that haproxy connects from, so that the API can tell it from other peers.
const PROXY: &str = "127.0.0.2";

struct Haproxy {
    process: Child,
    directory: PathBuf,
    certificate: CertificateDer<'static>,
    /// With the guide's lines, without colons, and without the deletion of the client's header.
    ports: [SocketAddr; 3],
}

fn is_installed() -> bool {
    let version = Command::new("haproxy")
        .arg("-v")
        .stdout(Stdio::null())
        .status();
    let is_installed = version.is_ok_and(|status| status.success());
    if !is_installed {
        assert!(std::env::var_os("CI").is_none(), "haproxy is missing");
        eprintln!("skipped: haproxy is missing (apt-get install haproxy)");
    }
    is_installed
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn free_port() -> SocketAddr {
    let listener = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// Returns the guide's lines that begin with this directive.
fn guide_lines(directive: &str) -> String {
    let lines = CHAPTER.lines().map(str::trim);
    let found: Vec<&str> = lines.filter(|line| line.starts_with(directive)).collect();
    assert!(!found.is_empty(), "{directive} is not in the guide");
    found.join("\n  ")
}

impl Haproxy {
    async fn start(api: SocketAddr, clients: &[&MtlsClient]) -> Self {
        let name = format!("tower-m2m-haproxy-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let (certificate, key) = self_signed(&LOOPBACK, "200101000000Z", FOR_LONG);
        let (server, trusted) = (directory.join("server.pem"), directory.join("clients.pem"));
        let both = pem("CERTIFICATE", &certificate) + &pem("PRIVATE KEY", &key);
        std::fs::write(&server, both).unwrap();
        let clients = clients
            .iter()
            .map(|client| pem("CERTIFICATE", client.certificate_der()));
        std::fs::write(&trusted, clients.collect::<String>()).unwrap();

        let (delete, set) = (
            guide_lines("http-request del-header"),
            guide_lines("http-request set-header Client-Cert"),
        );
        let bare = set.replace(":%[ssl_c_der,base64]:", "%[ssl_c_der,base64]");
        assert_ne!(bare, set);
        let added = set.replace("set-header", "add-header");
        let ports = [free_port(), free_port(), free_port()];
        let rules = [
            format!("{delete}\n  {set}"),
            format!("{delete}\n  {bare}"),
            added,
        ];
        let defaults = "defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n";
        let frontends = ports.iter().zip(rules).map(|(port, rules)| {
            format!(
                "frontend at_{}\n  bind {port} ssl crt {} ca-file {} verify optional\n  {rules}\n  default_backend api\n",
                port.port(),
                server.display(),
                trusted.display(),
            )
        });
        let frontends: String = frontends.collect();
        let backend = format!("backend api\n  server api {api} source {PROXY}\n");
        let file = directory.join("haproxy.cfg");
        std::fs::write(&file, [defaults, &frontends, &backend].concat()).unwrap();
        // `-db`: in the foreground, so that it ends with this process.
        let process = Command::new("haproxy")
            .arg("-db")
            .arg("-f")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut started = Self {
            process,
            directory,
            certificate: CertificateDer::from(certificate),
            ports,
        };
        for port in ports {
            started.wait_for(port).await;
        }
        started
    }

    async fn wait_for(&mut self, port: SocketAddr) {
        let connected = async {
            while TcpStream::connect(port).await.is_err() {
                assert!(
                    self.process.try_wait().unwrap().is_none(),
                    "haproxy ended, see its output"
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), connected)
            .await
            .expect("haproxy does not start");
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Sends a request to the API without the proxy.
async fn direct(api: SocketAddr, token: &str, headers: &str) -> u16 {
    let mut stream = TcpStream::connect(api).await.unwrap();
    let head = head(token, headers);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    status_of(&response).unwrap()
}

/// Rules 121, 253, 254, 334.
#[tokio::test]
async fn haproxy_passes_the_certificate_of_its_client() {
    if !is_installed() {
        return;
    }
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let mtls =
        ProofOfPossession::mtls().client_cert_header_from([PROXY.parse::<IpRange>().unwrap()]);
    let verifier = trust(&issuer).proof_of_possession(mtls).build().unwrap();
    let app = Router::new()
        .route("/invoices", get(|| async { "invoices" }))
        .layer(verifier.layer())
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let (client, other) = (MtlsClient::new().unwrap(), MtlsClient::new().unwrap());
    let haproxy = Haproxy::start(api, &[&client, &other]).await;
    let [guide, bare, added] = haproxy.ports;
    let token = issuer.org("org_a").bound_to_certificate(&client).token();
    let unbound = issuer.org("org_a").token();
    let header = format!("Client-Cert: {}\r\n", client.header());
    let chain = format!("client-cert-chain: {}\r\n", client.header());
    for version in [&TLS12, &TLS13] {
        let with = |client| TlsClient::new(&haproxy.certificate, client, version);
        let (own, other, without) = (with(Some(&client)), with(Some(&other)), with(None));
        for (connection, sender, port, token, headers, expected) in [
            ("full handshake", &own, guide, &token, "", 200),
            ("resumed session", &own, guide, &token, "", 200),
            ("own header too", &own, guide, &token, header.as_str(), 200),
            ("other certificate", &other, guide, &token, "", 401),
            (
                "other, forged header",
                &other,
                guide,
                &token,
                header.as_str(),
                401,
            ),
            ("no certificate", &without, guide, &token, "", 401),
            (
                "no certificate, forged header",
                &without,
                guide,
                &token,
                header.as_str(),
                401,
            ),
            (
                "no certificate, forged chain",
                &without,
                guide,
                &token,
                chain.as_str(),
                401,
            ),
            (
                "bearer token",
                &without,
                guide,
                &unbound,
                header.as_str(),
                200,
            ),
            // Mistakes in the configuration of the proxy.
            ("no colons", &own, bare, &token, "", 400),
            (
                "client's header stays",
                &own,
                added,
                &token,
                header.as_str(),
                400,
            ),
        ] {
            let status = sender.status(port, token, headers).await.unwrap();
            assert_eq!(status, expected, "{version:?}: {connection}");
        }
    }
    assert_eq!(direct(api, &token, &header).await, 401);
    assert_eq!(direct(api, &unbound, &header).await, 200);
}
