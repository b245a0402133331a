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
mod replays;
mod support;
