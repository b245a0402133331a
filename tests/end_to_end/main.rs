//! End to end against software that is not ours: npm's `oidc-provider` as the authorization server, `openid-client` and
//! `curl` as clients, `jose` as a second opinion. Everything is on loopback.
//!
//! The packages are installed once, below `target/`, by `npm ci` from the lock file in `tests/oidc-provider`. Where node,
//! npm or curl is missing the tests say so and pass; with `CI=true` they fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod api;
mod clients;
mod differential;
mod examples;
mod http;
mod node;
mod oidc_provider;
mod provider;

/// The examples' own tests start them as programs too.
#[path = "../examples/program.rs"]
#[allow(dead_code, reason = "not all of it is of use here")]
mod program;
