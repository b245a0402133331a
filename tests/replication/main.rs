//! The replicated denylist: several replicas, one store, and its faults.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod changes;
mod contract;
mod emptied;
mod lifecycle;
#[path = "../support/other_thread.rs"]
mod other_thread;
#[path = "../support/paused_runtime.rs"]
mod paused_runtime;
#[path = "../support/recorder.rs"]
mod recorder;
mod removals;
mod reports;
mod retries;
mod scripted;
mod simulation;
mod simulation_emptied;
mod staleness;
mod streams;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
mod without_locks;
