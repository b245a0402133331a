//! Other issuers, configuration, metadata for clients, and explanations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod claim_conditions;
mod config;
mod dpop;
mod error_messages;
#[cfg(feature = "tracing")]
mod events;
mod explain;
mod file_formats;
mod metadata;
#[cfg(feature = "metrics")]
mod metrics;
mod mistaken_settings;
#[cfg(feature = "mtls")]
mod mtls;
mod opaque;
mod profiles;
#[cfg(feature = "tracing")]
#[path = "../support/recorder.rs"]
mod recorder;
mod setter_order;
#[cfg(feature = "tracing")]
mod spans;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
mod weak_settings;
