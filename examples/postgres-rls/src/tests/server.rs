//! A PostgreSQL server for one test: in a temporary folder, on a Unix socket, without any network.
//!
//! The demo and the measurement use it too.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

pub(crate) const TENANCY: &str = include_str!("../../tenancy.sql");
const SCHEMA: &str = include_str!("../../schema.sql");
/// A key for tests, in hexadecimal digits.
pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub(crate) struct Server {
    folder: TempDir,
    binaries: PathBuf,
}

/// The user and group `nobody`, for tests that run as root. PostgreSQL does not run as root.
const NOBODY: u32 = 65_534;

impl Server {
    /// Starts a server, or returns `None` with a message if PostgreSQL is not installed. In CI it
    /// has to be installed.
    pub(crate) fn start() -> Option<Self> {
        let Some(binaries) = installed() else {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "PostgreSQL is not installed (apt-get install postgresql)"
            );
            // A passing test hides the output of the macro `eprintln!`.
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

    /// Starts a server with the tables of the example. They belong to `keeper`, which is no
    /// superuser. `owner` is the superuser.
    pub(crate) async fn with_schema() -> Option<Self> {
        let server = Self::start()?;
        server
            .connect("owner")
            .await
            .batch_execute(
                "CREATE ROLE app LOGIN;
                 CREATE ROLE keeper LOGIN;
                 ALTER DATABASE postgres OWNER TO keeper",
            )
            .await
            .unwrap();
        let keeper = server.connect("keeper").await;
        keeper.batch_execute(TENANCY).await.unwrap();
        keeper.batch_execute(SCHEMA).await.unwrap();
        keeper
            .execute("SELECT tenancy.add_key(decode($1, 'hex'))", &[&KEY])
            .await
            .unwrap();
        Some(server)
    }

    /// Returns how a role connects with `sqlx`.
    pub(crate) fn options(&self, role: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.folder.path())
            .username(role)
            .database("postgres")
    }

    /// Returns how a role connects with `tokio-postgres`.
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
