//! Goal R3: the memory of 10,000 streams that may end, and the time until one denial ends them.
//!
//! `cargo test --all-features --test streams_memory -- --nocapture` prints the numbers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

#[path = "support/memory.rs"]
mod memory;
#[allow(dead_code, reason = "the other test program uses the rest")]
#[path = "streams/support.rs"]
mod support;

use std::future::{Future as _, poll_fn};
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use memory::resident;
use support::{Fixture, OpenStream, open};

const STREAMS: usize = 10_000;

/// Opens streams that wait for data, and returns them with the memory that they use.
async fn open_all(fixture: &Fixture, ends: bool) -> (Vec<OpenStream>, u64) {
    let token = fixture.token();
    let layer = fixture.verifier.layer();
    let layer = if ends { layer.end_streams() } else { layer };
    // The token is cached, as it is for all but the first stream.
    drop(open(layer.clone(), &token, Response::new(())).await);
    let mut streams = Vec::with_capacity(STREAMS);
    let before = resident().unwrap_or(0);
    for _ in 0..STREAMS {
        let mut stream = open(layer.clone(), &token, Response::new(())).await;
        let is_waiting = poll_fn(|cx| {
            let polled = std::pin::pin!(stream.body.frame()).poll(cx);
            std::task::Poll::Ready(polled.is_pending())
        });
        assert!(is_waiting.await);
        streams.push(stream);
    }
    let used = resident().unwrap_or(0).saturating_sub(before);
    (streams, used)
}

/// Rule 204.
///
/// Goal R3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_streams_are_small_and_end_within_a_second() {
    let fixture = Fixture::new();
    // They stay open, so that the others do not use their memory again.
    let (_plain, without) = open_all(&fixture, false).await;
    let (streams, with) = open_all(&fixture, true).await;
    let used = with.saturating_sub(without);
    println!(
        "{STREAMS} streams: {} KiB, {} bytes each",
        used / 1024,
        used / 10_000
    );
    assert!(used < 8 * 1024 * 1024, "{used} bytes");
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            tokio::spawn(async move {
                let end = stream.body.frame().await.unwrap();
                assert!(end.is_err());
                drop(stream);
                Instant::now()
            })
        })
        .collect();
    // Each task has to wait for its stream before the denial.
    tokio::time::sleep(Duration::from_millis(500)).await;
    fixture.deny("org_a");
    let denied = Instant::now();
    let mut last = denied;
    for task in tasks {
        last = last.max(task.await.unwrap());
    }
    let elapsed = last - denied;
    println!("the last stream ended {elapsed:?} after the denial");
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}
