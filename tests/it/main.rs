//! Behavior through the public API: real sockets on loopback, a real issuer, and a clock that the
//! tests set.

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
mod layer_order;
mod outage;
mod responses;
mod stacks;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
mod tenant;
mod verifier;
