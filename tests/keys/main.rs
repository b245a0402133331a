//! Keys: freshness, budgets and outages.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod answers;
#[cfg(all(feature = "tls-rustls", feature = "tracing"))]
mod causes;
#[cfg(feature = "tls-rustls")]
#[path = "../support/certificate.rs"]
mod certificate;
mod discovery;
#[cfg(feature = "tracing")]
mod events;
mod eviction;
mod harness;
mod hurry;
mod issuers;
mod key_sets;
mod lifecycle;
mod load;
#[cfg(feature = "tracing")]
#[path = "../support/other_thread.rs"]
mod other_thread;
mod outages;
#[path = "../support/paused_runtime.rs"]
mod paused_runtime;
#[cfg(feature = "tracing")]
#[path = "../support/recorder.rs"]
mod recorder;
mod resolver;
mod rotation;
mod runtimes;
mod simulation;
mod slow_resolver;
#[cfg(feature = "reqwest")]
mod sockets;
#[cfg(feature = "tracing")]
#[path = "../support/subscriber.rs"]
mod subscriber;
#[cfg(feature = "tls-rustls")]
mod tls;
mod unusable;
mod without_kid;
#[cfg(feature = "tracing")]
mod without_locks;
