//! The error type of functions that the application provides, how their panics are caught, and whether
//! timers work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;

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

/// Returns `true` if the current thread is in a tokio runtime with timers. Without timers, each of tokio's
/// timers panics.
pub(crate) fn has_timers() -> bool {
    // tokio has no other way to find out. It prints the panic, which names the setting of the runtime.
    Handle::try_current().is_ok()
        && catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok()
}
