//! Published vectors by other authors. They run through the functions that a verifier uses:
//! `CompactJws`, `JoseHeader`, `KeySet::parse`, `KeySet::verify`. [`differences`] lists every
//! deviating case.
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
