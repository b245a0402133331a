//! A TLS client with or without a certificate, which sends one request on each connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tower_m2m::testing::MtlsClient;

/// Connections of one client share its sessions.
pub(crate) struct TlsClient(TlsConnector);

impl TlsClient {
    pub(crate) fn new(
        server: &CertificateDer<'static>,
        client: Option<&MtlsClient>,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(server.clone()).unwrap();
        let config = ClientConfig::builder_with_protocol_versions(&[version]);
        let config = config.with_root_certificates(roots);
        let config = match client {
            None => config.with_no_client_auth(),
            Some(client) => {
                let key = PrivatePkcs8KeyDer::from(client.key_der().to_vec());
                let chain = vec![certificate_of(client)];
                config.with_client_auth_cert(chain, key.into()).unwrap()
            }
        };
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// Returns the status of `GET /invoices` on a new connection. Each header ends with a line
    /// break.
    pub(crate) async fn status(
        &self,
        address: SocketAddr,
        token: &str,
        headers: &str,
    ) -> io::Result<u16> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = self.0.connect(name, stream).await?;
        stream.write_all(head(token, headers).as_bytes()).await?;
        let mut response = Vec::new();
        // A server may close the connection without `close_notify`.
        let _ = stream.read_to_end(&mut response).await;
        status_of(&response)
    }
}

pub(crate) fn certificate_of(client: &MtlsClient) -> CertificateDer<'static> {
    CertificateDer::from(client.certificate_der().to_vec())
}

pub(crate) fn head(token: &str, headers: &str) -> String {
    format!(
        "GET /invoices HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {token}\r\n{headers}connection: close\r\n\r\n"
    )
}

pub(crate) fn status_of(response: &[u8]) -> io::Result<u16> {
    let status = response.get(9..12).unwrap_or_default();
    let status = std::str::from_utf8(status).unwrap_or_default();
    status.parse().map_err(io::Error::other)
}
