//! End-to-end tests with independent software: npm's `oidc-provider` as the authorization server,
//! `openid-client` and `curl` as clients, `jose` and `joserfc` (a Python package) as other
//! implementations. Everything is on loopback.
//!
//! `npm ci` installs the packages once, below `target/`, from the lock file in
//! `tests/oidc-provider`. If node, npm or curl is missing, the tests print that and pass. With
//! `CI=true` they fail instead.

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
#[cfg(feature = "dpop")]
mod dpop;
mod examples;
mod http;
mod node;
mod oidc_provider;
#[cfg(feature = "introspection")]
mod opaque;
mod provider;
#[cfg(feature = "security-events")]
mod sets;

/// The tests of the examples start them as programs too.
#[path = "../examples/program.rs"]
#[allow(dead_code, reason = "not all of it is of use here")]
mod program;
