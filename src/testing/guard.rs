//! Keeps the kit out of production binaries, as far as a library can.
//!
//! A feature that stands in `[dependencies]` by mistake, or that Cargo unifies into a normal build (a workspace member with
//! the kit as a normal dependency, or resolver version 1), would put an issuer of valid tokens into the service without a
//! word. So an optimised build with the kit stops here unless the environment says that it is meant.

const _: () = assert!(
    cfg!(debug_assertions)
        || cfg!(doc)
        // Cargo sets it where this crate itself is what is built, its own examples and tests.
        || option_env!("CARGO_PRIMARY_PACKAGE").is_some()
        || option_env!("TOWER_M2M_TEST_UTIL_IN_RELEASE").is_some(),
    "tower-m2m: the test kit (feature `test-util`) is part of a build without debug assertions. Is the feature in \
     `[dependencies]` instead of `[dev-dependencies]`? For benchmarks and tests in release mode, set the environment \
     variable TOWER_M2M_TEST_UTIL_IN_RELEASE=1"
);
