//! Real handshakes with client certificates (rustls).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tower_m2m::testing::{LocalIssuer, MtlsClient};
use tower_m2m::{ClientCertificate, PeerAddress, ProofOfPossession};

use crate::certificate::{FOR_LONG, LOOPBACK, self_signed};
use crate::support::trust;
use crate::tls_client::{TlsClient, certificate_of};

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
    let address = server.address;
    for version in [&TLS12, &TLS13] {
        let connector = |client| TlsClient::new(&server.certificate, client, version);
        let own = connector(Some(&client));
        for attempt in ["full handshake", "resumed session"] {
            let status = own.status(address, &token, "").await.unwrap();
            assert_eq!(status, 200, "{version:?} {attempt}");
        }
        let other = connector(Some(&other));
        assert_eq!(other.status(address, &token, "").await.unwrap(), 401);
        assert_eq!(other.status(address, &token, &header).await.unwrap(), 401);
        let without = connector(None);
        assert_eq!(without.status(address, &token, "").await.unwrap(), 401);
        assert_eq!(without.status(address, &token, &header).await.unwrap(), 401);
        assert_eq!(without.status(address, &unbound, "").await.unwrap(), 200);
    }
}
