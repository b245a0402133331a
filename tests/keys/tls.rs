//! Rule 58 over sockets: an issuer needs a certificate for its name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tower_m2m::jwks::JwksError;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, SigningAlgorithm};
use tower_m2m::{Algorithm, Issuer, Profile, StartError, Verifier};

use super::certificate::{FOR_LONG, LOOPBACK, self_signed};
use super::harness::verdict;

/// An issuer with TLS and a self-signed certificate.
pub(crate) struct Server {
    pub(crate) issuer: Arc<LocalIssuer>,
    pub(crate) certificate: String,
    served: Arc<AtomicU64>,
}

impl Server {
    /// `name` is the subject's alternative name (RFC 5280 §4.2.1.6).
    pub(crate) async fn start(name: &[u8], not_after: &str) -> Self {
        Self::start_slow(name, not_after, Duration::ZERO).await
    }

    pub(crate) async fn start_from(not_before: &str, name: &[u8], not_after: &str) -> Self {
        Self::start_with(self_signed(name, not_before, not_after), Duration::ZERO).await
    }

    /// Waits before each handshake.
    async fn start_slow(name: &[u8], not_after: &str, pause: Duration) -> Self {
        Self::start_with(self_signed(name, "200101000000Z", not_after), pause).await
    }

    async fn start_with((certificate, key): (Vec<u8>, Vec<u8>), pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
            panic!("an IPv4 address")
        };
        let issuer = LocalIssuer::builder().algorithm(SigningAlgorithm::EdDsa);
        let issuer = Arc::new(issuer.in_process(&format!("https://{address}")).unwrap());
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(&certificate)
        );
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(
            vec![CertificateDer::from(certificate)],
            PrivatePkcs8KeyDer::from(key).into(),
        );
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let served = Arc::new(AtomicU64::new(0));
        let (source, count) = (Arc::clone(&issuer), Arc::clone(&served));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, source, count) =
                    (acceptor.clone(), Arc::clone(&source), Arc::clone(&count));
                tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    serve(acceptor, stream, source, count).await;
                });
            }
        });
        Self {
            issuer,
            certificate: pem,
            served,
        }
    }

    fn trusted(&self) -> Issuer {
        let issuer = Verifier::issuer(self.issuer.url())
            .audience(AUDIENCE)
            .profile(Profile::KINDE);
        issuer
            .algorithms([Algorithm::EdDSA])
            .fetch_timeout(super::harness::secs(30))
            .without_proxy()
    }

    async fn assert_rejected(&self, issuer: Issuer, expected: JwksError) {
        let error = Verifier::builder([issuer]).build_ready().await.unwrap_err();
        assert_eq!(cause_of(&error), expected, "{error:?}");
        assert_eq!(
            self.served.load(Ordering::SeqCst),
            0,
            "an unknown issuer received a request"
        );
    }
}

/// Returns the cause of a fetch that failed.
pub(crate) fn cause_of(error: &StartError) -> JwksError {
    match error {
        StartError::KeyFetch { error, .. } => error.cause().clone(),
        other => panic!("{other}"),
    }
}

/// Handles one request per connection.
async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    issuer: Arc<LocalIssuer>,
    served: Arc<AtomicU64>,
) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    served.fetch_add(1, Ordering::SeqCst);
    let url = issuer.url();
    let metadata = format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/jwks"}}"#);
    let body = if head.starts_with(b"GET /jwks ") {
        issuer.jwks()
    } else {
        metadata
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Rule 58.
#[tokio::test]
async fn certificate_of_a_configured_authority_is_trusted() {
    let server = Server::start(&LOOPBACK, FOR_LONG).await;
    let trusted = server
        .trusted()
        .ca_certificate_pem(server.certificate.clone());
    let verifier = Verifier::builder([trusted]).build_ready().await.unwrap();
    assert_eq!(
        verdict(&verifier, &server.issuer.org("org_a").token()).await,
        "accepted"
    );
    assert_eq!(server.served.load(Ordering::SeqCst), 2, "metadata and keys");
}

/// Rule 58.
#[tokio::test]
async fn certificate_of_an_unknown_authority_is_rejected() {
    let server = Server::start(&LOOPBACK, FOR_LONG).await;
    server
        .assert_rejected(server.trusted(), JwksError::UnknownAuthority)
        .await;
    // Another authority does not make it valid.
    let other = Server::start(&LOOPBACK, FOR_LONG).await;
    server
        .assert_rejected(
            server.trusted().ca_certificate_pem(other.certificate),
            JwksError::UnknownAuthority,
        )
        .await;
}

/// Rule 58.
#[tokio::test]
async fn certificate_with_wrong_name_or_date_is_rejected() {
    let other_name = [&[0x82, 13][..], b"other.example"].concat();
    for (name, not_after, expected) in [
        (
            &[0x87, 4, 127, 0, 0, 2][..],
            FOR_LONG,
            JwksError::CertificateNameMismatch,
        ),
        (&other_name, FOR_LONG, JwksError::CertificateNameMismatch),
        (&LOOPBACK, "210101000000Z", JwksError::CertificateExpired),
    ] {
        let server = Server::start(name, not_after).await;
        server
            .assert_rejected(
                server
                    .trusted()
                    .ca_certificate_pem(server.certificate.clone()),
                expected,
            )
            .await;
    }
}

/// A handshake takes longer than a second at some issuers, so only `fetch_timeout` limits it by
/// default.
#[tokio::test]
async fn slow_handshake_is_limited_by_the_fetch_timeout() {
    let pause = Duration::from_millis(1300);
    let server = Server::start_slow(&LOOPBACK, FOR_LONG, pause).await;
    let trusted = || {
        server
            .trusted()
            .ca_certificate_pem(server.certificate.clone())
            .jwks_url(format!("{}/jwks", server.issuer.url()))
    };
    let limited = Verifier::builder([trusted().connect_timeout(Duration::from_millis(100))]);
    let (ready, limited) = tokio::join!(
        Verifier::builder([trusted()]).build_ready(),
        limited.build_ready()
    );
    let token = server.issuer.org("org_a").token();
    assert_eq!(verdict(&ready.unwrap(), &token).await, "accepted");
    assert_eq!(cause_of(&limited.unwrap_err()), JwksError::TimedOut);
    assert_eq!(server.served.load(Ordering::SeqCst), 1);
}

/// Rule 58.
#[test]
fn build_rejects_an_invalid_certificate() {
    let trusted = Verifier::issuer("https://issuer.example").audience(AUDIENCE);
    let error = trusted
        .ca_certificate_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .build()
        .unwrap_err();
    assert_eq!(error.setting(), "http client");
}
