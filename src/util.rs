//! Shared helpers: the error type of functions that the application provides, a guard against their
//! panics, locks, places of waiting requests, a signal of changes, the messages of errors, a hasher
//! for keyed hashes, and a check for timers.

mod backoff;
mod changes;
mod places;
#[cfg(any(feature = "dpop", feature = "introspection"))]
mod uniform_hasher;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;

pub(crate) use backoff::{Jitter, backoff};
pub(crate) use changes::{ChangeWatch, Changes};
pub(crate) use places::{Places, WaitingPlace};
#[cfg(any(feature = "dpop", feature = "introspection"))]
pub(crate) use uniform_hasher::UniformHashBuilder;

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

/// Locks a mutex without panicking. The values that this crate guards are complete at every step,
/// so a panic elsewhere leaves them usable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the messages of an error and of those below it.
pub(crate) fn messages_of(error: Option<&(dyn std::error::Error + 'static)>) -> Vec<String> {
    std::iter::successors(error, |&error| error.source())
        .take(8)
        .map(|error| shortened(&error.to_string(), 300))
        .collect()
}

/// Returns the messages of an error and of those below it in one line, without those that an
/// earlier one contains.
pub(crate) fn causes_of(error: Option<&(dyn std::error::Error + 'static)>) -> String {
    let mut causes: Vec<String> = Vec::new();
    for message in messages_of(error) {
        if !causes.iter().any(|cause| cause.contains(&message)) {
            causes.push(message);
        }
    }
    causes.join(": ")
}

/// Returns a string that another machine wrote, with control characters escaped and at most this
/// many characters.
pub(crate) fn shortened(value: &str, max_chars: usize) -> String {
    let escaped = value.chars().flat_map(|character| {
        let is_control = character.is_control();
        let escaped = is_control.then(|| character.escape_default());
        let plain = (!is_control).then_some(character);
        escaped.into_iter().flatten().chain(plain)
    });
    escaped.take(max_chars).collect()
}

/// Returns `true` if the current thread is in a Tokio runtime with timers. Without timers, each of
/// Tokio's timers panics.
pub(crate) fn has_timers() -> bool {
    // Tokio has no other way to find out. It prints the panic, which names the setting of the
    // runtime.
    Handle::try_current().is_ok()
        && catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok()
}
