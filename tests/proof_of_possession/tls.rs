//! Real handshakes with client certificates (rustls).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tower_m2m::testing::{LocalIssuer, MtlsClient};
use tower_m2m::{ClientCertificate, PeerAddress, ProofOfPossession};

use crate::certificate::{FOR_LONG, LOOPBACK, self_signed};
use crate::support::trust;

/// A TLS server that requests client certificates and serves the API.
struct Server {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
}

impl Server {
    async fn start(api: Router, clients: &[&MtlsClient]) -> Self {
        let (certificate, key) = self_signed(&LOOPBACK, "200101000000Z", FOR_LONG);
        let certificate = CertificateDer::from(certificate);
        let mut roots = RootCertStore::empty();
        for client in clients {
            roots.add(certificate_of(client)).unwrap();
        }
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
        // A client without a certificate can connect, and uses bearer tokens.
        let verifier = verifier.allow_unauthenticated().build().unwrap();
        let config = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![certificate.clone()],
                PrivatePkcs8KeyDer::from(key).into(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, peer, api.clone()));
            }
        });
        Self {
            address,
            certificate,
        }
    }

    /// Returns the status of `GET /invoices` on a new connection.
    async fn status(
        &self,
        connector: &TlsConnector,
        token: &str,
        headers: &str,
    ) -> std::io::Result<u16> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = connector.connect(name, stream).await?;
        let head = format!(
            "GET /invoices HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {token}\r\n{headers}connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut response = Vec::new();
        // hyper closes the connection without `close_notify` if the client does.
        let _ = stream.read_to_end(&mut response).await;
        let response = String::from_utf8_lossy(&response);
        let status = response.get(9..12).and_then(|status| status.parse().ok());
        status.ok_or_else(|| std::io::Error::other("no response"))
    }

    fn connector(
        &self,
        client: Option<&MtlsClient>,
        version: &'static SupportedProtocolVersion,
    ) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_protocol_versions(&[version]);
        let config = config.with_root_certificates(roots);
        let config = match client {
            None => config.with_no_client_auth(),
            Some(client) => {
                let key = PrivatePkcs8KeyDer::from(client.key_der().to_vec());
                let config = config.with_client_auth_cert(vec![certificate_of(client)], key.into());
                config.unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }
}

fn certificate_of(client: &MtlsClient) -> CertificateDer<'static> {
    CertificateDer::from(client.certificate_der().to_vec())
}

/// What a server does to pass the certificate: once for each connection, and for each request.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, peer: SocketAddr, api: Router) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let (_, connection) = stream.get_ref();
    let certificate = connection
        .peer_certificates()
        .and_then(|chain| chain.first())
        .map(ClientCertificate::from_der);
    let service = tower::util::MapRequest::new(api, move |mut request: http::Request<_>| {
        let extensions = request.extensions_mut();
        extensions.insert(PeerAddress::new(peer));
        if let Some(certificate) = &certificate {
            extensions.insert(certificate.clone());
        }
        request
    });
    let service = TowerToHyperService::new(service);
    let _ = Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Rules 119, 120, 252, 334.
///
/// With TLS 1.2 and 1.3. The second connection of a client resumes the session, and rustls returns
/// the certificate of the session.
#[tokio::test]
async fn certificate_of_the_handshake_is_that_of_the_token() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let trusted = trust(&issuer).proof_of_possession(ProofOfPossession::mtls());
    let verifier = trusted.build().unwrap();
    let api = Router::new()
        .route("/invoices", get(|| async { "invoices" }))
        .layer(verifier.layer());
    let (client, other) = (MtlsClient::new().unwrap(), MtlsClient::new().unwrap());
    let server = Server::start(api, &[&client, &other]).await;
    let token = issuer.org("org_a").bound_to_certificate(&client).token();
    let unbound = issuer.org("org_a").token();
    let header = format!("client-cert: {}\r\n", client.header());
    for version in [&TLS12, &TLS13] {
        let connector = |client| server.connector(client, version);
        let own = connector(Some(&client));
        for attempt in ["full handshake", "resumed session"] {
            let status = server.status(&own, &token, "").await.unwrap();
            assert_eq!(status, 200, "{version:?} {attempt}");
        }
        let other = connector(Some(&other));
        assert_eq!(server.status(&other, &token, "").await.unwrap(), 401);
        assert_eq!(server.status(&other, &token, &header).await.unwrap(), 401);
        let without = connector(None);
        assert_eq!(server.status(&without, &token, "").await.unwrap(), 401);
        assert_eq!(server.status(&without, &token, &header).await.unwrap(), 401);
        assert_eq!(server.status(&without, &unbound, "").await.unwrap(), 200);
    }
}
