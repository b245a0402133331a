//! Bodies: too large, without an end, slow, or broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use tower_m2m::EventReceiver;

use super::support::{Fixture, Response, hook, send};

type FrameResult = Result<Frame<Bytes>, std::io::Error>;

async fn post(
    receiver: &EventReceiver,
    frames: impl futures_util::Stream<Item = FrameResult> + Send + 'static,
) -> Response {
    let request = Request::post("/hooks/kinde")
        .header("content-type", "application/jwt")
        .body(StreamBody::new(frames))
        .unwrap();
    send(receiver, request).await
}

/// Rule 229.
/// A body over 64 KiB is rejected without being read.
#[tokio::test]
async fn large_body_is_not_read() {
    let receiver = Fixture::new().webhooks();
    for (bytes, status) in [(64 * 1024, 400), (64 * 1024 + 1, 413)] {
        let request = Request::post("/hooks/kinde")
            .header("content-type", "application/jwt")
            .body(http_body_util::Full::new(Bytes::from(vec![b'a'; bytes])))
            .unwrap();
        assert_eq!(send(&receiver, request).await.status, status, "{bytes}");
    }
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let endless = stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(Frame::data(Bytes::from(vec![b'a'; 1024])))
    });
    assert_eq!(post(&receiver, endless).await.status, 413);
    assert_eq!(read.load(Ordering::Relaxed), 65);
}

/// A body of frames without data never ends and never waits.
#[tokio::test]
async fn endless_empty_frames_end() {
    let receiver = Fixture::new().webhooks();
    let empty = stream::repeat_with(|| Ok(Frame::data(Bytes::new())));
    assert_eq!(post(&receiver, empty).await.code(), "body_failed");
    let trailers = stream::repeat_with(|| Ok(Frame::trailers(http::HeaderMap::new())));
    assert_eq!(post(&receiver, trailers).await.code(), "body_failed");
}

/// A sender that stops sending.
#[tokio::test(start_paused = true)]
async fn slow_body_times_out() {
    let receiver = Fixture::new().webhooks();
    let begun = tokio::time::Instant::now();
    let slow = stream::once(async { Ok(Frame::data(Bytes::from_static(b"eyJ"))) });
    let response = post(&receiver, slow.chain(stream::pending())).await;
    assert_eq!(
        (response.status.as_u16(), begun.elapsed().as_secs()),
        (408, 10)
    );
    let quick = receiver.body_timeout(Duration::from_secs(2));
    let begun = tokio::time::Instant::now();
    assert_eq!(post(&quick, stream::pending()).await.status, 408);
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn broken_body_is_rejected() {
    let receiver = Fixture::new().webhooks();
    let broken = stream::iter([Err(std::io::Error::other("reset"))]);
    assert_eq!(post(&receiver, broken).await.code(), "body_failed");
}

/// Requests that are read at a time are bounded, and their places are free again.
#[tokio::test(start_paused = true)]
async fn requests_in_progress_are_bounded() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks();
    let waiting: Vec<_> = (0..256)
        .map(|_| {
            let receiver = receiver.clone();
            tokio::spawn(async move { post(&receiver, stream::pending()).await.status })
        })
        .collect();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let event = fixture.user_event("user.deleted", serde_json::json!({ "id": "kp_1" }));
    let response = hook(&receiver, &event).await;
    assert_eq!((response.status.as_u16(), response.code()), (503, "busy"));
    for request in waiting {
        assert_eq!(request.await.unwrap(), 408);
    }
    assert_eq!(hook(&receiver, &event).await.status, 200);
}
