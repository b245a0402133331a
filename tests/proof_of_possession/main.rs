//! Bound tokens: DPoP proofs, the replay store, nonces, and the responses to them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod layers;
mod nonces;
mod proofs;
#[path = "../support/recorder.rs"]
mod recorder;
mod replays;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
