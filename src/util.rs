//! What several modules need: the error type of functions that the application provides, a guard
//! against their panics, locks, and a check for timers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;

/// Any error of a function that the application provides.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Awaits a future of the application. Returns `None` if it panics, so that the calling task
/// continues.
pub(crate) async fn catch_panic<F: Future>(future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    std::future::poll_fn(move |cx| {
        // After a panic the future is dropped and never polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

/// Locks a mutex without panicking. The values that this crate guards are complete at every step, so
/// a panic elsewhere leaves them usable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns `true` if the current thread is in a Tokio runtime with timers. Without timers, each of
/// Tokio's timers panics.
pub(crate) fn has_timers() -> bool {
    // Tokio has no other way to find out. It prints the panic, which names the setting of the
    // runtime.
    Handle::try_current().is_ok()
        && catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok()
}
