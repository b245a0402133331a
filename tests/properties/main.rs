//! What holds for every token, not for some: generated tokens against a second implementation, every bit turned over,
//! answers that tell nothing, and what went wrong in other libraries.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod bit_flips;
mod differential;
mod exact_comparison;
mod known_vulnerabilities;
mod no_echo;
mod rules;
mod support;
