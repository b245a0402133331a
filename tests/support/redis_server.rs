//! A real `redis-server` on a free loopback port, in a temporary directory.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct RedisServer {
    process: Option<Child>,
    pub(crate) port: u16,
    pub(crate) directory: PathBuf,
    arguments: Vec<String>,
}

/// Returns `true` if `redis-server` is installed. In CI it has to be.
pub(crate) fn is_installed() -> bool {
    let version = Command::new("redis-server")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    let is_installed = version.is_ok_and(|status| status.success());
    if !is_installed {
        assert!(std::env::var_os("CI").is_none(), "redis-server is missing");
        eprintln!("skipped: redis-server is missing (apt-get install redis-server)");
    }
    is_installed
}

impl RedisServer {
    /// Starts a server, or returns `None` if it is not installed.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        if !is_installed() {
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-m2m-redis-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let mut server = Self {
            process: None,
            port: free_port(),
            directory,
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
        };
        server.restart();
        Some(server)
    }

    /// Starts the process again, with the same port and the same files.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&self.directory)
            .args(["--port", &self.port.to_string()])
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        let begun = Instant::now();
        while !self.is_up() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "redis-server does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_up(&self) -> bool {
        let tls = self
            .arguments
            .iter()
            .any(|argument| argument == "--tls-port");
        if tls {
            return TcpStream::connect(self.address()).is_ok();
        }
        self.run(&["PING"]).contains("PONG")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let tls = self
            .arguments
            .iter()
            .position(|argument| argument == "--tls-port");
        let port = tls.map_or(self.port, |at| self.arguments[at + 1].parse().unwrap());
        (Ipv4Addr::LOCALHOST, port).into()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Runs a command with `redis-cli`, and returns its output.
    pub(crate) fn run(&self, command: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(command)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Kills the process without a chance to write anything.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops the process (`STOP`), or continues it (`CONT`).
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &id])
            .status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
