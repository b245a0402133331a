//! Reports two facts that code cannot see.
//!
//! * A release profile builds the crate. The guard of the test utilities (`src/testing/guard.rs`)
//!   reads it, because a release profile may have debug assertions.
//! * The unit tests are there. They are in the repository and not in the published package, which
//!   has no folder `tests` either.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if Path::new("tests").is_dir() {
        println!("cargo::rustc-cfg=tower_m2m_unit_tests");
    }
    // Cargo sets it to `release` for each profile that inherits from the release profile.
    if env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo::rustc-cfg=tower_m2m_release_profile");
    }
}
