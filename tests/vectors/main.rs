//! Vectors that nobody here wrote, run through the doors that a verifier goes through itself: `CompactJws`, `JoseHeader`,
//! `KeySet::parse`, `KeySet::verify`. Whatever is decided differently is listed in [`differences`], case by case.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod differences;
mod ietf;
mod support;
mod wycheproof;
