//! One HTTP request over a connection of its own. Paths and headers are sent unchanged, and a
//! redirect is not followed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, pki_types::ServerName};
use tower_m2m::testing::assertions::TestResponse;

/// The largest response that is read.
const MAX_BODY: usize = 1024 * 1024;

/// The place that a URL names.
#[derive(Clone, Debug)]
pub(crate) struct TargetUrl {
    authority: Authority,
    is_secure: bool,
    /// The path and the query, unchanged.
    path: String,
}

impl TargetUrl {
    /// Parses `http://host:port/path` or `https://host/path`.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or("expected a URL such as http://127.0.0.1:3000/path")?;
        let is_secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err("expected the scheme http or https".to_owned()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err("a URL with credentials is not supported".to_owned());
        }
        let authority: Authority = authority
            .parse()
            .map_err(|_| "the host is not valid".to_owned())?;
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Ok(Self {
            authority,
            is_secure,
            path,
        })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Returns `true` if the host is `localhost` or an address of loopback.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host();
        host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    fn port(&self) -> u16 {
        let default = if self.is_secure { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }
}

/// Sends a request to a target. The URI of the request is a path.
pub(crate) async fn send(
    target: &TargetUrl,
    mut request: Request<Bytes>,
    limit: Duration,
) -> Result<TestResponse, SendError> {
    let host = target.authority.as_str().parse();
    let host = host.map_err(|_| SendError::Broken("the host is not valid".to_owned()))?;
    request.headers_mut().insert(header::HOST, host);
    let exchange = async {
        let stream = TcpStream::connect((target.host(), target.port()))
            .await
            .map_err(SendError::connect)?;
        let _ = stream.set_nodelay(true);
        if !target.is_secure {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(target.host().to_owned()).map_err(SendError::broken)?;
        let stream = tls()?.connect(name, stream).await;
        exchange(stream.map_err(SendError::connect)?, request).await
    };
    tokio::time::timeout(limit, exchange)
        .await
        .unwrap_or(Err(SendError::TimedOut))
}

/// Trusts the certificates of the system.
fn tls() -> Result<TlsConnector, SendError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(rustls_platform_verifier::BuilderVerifierExt::with_platform_verifier)
        .map_err(SendError::broken)?;
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn exchange<S>(stream: S, request: Request<Bytes>) -> Result<TestResponse, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(SendError::broken)?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request.map(Full::new)).await;
    let response = response.map_err(SendError::broken)?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    connection.abort();
    let body = match body {
        Ok(body) => body.to_bytes(),
        // A server that stops reading an over-long request closes the connection, and the rest of
        // its response can be lost.
        Err(_) if matches!(parts.status.as_u16(), 413 | 431) => Bytes::new(),
        Err(error) => return Err(SendError::Broken(error.to_string())),
    };
    Ok(TestResponse::from(Response::from_parts(parts, body)))
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum SendError {
    Connect(String),
    Broken(String),
    TimedOut,
}

impl SendError {
    fn connect(error: impl fmt::Display) -> Self {
        Self::Connect(error.to_string())
    }

    fn broken(error: impl fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
            Self::TimedOut => f.write_str("no response within the time limit"),
        }
    }
}
