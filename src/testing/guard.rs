//! Keeps the test utilities out of production binaries, as far as a library can.
//!
//! A feature that stands in `[dependencies]` by mistake, or that Cargo unifies into a normal build (a workspace member with
//! the test utilities as a normal dependency, or resolver version 1), would put an issuer of valid tokens into the service
//! silently. So a build of a release profile, or without debug assertions, stops here if it has the test utilities, unless
//! the environment says that this is intended. Only the value `1` says so.

const _: () = assert!(
    (cfg!(debug_assertions) && !cfg!(tower_m2m_release_profile))
        || cfg!(doc)
        // Cargo sets it where this crate itself is what is built, its own examples and tests.
        || option_env!("CARGO_PRIMARY_PACKAGE").is_some()
        || is_allowed(option_env!("TOWER_M2M_TEST_UTIL_IN_RELEASE")),
    "tower-m2m: the test utilities (feature `test-util`) are part of a release build or of a build without debug assertions. \
     Is the feature in `[dependencies]` instead of `[dev-dependencies]`? For benchmarks and tests in release mode, set the \
     environment variable TOWER_M2M_TEST_UTIL_IN_RELEASE=1"
);

const fn is_allowed(value: Option<&str>) -> bool {
    match value {
        Some(value) => matches!(value.as_bytes(), b"1"),
        None => false,
    }
}
