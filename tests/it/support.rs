//! Provides one issuer for all tests (its key takes a while to create), an API on a socket, and raw
//! requests.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::Router;
use http::{HeaderName, HeaderValue, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_m2m::testing::assertions::TestResponse;
use tower_m2m::testing::{AUDIENCE, LocalIssuer, TokenBuilder};
use tower_m2m::{Clock, Issuer, Scope, Verifier};

/// The initial time of all clocks.
pub(crate) const NOW: i64 = 1_750_000_000;

pub(crate) const READ: Scope = Scope::from_static("read:invoices");
pub(crate) const WRITE: Scope = Scope::from_static("write:invoices");
pub(crate) const ADMIN: Scope = Scope::from_static("admin");

/// Returns the issuer of the tenant `acme`.
pub(crate) fn issuer() -> &'static LocalIssuer {
    static ISSUER: OnceLock<LocalIssuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        LocalIssuer::builder()
            .clock(Clock::manual(NOW))
            .in_process("https://acme.kinde.com")
            .expect("an issuer")
    })
}

/// Creates a token of `org_a` with the scope for reading.
pub(crate) fn good() -> TokenBuilder {
    issuer().org("org_a").scopes(["read:invoices"])
}

/// Creates a global token with the scope for reading.
pub(crate) fn global() -> TokenBuilder {
    issuer().global().scopes(["read:invoices"])
}

/// Creates the configuration that trusts [`issuer`] for the usual audience.
pub(crate) fn trust() -> Issuer {
    Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer().jwks())
}

/// Creates a verifier with a clock at [`NOW`].
pub(crate) fn build(issuer: Issuer) -> Verifier {
    build_at(issuer, NOW)
}

pub(crate) fn build_at(issuer: Issuer, now: i64) -> Verifier {
    Verifier::builder([issuer])
        .clock(Clock::manual(now))
        .build()
        .expect("a verifier")
}

pub(crate) fn verifier() -> Verifier {
    build(trust())
}

/// An API on its own socket.
#[derive(Clone, Copy)]
pub(crate) struct Api(pub(crate) SocketAddr);

impl Api {
    pub(crate) async fn serve(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self(address)
    }

    /// Sends a GET request with a token.
    pub(crate) async fn get(self, path: &str, token: &TokenBuilder) -> TestResponse {
        self.send("GET", path, &[("authorization", &token.bearer())])
            .await
    }

    /// Sends a GET request without a token.
    pub(crate) async fn get_bare(self, path: &str) -> TestResponse {
        self.send("GET", path, &[]).await
    }

    /// Sends one request on its own connection, without a client library that could change it.
    pub(crate) async fn send(
        self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> TestResponse {
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            request.push_str("host: api.example.com\r\n");
        }
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        parse(&bytes).into()
    }
}

fn parse(bytes: &[u8]) -> Response<Vec<u8>> {
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a whole head");
    let head = std::str::from_utf8(&bytes[..end]).expect("a head in ASCII");
    let mut lines = head.split("\r\n");
    let status: u16 = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap()
        .parse()
        .unwrap();
    let mut response = Response::new(bytes[end + 4..].to_vec());
    *response.status_mut() = status.try_into().unwrap();
    for line in lines {
        let (name, value) = line
            .split_once(": ")
            .unwrap_or((line.trim_end_matches(':'), ""));
        response.headers_mut().append(
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    response
}

pub(crate) fn text(answer: &TestResponse) -> &str {
    std::str::from_utf8(answer.body()).unwrap()
}

/// Checks that the request succeeded and the handler returned this string.
#[track_caller]
pub(crate) fn assert_says(answer: &TestResponse, said: &str) {
    answer.assert_status(200);
    assert_eq!(text(answer), said);
}
