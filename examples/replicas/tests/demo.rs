//! Runs the demo. It needs `redis-server`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::process::{Command, Stdio};

#[test]
fn demo_runs_to_its_end() {
    let version = Command::new("redis-server")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if version.is_err() {
        assert!(std::env::var_os("CI").is_none(), "redis-server is missing");
        eprintln!("skipped: redis-server is missing (apt-get install redis-server)");
        return;
    }
    let demo = Command::new(env!("CARGO_BIN_EXE_example-replicas"))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&demo.stdout);
    let errors = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{printed}{errors}");
    assert!(printed.contains("both streams ended"), "{printed}");
    assert!(printed.contains("third replica is not ready"), "{printed}");
}
