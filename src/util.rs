//! The error type of functions that the application provides, and how their panics are caught.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// Any error of a fetch function.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a function of the application's gives; nothing when it panics, which must not end the task that calls it.
pub(crate) async fn catch_panic<F: Future>(future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    std::future::poll_fn(move |cx| {
        // After a panic the future is dropped and never polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}
