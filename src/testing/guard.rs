//! Keeps the test utilities out of production binaries, as far as a library can.
//!
//! The feature can get into a service by mistake: somebody lists it in `[dependencies]`, or Cargo
//! unifies it into a normal build (a workspace member with the test utilities or the command-line
//! tool as a normal dependency, or resolver version 1). The service would then silently contain an
//! issuer of valid tokens. So a build with the test utilities stops here if it uses a release
//! profile or has no debug assertions, unless the environment variable permits it. Only the value
//! `1` permits it.

const _: () = assert!(
    (cfg!(debug_assertions) && !cfg!(tower_m2m_release_profile))
        || cfg!(doc)
        // Cargo sets this variable if this crate itself is built, with its own examples and tests.
        || option_env!("CARGO_PRIMARY_PACKAGE").is_some()
        || is_allowed(option_env!("TOWER_M2M_TEST_UTIL_IN_RELEASE")),
    "tower-m2m: the test utilities (feature `test-util`, or `cli`, which enables it) are part of a release build or of a build without debug assertions. \
     Is the feature in `[dependencies]` instead of `[dev-dependencies]`? For benchmarks and tests in release mode, set the \
     environment variable TOWER_M2M_TEST_UTIL_IN_RELEASE=1"
);

const fn is_allowed(value: Option<&str>) -> bool {
    match value {
        Some(value) => matches!(value.as_bytes(), b"1"),
        None => false,
    }
}
