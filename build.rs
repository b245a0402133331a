//! Reports to the guard of the test utilities (`src/testing/guard.rs`) that a release profile builds
//! the crate. Code cannot see the profile: a release profile may have debug assertions.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo sets it to `release` for each profile that inherits from the release profile.
    if env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo::rustc-cfg=tower_m2m_release_profile");
    }
}
