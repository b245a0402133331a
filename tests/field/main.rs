//! What issuers of other products publish and put into tokens, and what this crate reads of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod encodings;
mod key_issuers;
mod support;
