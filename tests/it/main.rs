//! Behavior through the public door: real sockets on loopback, a real issuer, a clock that the tests move.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, in helpers too"
)]

mod attack;
mod config;
mod dependencies;
mod documentation;
mod extractors;
mod key_sources;
mod layer;
mod outage;
mod responses;
mod stacks;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
mod tenant;
mod verifier;
