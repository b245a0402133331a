//! A runtime for tests that use several of them.

use tokio::runtime::{Builder, Runtime};

/// Returns a runtime of one thread with timers, whose clock is paused.
pub(crate) fn paused_runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}
