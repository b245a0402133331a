//! Bodies: too large, without an end, slow, or broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use tower_m2m::{EventReceiver, Verifier};

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

/// A body whose first byte does not come has less time than one that has begun.
#[tokio::test(start_paused = true)]
async fn first_byte_has_a_deadline() {
    let receiver = Fixture::new().webhooks();
    let begun = tokio::time::Instant::now();
    assert_eq!(post(&receiver, stream::pending()).await.status, 408);
    assert_eq!(begun.elapsed().as_secs(), 2);
    // Frames without data are no byte.
    let empty = stream::iter([Ok(Frame::data(Bytes::new()))]).chain(stream::pending());
    let receiver = receiver.first_byte_timeout(Duration::from_secs(1));
    let begun = tokio::time::Instant::now();
    assert_eq!(post(&receiver, empty).await.status, 408);
    assert_eq!(begun.elapsed().as_secs(), 1);
    // The deadline of the whole body includes it.
    let receiver = receiver.body_timeout(Duration::from_millis(300));
    let begun = tokio::time::Instant::now();
    assert_eq!(post(&receiver, stream::pending()).await.status, 408);
    assert_eq!(begun.elapsed().as_millis(), 300);
}

/// Sends this many bodies that never end, each with a first byte or without.
async fn flood(
    receiver: &EventReceiver,
    requests: usize,
    first: Option<&'static [u8]>,
) -> Vec<tokio::task::JoinHandle<(u16, &'static str)>> {
    let flood = (0..requests).map(|_| {
        let receiver = receiver.clone();
        tokio::spawn(async move {
            let first = stream::iter(first.map(|bytes| Ok(Frame::data(Bytes::from_static(bytes)))));
            let response = post(&receiver, first.chain(stream::pending())).await;
            (response.status.as_u16(), response.code())
        })
    });
    let flood = flood.collect();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    flood
}

/// Genuine webhooks are accepted beside a flood of slow bodies. The bodies that are read at a time
/// are bounded: the oldest ends for a new one.
#[tokio::test(start_paused = true)]
async fn slow_bodies_keep_no_webhook_out() {
    for (requests, first) in [(256, None), (1000, None), (1000, Some(&b"eyJ"[..]))] {
        let fixture = Fixture::new();
        let receiver = fixture.webhooks();
        let flood = flood(&receiver, requests, first).await;
        let begun = tokio::time::Instant::now();
        for user in 0..10 {
            let id = serde_json::json!({ "id": format!("kp_{user}") });
            let event = fixture.user_event("user.deleted", id);
            assert_eq!(hook(&receiver, &event).await.status, 200, "{requests}");
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let mut ended = [0; 2];
        for request in flood {
            match request.await.unwrap() {
                (408, "body_timed_out") => ended[0] += 1,
                (503, "busy") => ended[1] += 1,
                other => panic!("{other:?}"),
            }
        }
        // Ten webhooks, one after the other, have one place at a time.
        assert_eq!(ended, [255, requests - 255]);
        assert_eq!(
            begun.elapsed().as_secs(),
            if first.is_some() { 10 } else { 2 }
        );
    }
}

/// A webhook in two parts, with some newer requests between them, is accepted.
#[tokio::test(start_paused = true)]
async fn webhook_in_parts_is_accepted_beside_slow_bodies() {
    let fixture = Fixture::new();
    let receiver = fixture.webhooks().max_concurrent_bodies(8);
    let slow = flood(&receiver, 8, None).await;
    let event = fixture.user_event("user.deleted", serde_json::json!({ "id": "kp_1" }));
    let token = event.token().into_bytes();
    let (first, second) = token.split_at(20);
    let (first, second) = (first.to_vec(), second.to_vec());
    let frames = stream::once(async { Ok(Frame::data(Bytes::from(first))) });
    let frames = frames.chain(stream::once(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(Frame::data(Bytes::from(second)))
    }));
    let parts = tokio::spawn({
        let receiver = receiver.clone();
        async move { post(&receiver, frames).await.status }
    });
    tokio::task::yield_now().await;
    let newer = flood(&receiver, 7, None).await;
    assert_eq!(parts.await.unwrap(), 200);
    for request in slow.into_iter().chain(newer) {
        request.await.unwrap();
    }
}

/// Events that wait for the keys of the issuer are bounded, apart from the bodies that are read.
#[tokio::test(start_paused = true)]
async fn events_in_progress_are_bounded() {
    let fixture = Fixture::new();
    let trusted = Verifier::kinde("acme")
        .audience(fixture.issuer.audience())
        .fetch_with(|_| std::future::pending());
    let verifier = Verifier::builder([trusted])
        .clock(fixture.clock.clone())
        .denylist(fixture.denylist.clone())
        .build()
        .unwrap();
    let receiver = EventReceiver::kinde_webhooks(&verifier, &fixture.denylist).unwrap();
    let receiver = receiver.max_concurrent_events(2);
    let event = |user: usize| {
        let event = fixture.user_event(
            "user.deleted",
            serde_json::json!({ "id": user.to_string() }),
        );
        let receiver = receiver.clone();
        async move { hook(&receiver, &event).await.code() }
    };
    let codes = tokio::join!(event(1), event(2), event(3));
    assert_eq!(codes, ("keys_unavailable", "keys_unavailable", "busy"));
}
