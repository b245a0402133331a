//! A PostgreSQL of its own for each test: in a temporary folder, on a Unix socket, without any network.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

pub(crate) struct Server {
    folder: TempDir,
    binaries: PathBuf,
}

/// The user and group `nobody`, for a test that runs as root: PostgreSQL refuses to.
const NOBODY: u32 = 65_534;

impl Server {
    /// Nothing where PostgreSQL is not installed, which is said aloud; in CI it has to be.
    pub(crate) fn start() -> Option<Self> {
        let Some(binaries) = installed() else {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "PostgreSQL is not installed (apt-get install postgresql)"
            );
            // Not the macro, whose output a passing test keeps to itself.
            let _ = writeln!(
                std::io::stderr(),
                "\nSKIPPED: PostgreSQL is not installed (apt-get install postgresql)\n"
            );
            return None;
        };
        let folder = tempfile::Builder::new().prefix("rls").tempdir().unwrap();
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let server = Self { folder, binaries };
        server.run(
            "initdb",
            &[
                "-U",
                "owner",
                "--auth=trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
        );
        let options = format!(
            "-k {} -c listen_addresses= -c fsync=off",
            server.folder.path().display()
        );
        server.run(
            "pg_ctl",
            &[
                "-w",
                "-o",
                &options,
                "-l",
                server.path("log").to_str().unwrap(),
                "start",
            ],
        );
        Some(server)
    }

    /// How a role connects.
    pub(crate) fn config(&self, role: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(self.folder.path())
            .user(role)
            .dbname("postgres");
        config
    }

    pub(crate) async fn connect(&self, role: &str) -> Client {
        let (client, connection) = self.config(role).connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        let command = command
            .arg("-D")
            .arg(self.path("data"))
            .args(arguments)
            .current_dir("/");
        let status = command
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .status()
            .unwrap();
        assert!(status.success(), "{command:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn installed() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    folders
        .into_iter()
        .find(|folder| has(folder, "initdb") && has(folder, "postgres") && has(folder, "pg_ctl"))
}

fn has(folder: &Path, program: &str) -> bool {
    folder.join(program).is_file()
}
