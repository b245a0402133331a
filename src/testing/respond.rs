//! Responses, and the faults that change them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use serde_json::Value;
use tokio::sync::mpsc;

use super::credentials::KindeError;
use super::faults::Fault;
use super::gzip;

/// A whole body, or one that is sent in pieces.
pub(super) type FaultBody = Either<Full<Bytes>, SlowBody>;

const PORTAL: &str = "<!DOCTYPE html><html><title>Sign in</title><body><h1>Please sign in to continue</h1></body></html>";
const GARBAGE: &[u8] = b"\x1f\x00{\"keys\":\xff\xfe\xc3\x28]]]\x00\x80";

/// Sends a response unchanged.
pub(super) fn plain(response: Response<Bytes>) -> Response<FaultBody> {
    response.map(|body| Either::Left(Full::new(body)))
}

/// Returns a response without a body.
pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// Returns a JSON response.
pub(super) fn json(status: StatusCode, value: &Value) -> Response<Bytes> {
    json_text(status, value.to_string())
}

/// Returns an error of Kinde's Management API.
pub(super) fn kinde_error(error: &KindeError) -> Response<Bytes> {
    json(error.status, &error.body())
}

/// Returns a response with the media type of JSON.
pub(super) fn json_text(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = empty(status);
    *response.body_mut() = text.into();
    typed(response, "application/json")
}

/// Returns the response for an unsupported method (RFC 9110 §15.5.6).
pub(super) fn not_allowed(allow: &'static str) -> Response<Bytes> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// Forbids caching (RFC 6749 §5.1).
pub(super) fn uncached(mut response: Response<Bytes>) -> Response<Bytes> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Applies a fault to the regular response. An error closes the connection.
pub(super) async fn apply_fault(
    fault: Fault,
    usual: Response<Bytes>,
) -> io::Result<Response<FaultBody>> {
    Ok(match fault {
        Fault::Status { status, headers } => {
            let mut response = empty(status);
            *response.headers_mut() = headers;
            plain(response)
        }
        Fault::Json { status, body } => plain(json_text(status, body)),
        Fault::Slow(pause) => {
            tokio::time::sleep(pause).await;
            plain(usual)
        }
        Fault::Drip { bytes, every } => {
            usual.map(|body| Either::Right(SlowBody::drip(&body, bytes.max(1), every)))
        }
        Fault::Hang => std::future::pending().await,
        Fault::Stall => half(usual, SlowBody::then_silent),
        Fault::Reset => return Err(connection_reset()),
        Fault::Truncated => half(usual, SlowBody::then_cut),
        Fault::Garbage => plain(usual.map(|_| Bytes::from_static(GARBAGE))),
        Fault::Html => plain(typed(
            usual.map(|_| Bytes::from_static(PORTAL.as_bytes())),
            "text/html; charset=utf-8",
        )),
        Fault::Oversized(bytes) => plain(usual.map(|body| pad(&body, bytes))),
        Fault::Endless => usual.map(|body| Either::Right(SlowBody::endless(body))),
        Fault::GzipBomb(bytes) => {
            let mut response = usual.map(|body| gzip::bomb(&body, bytes).into());
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            plain(response)
        }
        Fault::EmptySet => plain(usual.map(|_| Bytes::from_static(b"{\"keys\":[]}"))),
        Fault::Redirect(to) => {
            let mut response = empty(StatusCode::FOUND);
            let to = HeaderValue::try_from(to).unwrap_or_else(|_| HeaderValue::from_static("/"));
            response.headers_mut().insert(header::LOCATION, to);
            plain(response)
        }
        Fault::WrongContentType => plain(typed(usual, "text/plain")),
    })
}

/// Returns the error of a connection that a fault closes.
fn connection_reset() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionReset,
        "a fault closed the connection",
    )
}

fn typed(mut response: Response<Bytes>, content_type: &'static str) -> Response<Bytes> {
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn pad(body: &[u8], bytes: usize) -> Bytes {
    let mut padded = body.to_vec();
    padded.resize(bytes.max(body.len()), b' ');
    padded.into()
}

/// Announces the whole body and sends half of it.
fn half(usual: Response<Bytes>, then: impl FnOnce(Bytes) -> SlowBody) -> Response<FaultBody> {
    let whole = usual.body().len();
    let mut response = usual.map(|body| Either::Right(then(body.slice(..body.len() / 2))));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, whole.into());
    response
}

/// A body that a task sends. The task ends if the client is gone.
pub(super) struct SlowBody {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
}

impl SlowBody {
    fn drip(body: &Bytes, bytes: usize, every: Duration) -> Self {
        let pieces: Vec<Bytes> = body.chunks(bytes).map(Bytes::copy_from_slice).collect();
        Self::fed(async move |sink| {
            for piece in pieces {
                tokio::time::sleep(every).await;
                sink.send(Ok(piece)).await.ok()?;
            }
            Some(())
        })
    }

    fn then_silent(first: Bytes) -> Self {
        Self::fed(async move |sink| {
            sink.send(Ok(first)).await.ok()?;
            sink.closed().await;
            Some(())
        })
    }

    fn then_cut(first: Bytes) -> Self {
        Self::fed(async move |sink| {
            sink.send(Ok(first)).await.ok()?;
            // Without this pause, the connection could close before the first half is sent.
            tokio::time::sleep(Duration::from_millis(20)).await;
            sink.send(Err(connection_reset())).await.ok()
        })
    }

    fn endless(first: Bytes) -> Self {
        Self::fed(async move |sink| {
            sink.send(Ok(first)).await.ok()?;
            loop {
                sink.send(Ok(Bytes::from_static(&[b' '; 8192])))
                    .await
                    .ok()?;
            }
        })
    }

    fn fed<F>(feed: impl FnOnce(mpsc::Sender<io::Result<Bytes>>) -> F) -> Self
    where
        F: Future<Output = Option<()>> + Send + 'static,
    {
        let (sink, pieces) = mpsc::channel(1);
        tokio::spawn(feed(sink));
        Self { pieces }
    }
}

impl Body for SlowBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.pieces
            .poll_recv(cx)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
