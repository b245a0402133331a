//! A client in a few lines: one connection for each request.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_m2m::BoxError;

/// Sends a request, and returns the connection.
pub async fn send(port: u16, method: &str, path: &str, token: &str) -> Result<TcpStream, BoxError> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await?;
    Ok(connection)
}

/// Returns the status of a response.
pub async fn status(port: u16, method: &str, path: &str, token: &str) -> Result<u16, BoxError> {
    let mut connection = send(port, method, path, token).await?;
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await?;
    let response = String::from_utf8_lossy(&response);
    let status = response.split(' ').nth(1).ok_or("no status")?;
    Ok(status.parse()?)
}

/// Reads a stream until it ends. Returns `true` if it ended with an error: a complete response ends
/// with an empty chunk.
pub async fn ends_with_error(mut connection: TcpStream) -> bool {
    let mut response = Vec::new();
    let _ = connection.read_to_end(&mut response).await;
    response.starts_with(b"HTTP/1.1 200") && !response.ends_with(b"0\r\n\r\n")
}
