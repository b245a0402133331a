//! Runs the examples as programs on loopback, against a local issuer in the process of the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod program;
mod resource_server;
mod settings;
mod small_programs;
