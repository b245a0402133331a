//! Serves the key set over HTTP for the peers that fetch it.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::Failure;

/// Serves this key set on loopback until the runtime ends, and returns its URL.
///
/// # Errors
///
/// Returns an error if no port is available.
pub async fn serve_keys(jwks: String) -> Result<String, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/jwks", listener.local_addr()?);
    let app = Router::new().route(
        "/jwks",
        get(|| async move { ([(CONTENT_TYPE, "application/json")], jwks) }),
    );
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}
