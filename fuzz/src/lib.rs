//! What each fuzz target checks, one module per target: a function from bytes to nothing, that panics when a property does
//! not hold. The targets in `fuzz_targets/` only call them, so that a finding is replayed on a stable toolchain by
//! `cargo test` here, with no fuzzer around it.
#![forbid(unsafe_code)]

pub mod authorization;
pub mod challenge;
pub mod claims;
pub mod discovery;
pub mod identifiers;
pub mod key_set;
pub mod route;
pub mod token;
pub mod verify;

mod support;
