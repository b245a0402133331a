//! Streams that end with their token: response bodies and `Verifier::invalidated`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, in helpers too"
)]

mod body;
mod caller_checks;
mod causes;
mod invalidated;
mod issuers;
#[path = "../support/recorder.rs"]
mod recorder;
mod sockets;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
