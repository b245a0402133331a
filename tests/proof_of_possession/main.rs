//! Bound tokens: DPoP proofs, client certificates, the replay store, nonces, and the responses to
//! them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

#[path = "../support/certificate.rs"]
mod certificate;
mod certificates;
mod extractors;
mod haproxy;
mod layers;
mod mcp;
mod nonces;
mod proofs;
#[path = "../support/recorder.rs"]
mod recorder;
mod replays;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
mod tls;
mod tls_client;
