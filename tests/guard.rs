//! The guard of the test utilities in Cargo workspaces: it stops release builds that contain them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// This crate's build script and guard as a package without dependencies, and a workspace with two
/// members that depend on it: a service, and a tool with the test utilities as a normal dependency.
struct Workspace(PathBuf);

const PROFILES: &str = "
[profile.checked-release]
inherits = 'release'
debug-assertions = true

[profile.fast-dev]
inherits = 'dev'
opt-level = 3

[profile.unchecked-dev]
inherits = 'dev'
debug-assertions = false
";

impl Workspace {
    fn new(name: &str, service: &str, tool: &str) -> Self {
        let name = format!("tower-m2m-guard-{}-{name}", std::process::id());
        let root = env::temp_dir().join(name);
        let package = |name: &str, rest: &str| {
            format!("[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2024'\n{rest}\n")
        };
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copied = |path: &str| fs::read_to_string(repository.join(path)).unwrap();
        let guarded = "[features]\ntest-util = []\ncli = ['test-util']\n[workspace]";
        let library = "#[cfg(feature = \"test-util\")]\nmod guard;\n";
        let members = "[workspace]\nresolver = '2'\nmembers = ['service', 'tool']\n";
        let main = "fn main() {}\n";
        for (path, content) in [
            ("guarded/Cargo.toml", package("guarded", guarded)),
            ("guarded/build.rs", copied("build.rs")),
            ("guarded/src/lib.rs", library.to_owned()),
            ("guarded/src/guard.rs", copied("src/testing/guard.rs")),
            ("workspace/Cargo.toml", format!("{members}{PROFILES}")),
            ("workspace/service/Cargo.toml", package("service", service)),
            ("workspace/service/src/main.rs", main.to_owned()),
            ("workspace/tool/Cargo.toml", package("tool", tool)),
            ("workspace/tool/src/main.rs", main.to_owned()),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Self(root)
    }

    /// Builds with these arguments and with this value of the guard's variable.
    fn build(&self, arguments: &str, value: Option<&str>) -> Output {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo
            .arg("check")
            .args(["--offline", "--quiet"])
            .args(arguments.split_whitespace())
            .current_dir(self.0.join("workspace"))
            .env("CARGO_TARGET_DIR", self.0.join("target"))
            .env_remove("CARGO_PRIMARY_PACKAGE")
            .env_remove("TOWER_M2M_TEST_UTIL_IN_RELEASE")
            .envs(value.map(|value| ("TOWER_M2M_TEST_UTIL_IN_RELEASE", value)));
        cargo.output().unwrap()
    }

    fn assert_builds(&self, arguments: &str, value: Option<&str>) {
        let output = self.build(arguments, value);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments} {value:?}: {errors}");
    }

    fn assert_stops(&self, arguments: &str, value: Option<&str>) {
        let output = self.build(arguments, value);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments} {value:?}");
        assert!(
            errors.contains("[dev-dependencies]") && errors.contains("`cli`"),
            "{arguments} {value:?}: {errors}"
        );
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const PLAIN: &str = "[dependencies]\nguarded = { path = '../../guarded' }";
const WITH_TEST_UTIL: &str =
    "[dependencies]\nguarded = { path = '../../guarded', features = ['test-util'] }";
const WITH_CLI: &str = "[dependencies]\nguarded = { path = '../../guarded', features = ['cli'] }";
const FOR_TESTS: &str =
    "[dev-dependencies]\nguarded = { path = '../../guarded', features = ['test-util'] }";

#[test]
fn release_build_with_unified_test_util_stops() {
    let workspace = Workspace::new("unified", PLAIN, WITH_TEST_UTIL);
    workspace.assert_stops("--release", None);
    workspace.assert_builds("--release -p service", None);
    workspace.assert_stops("--release -p tool", None);
    workspace.assert_builds("", None);
    workspace.assert_builds("--profile fast-dev", None);
}

/// If a release profile has debug assertions, it is still a release build. If a development profile
/// has none, it is not a development build either.
#[test]
fn profile_counts_and_not_only_debug_assertions() {
    let workspace = Workspace::new("profiles", WITH_TEST_UTIL, PLAIN);
    workspace.assert_stops("--profile checked-release", None);
    workspace.assert_stops("--profile unchecked-dev", None);
    workspace.assert_stops(
        "--release --config profile.release.debug-assertions=true",
        None,
    );
}

#[test]
fn only_the_value_1_allows_a_release_build() {
    let workspace = Workspace::new("values", WITH_TEST_UTIL, PLAIN);
    for value in ["0", "", "false", "no", "11", "yes"] {
        workspace.assert_stops("--release", Some(value));
    }
    workspace.assert_builds("--release", Some("1"));
    workspace.assert_builds("--profile checked-release", Some("1"));
    workspace.assert_stops("--release", Some("0"));
}

#[test]
fn test_util_for_tests_does_not_stop_a_release_build() {
    let workspace = Workspace::new("tests", PLAIN, FOR_TESTS);
    workspace.assert_builds("--release", None);
    workspace.assert_builds("--tests", None);
    workspace.assert_stops("--release --tests", None);
}

/// Rule 344.
/// The tool enables the test utilities, so they would be in the service too.
#[test]
fn release_build_with_unified_cli_stops() {
    let workspace = Workspace::new("cli", PLAIN, WITH_CLI);
    workspace.assert_stops("--release", None);
    workspace.assert_stops("--release --all-features", None);
    workspace.assert_stops("--profile unchecked-dev", Some("true"));
    workspace.assert_builds("--release -p service", None);
    workspace.assert_builds("--release", Some("1"));
    workspace.assert_builds("", None);
}
