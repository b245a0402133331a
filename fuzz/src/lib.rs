//! Contains the checks of the fuzz targets, one module per target. Each `check` takes bytes and
//! panics if a property does not hold. The targets in `fuzz_targets/` only call these functions, so
//! `cargo test` replays a finding on a stable toolchain without a fuzzer.
#![forbid(unsafe_code)]

pub mod authorization;
pub mod challenge;
pub mod claims;
pub mod client_cert;
pub mod discovery;
pub mod dpop_proof;
pub mod identifiers;
pub mod introspection_response;
pub mod key_set;
pub mod kinde_key_response;
pub mod route;
pub mod security_event;
pub mod token;
pub mod verify;

mod support;
