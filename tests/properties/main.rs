//! Properties of every token: generated tokens against a second implementation, every flipped bit,
//! responses that reveal no data, and vulnerabilities of other libraries.
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
