//! How far the crate reaches: other issuers, configuration, metadata for clients, explanations.
#![cfg(feature = "test-util")]

mod config;
mod explain;
mod metadata;
#[cfg(feature = "metrics")]
mod metrics;
mod mistakes;
mod profiles;
