//! The subscriber of one test's thread, for test programs that run several tests in one process.

use std::sync::OnceLock;

use tracing::dispatcher::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber, Subscriber, set_default};

/// A second dispatcher, which lives as long as the process.
static SECOND: OnceLock<Dispatch> = OnceLock::new();

/// Sets the subscriber of this thread until the guard is dropped.
///
/// `tracing` caches, per span and event, whether a subscriber is interested. While only one
/// dispatcher exists, it calls the dispatcher of the thread that reaches the span first. If that
/// thread is another test's, it has no subscriber, and the cached result is "never" for all
/// threads. If two dispatchers exist, `tracing` calls both, so the subscriber of this thread counts
/// wherever the span is reached first.
pub(crate) fn set_subscriber(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    SECOND.get_or_init(|| Dispatch::new(NoSubscriber::new()));
    set_default(subscriber)
}
