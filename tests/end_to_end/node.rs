//! Runs external programs, or prints that they are missing.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use std::{env, fs, io, process};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

/// The time limit for one operation of another program on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The location of the scripts and their packages.
#[derive(Clone, Copy)]
pub(crate) struct Node(&'static Path);

impl Node {
    /// Returns Node with the packages installed. If that fails, prints why and returns `None`.
    pub(crate) fn here() -> Option<Self> {
        static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match INSTALLED.get_or_init(install) {
            Ok(directory) => Some(Self(directory)),
            Err(why) => skip(why),
        }
    }

    /// Returns the command of a script that runs until it is dropped.
    pub(crate) fn command(self, script: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new("node");
        command
            .arg(script)
            .current_dir(self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a script that reads an array of questions, prints an array of answers as one line of
    /// JSON, and ends.
    pub(crate) async fn run(self, script: &str, questions: &[Value]) -> Vec<Value> {
        answers(self.command(script), script, questions).await
    }
}

/// Runs a Python script that reads questions and prints answers as [`Node::run`] says. If Python or
/// the package is missing, prints why and returns `None`.
#[cfg(feature = "security-events")]
pub(crate) async fn run_python(
    script: &str,
    package: &str,
    questions: &[Value],
) -> Option<Vec<Value>> {
    let has_package = Command::new("python3")
        .args(["-c", &format!("import {package}")])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_package {
        return skip(&format!("Python with `{package}` is not here"));
    }
    let mut command = tokio::process::Command::new("python3");
    command
        .arg(script)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc-provider"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    Some(answers(command, script, questions).await)
}

/// Runs a script that reads an array of questions, prints an array of answers as one line of JSON,
/// and ends.
async fn answers(
    mut command: tokio::process::Command,
    script: &str,
    questions: &[Value],
) -> Vec<Value> {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let questions = serde_json::to_vec(questions).unwrap();
    // `stdin` is dropped after the write, which ends the script's input.
    let write = async move { stdin.write_all(&questions).await };
    let done = async { tokio::join!(write, child.wait_with_output()) };
    let (written, output) = timeout(PATIENCE, done)
        .await
        .expect("the script ends within a minute");
    let output = output.unwrap();
    assert!(
        written.is_ok() && output.status.success(),
        "{script} failed"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns `true` if a program is installed. Otherwise prints that it is missing.
pub(crate) fn has(program: &str) -> bool {
    version(program).is_ok() || skip::<()>(&format!("`{program}` is not here")).is_some()
}

fn skip<T>(why: &str) -> Option<T> {
    assert!(
        env::var_os("CI").is_none_or(|value| value != "true"),
        "{why}, and CI=true allows no skipping"
    );
    // Writes directly to stderr, because the test harness hides the output of a passing test.
    let _ = writeln!(io::stderr(), "\n*** SKIPPED, NOT TESTED: {why} ***\n");
    None
}

fn version(program: &str) -> Result<(), String> {
    let output = Command::new(program).arg("--version").output();
    output
        .is_ok_and(|output| output.status.success())
        .then_some(())
        .ok_or(format!("`{program}` is not here"))
}

/// Installs into a directory that is named after its contents. Tests in other processes may do the
/// same at the same time. Each works in its own directory, and the first one renames it.
fn install() -> Result<PathBuf, String> {
    version("node")?;
    version("npm")?;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc-provider");
    let files = [
        "package.json",
        "package-lock.json",
        "issuer.mjs",
        "client.mjs",
        "dpop_clients.mjs",
        "verify.mjs",
        "sets.mjs",
        "resource_server.mjs",
    ];
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(sources.join(file)).unwrap().hash(&mut hasher);
    }
    let installed =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("npm-{:016x}", hasher.finish()));
    if installed.exists() {
        return Ok(installed);
    }
    let own = installed.with_extension(process::id().to_string());
    fs::create_dir_all(&own).unwrap();
    for file in files {
        fs::copy(sources.join(file), own.join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ])
    .current_dir(&own);
    let output = npm.stdin(Stdio::null()).output().unwrap();
    if !output.status.success() {
        let _ = fs::remove_dir_all(&own);
        return Err(format!(
            "`npm ci` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    if fs::rename(&own, &installed).is_err() {
        assert!(installed.exists(), "the packages could not be put in place");
        let _ = fs::remove_dir_all(&own);
    }
    Ok(installed)
}
