//! Sends one HTTP request on its own connection.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tower_m2m::testing::assertions::TestResponse;

use super::node::PATIENCE;

/// Sends a request to a URL such as `http://127.0.0.1:4000/x`.
pub(crate) async fn send(request: Request<String>) -> TestResponse {
    let authority = request.uri().authority().unwrap().to_string();
    let stream = TcpStream::connect(&authority).await.unwrap();
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    parts.uri = parts
        .uri
        .path_and_query()
        .unwrap()
        .as_str()
        .parse()
        .unwrap();
    parts
        .headers
        .insert(header::HOST, authority.parse().unwrap());
    let request = Request::from_parts(parts, Full::new(Bytes::from(body)));
    let answer = async {
        TestResponse::read(sender.send_request(request).await.unwrap())
            .await
            .unwrap()
    };
    tokio::time::timeout(PATIENCE, answer)
        .await
        .expect("a response within a minute")
}

/// Calls an API with a token.
pub(crate) async fn get(url: &str, token: &str) -> TestResponse {
    send(
        Request::get(url)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(String::new())
            .unwrap(),
    )
    .await
}

/// Requests a token with client credentials (RFC 6749 §4.4). More parameters have the form of a
/// query.
pub(crate) async fn client_credentials(
    endpoint: &str,
    id: &str,
    secret: &str,
    parameters: &str,
) -> Value {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    let request = Request::post(endpoint)
        .header(header::AUTHORIZATION, format!("Basic {basic}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("grant_type=client_credentials&{parameters}"));
    let answer = send(request.unwrap()).await;
    assert_eq!(answer.status(), StatusCode::OK.as_u16(), "{answer:?}");
    answer.json().unwrap()
}

/// Repeats the call until it returns `true`, for at most ten seconds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within ten seconds");
}
