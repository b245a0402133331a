//! Streams over real sockets, as clients see them.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tower::Layer as _;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tower_m2m::{Claims, OrgCode};

use super::support::Fixture;

/// Sends a request and reads until the first event, then denies the organization and reads until
/// the connection ends. Returns everything that was read.
async fn read_until_the_end(fixture: &Fixture, address: std::net::SocketAddr) -> Vec<u8> {
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /orgs/org_a/events HTTP/1.1\r\nhost: api\r\naccept-encoding: gzip\r\nauthorization: {}\r\n\r\n",
        fixture.token().bearer()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        assert_ne!(client.read_buf(&mut bytes).await.unwrap(), 0);
    }
    assert!(bytes.starts_with(b"HTTP/1.1 200"));
    let idle = timeout(Duration::from_millis(100), async {
        while client.read_buf(&mut bytes).await.unwrap() > 0 {}
    });
    assert!(idle.await.is_err(), "the stream is open");
    fixture.deny("org_a");
    let begun = Instant::now();
    let rest = timeout(Duration::from_secs(10), client.read_to_end(&mut bytes));
    rest.await.expect("the connection ends").unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    bytes
}

async fn events(org: OrgCode) -> Sse<impl futures_util::Stream<Item = Result<Event, Infallible>>> {
    let first = stream::once(async move { Ok(Event::default().data(format!("for {org}"))) });
    Sse::new(first.chain(stream::pending()))
}

async fn serve(app: Router) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Rules 200, 201.
///
/// The client sees that the response is not complete.
#[tokio::test]
async fn server_sent_events_of_axum_end_with_an_incomplete_response() {
    let fixture = Fixture::new();
    let app = Router::new()
        .route("/orgs/{org_code}/events", get(events))
        .route_layer(fixture.verifier.layer().end_streams());
    let read = read_until_the_end(&fixture, serve(app).await).await;
    let text = String::from_utf8_lossy(&read);
    assert!(text.contains("data: for org_a"), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "the last chunk is missing");
}

/// Rules 200, 201.
///
/// Layers outside pass the error on.
#[tokio::test]
async fn compressed_stream_ends_with_an_incomplete_response() {
    let fixture = Fixture::new();
    let minute = Duration::from_secs(60);
    let handler = || async {
        let data = stream::once(async { Ok::<_, Infallible>(Bytes::from(vec![b'x'; 100_000])) });
        axum::body::Body::from_stream(data.chain(stream::pending()))
    };
    let app = Router::new()
        .route("/orgs/{org_code}/events", get(handler))
        .route_layer(fixture.verifier.layer().end_streams())
        .layer(TimeoutLayer::with_status_code(
            http::StatusCode::REQUEST_TIMEOUT,
            minute,
        ))
        .layer(CompressionLayer::new())
        .layer(TraceLayer::new_for_http());
    let read = read_until_the_end(&fixture, serve(app).await).await;
    let text = String::from_utf8_lossy(&read);
    assert!(text.contains("content-encoding: gzip"), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "the last chunk is missing");
}

/// Rules 200, 201.
///
/// Without axum: a download with a length that ends before it is complete.
#[tokio::test]
async fn download_of_hyper_ends_before_its_length() {
    let fixture = Fixture::new();
    let service = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        let data = stream::once(async {
            Ok::<_, Infallible>(hyper::body::Frame::data(Bytes::from_static(b"begin")))
        });
        let response = Response::builder().header("content-length", "1000000");
        let body = StreamBody::new(data.chain(stream::pending())).boxed_unsync();
        Ok::<_, Infallible>(response.body(body).unwrap())
    });
    let service = fixture.verifier.layer().end_streams().layer(service);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(service);
        let io = TokioIo::new(stream);
        let served = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
        assert!(served.await.is_err());
    });
    let read = read_until_the_end(&fixture, address).await;
    assert!(read.ends_with(b"begin"));
}

/// Rule 207.
///
/// The body of an upgraded connection is empty, so the handler waits for `invalidated`.
#[tokio::test]
async fn upgraded_connection_ends_with_invalidated() {
    let fixture = Fixture::new();
    let verifier = fixture.verifier.clone();
    let upgrade = async move |claims: Claims, mut request: axum::extract::Request| {
        let upgrade: OnUpgrade = request.extensions_mut().remove().unwrap();
        tokio::spawn(async move {
            let mut socket = TokioIo::new(upgrade.await.unwrap());
            let reason = verifier.invalidated(&claims).await;
            let close = reason.to_string();
            socket.write_all(close.as_bytes()).await.unwrap();
            socket.shutdown().await.unwrap();
        });
        (
            http::StatusCode::SWITCHING_PROTOCOLS,
            [("connection", "upgrade"), ("upgrade", "echo")],
        )
    };
    let app = Router::new()
        .route("/orgs/{org_code}/socket", get(upgrade))
        .route_layer(fixture.verifier.layer().end_streams());
    let mut client = TcpStream::connect(serve(app).await).await.unwrap();
    let request = format!(
        "GET /orgs/org_a/socket HTTP/1.1\r\nhost: api\r\nconnection: upgrade\r\nupgrade: echo\r\nauthorization: {}\r\n\r\n",
        fixture.token().bearer()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let idle = timeout(Duration::from_millis(200), client.read_to_end(&mut bytes));
    assert!(idle.await.is_err(), "the connection is open");
    assert!(bytes.starts_with(b"HTTP/1.1 101"));
    fixture.deny("org_a");
    let rest = timeout(Duration::from_secs(1), client.read_to_end(&mut bytes));
    rest.await.expect("the connection ends").unwrap();
    assert!(bytes.ends_with(b"the client or the organization is suspended"));
}

/// Rule 206.
///
/// Each request of an MCP session has its own token, also on the same connection.
#[tokio::test]
async fn session_of_an_mcp_client_is_no_authorization() {
    let fixture = Fixture::new();
    let app = Router::new()
        .route("/mcp", get(async || [("mcp-session-id", "session_a")]))
        .route_layer(fixture.verifier.layer().end_streams());
    let mut client = TcpStream::connect(serve(app).await).await.unwrap();
    let authorization = format!("authorization: {}\r\n", fixture.token().bearer());
    for (authorization, expected) in [(authorization.as_str(), "200"), ("", "401")] {
        let request = format!(
            "GET /mcp HTTP/1.1\r\nhost: api\r\nmcp-session-id: session_a\r\n{authorization}\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        while !response.windows(4).any(|window| window == b"\r\n\r\n") {
            assert_ne!(client.read_buf(&mut response).await.unwrap(), 0);
        }
        let status = format!("HTTP/1.1 {expected}");
        assert!(response.starts_with(status.as_bytes()), "{expected}");
    }
}
