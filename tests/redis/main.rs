//! The Redis store, with real `redis-server` processes (feature `redis`).
#![cfg(feature = "redis")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

#[path = "../support/certificate.rs"]
mod certificate;
#[cfg(feature = "dpop")]
mod dead_connections;
mod failover;
mod faults;
mod floods;
mod lost_changes;
mod proxy;
#[path = "../support/redis_server.rs"]
mod redis_server;
#[cfg(feature = "dpop")]
mod replays;
mod settings;
mod support;
