//! Requests that are written and parsed by hand.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::testing::LocalIssuer;

/// A response as it was received.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends one request on its own connection. No client library can change or hide the bytes.
pub(super) async fn send(issuer: &LocalIssuer, head: &str, body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(issuer.address().unwrap()).await?;
    let length = body.len();
    let request =
        format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer {
        status,
        head,
        body: bytes[end + 4..].to_vec(),
    })
}

pub(super) async fn get(issuer: &LocalIssuer, path: &str) -> io::Result<Answer> {
    send(issuer, &format!("GET {path} HTTP/1.1"), "").await
}

pub(super) async fn token(issuer: &LocalIssuer, form: &str) -> Answer {
    token_with(issuer, "X-None: 0", form).await
}

pub(super) async fn token_with(issuer: &LocalIssuer, header: &str, form: &str) -> Answer {
    let head = format!(
        "POST /oauth2/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n{header}"
    );
    send(issuer, &head, form).await.unwrap()
}

/// Returns the claims of a token, unverified.
pub(super) fn claims(token: &str) -> Value {
    part(token, 1)
}

pub(super) fn part(token: &str, index: usize) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(index).unwrap();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// Returns `true` if the future stays pending for 150 ms.
pub(super) async fn is_silent(future: impl Future) -> bool {
    tokio::time::timeout(Duration::from_millis(150), future)
        .await
        .is_err()
}
