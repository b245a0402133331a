//! Runs an example as a program and sends requests to it.

use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tower_m2m::testing::assertions::TestResponse;

/// A time limit that is longer than any operation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Variables of the environment that must not affect the test.
const VARIABLES: [&str; 31] = [
    "M2M_ISSUER",
    "M2M_AUDIENCE",
    "M2M_PROFILE",
    "M2M_JWKS_URL",
    "M2M_CLIENT_ID",
    "M2M_CLIENT_SECRET",
    "NO_COLOR",
    "KINDE_DOMAIN",
    "KINDE_ISSUER_URL",
    "KINDE_AUDIENCE",
    "ISSUER",
    "AUDIENCE",
    "PROFILE",
    "JWKS_URL",
    "LISTEN",
    "ALGORITHMS",
    "LEEWAY_SECONDS",
    "JWKS_TTL_SECONDS",
    "JWKS_COOLDOWN_SECONDS",
    "JWKS_MAX_STALE_SECONDS",
    "JWKS_TIMEOUT_MS",
    "TOKEN_CACHE",
    "WORKER_THREADS",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// A running example. If it is dropped, the process ends.
pub(crate) struct Program {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    pub(crate) url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Program {
    /// Starts an example and waits for a line that contains `mark`. The last word of the line is
    /// the address.
    pub(crate) async fn start(
        name: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
        mark: &str,
    ) -> Self {
        let mut child = command(name, arguments, variables)
            .spawn()
            .expect("the example starts");
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let found = patiently(async {
            while let Some(line) = stdout.next_line().await.unwrap() {
                if line.contains(mark) {
                    let url = line
                        .split_whitespace()
                        .map(|word| word.trim_end_matches(','))
                        .rfind(|word| word.starts_with("http"));
                    return url.map(str::to_owned);
                }
            }
            None
        });
        let Some(url) = found.await else {
            let mut stderr = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut stderr)
                .await
                .unwrap();
            panic!("{name} ended without an address: {stderr}");
        };
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            child,
            stdout,
            url,
            client,
        }
    }

    /// Sends a request, with a token or without.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: impl Into<Option<&str>>,
    ) -> TestResponse {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if let Some(token) = token.into() {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::default()).unwrap();
        let response = patiently(self.client.request(request))
            .await
            .expect("an answer");
        TestResponse::read(response).await.unwrap()
    }

    /// Sends a request without a body.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> TestResponse {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let request = request.body(Full::default()).unwrap();
        let response = patiently(self.client.request(request))
            .await
            .expect("an answer");
        TestResponse::read(response).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str, token: impl Into<Option<&str>>) -> TestResponse {
        self.call(Method::GET, path, token).await
    }

    /// Posts a form, as curl does with `-d`.
    #[allow(dead_code, reason = "one test program uses it")]
    pub(crate) async fn post(&self, path: &str, body: &str) -> TestResponse {
        let request = Request::post(format!("{}{path}", self.url))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Full::from(body.to_owned())).unwrap();
        let response = patiently(self.client.request(request))
            .await
            .expect("an answer");
        TestResponse::read(response).await.unwrap()
    }

    /// Repeats the request until the response satisfies the condition.
    pub(crate) async fn until(
        &self,
        path: &str,
        token: Option<&str>,
        such: impl Fn(&TestResponse) -> bool,
    ) -> TestResponse {
        patiently(async {
            loop {
                let answer = self.get(path, token).await;
                if such(&answer) {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// Returns the output up to a line that contains this string.
    pub(crate) async fn lines_until(&mut self, mark: &str) -> Vec<String> {
        let mut lines = Vec::new();
        patiently(async {
            while let Some(line) = self.stdout.next_line().await.unwrap() {
                lines.push(line);
                if lines.last().is_some_and(|line| line.contains(mark)) {
                    return;
                }
            }
            panic!("no line says {mark}: {lines:?}");
        })
        .await;
        lines
    }

    /// Sends a signal by name and waits for the end.
    #[cfg(unix)]
    pub(crate) async fn signal(mut self, name: &str) -> ExitStatus {
        let pid = self.child.id().expect("it is running");
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {pid}")])
            .status()
            .await
            .unwrap();
        assert!(sent.success(), "the signal was sent");
        patiently(self.child.wait()).await.unwrap()
    }
}

/// Runs an example to its end.
pub(crate) async fn run(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    patiently(command(name, arguments, variables).output())
        .await
        .expect("the example runs")
}

/// Runs a program to its end, with this standard input.
#[allow(dead_code, reason = "one test program uses it")]
pub(crate) async fn run_with_input(
    name: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
    input: &str,
) -> Output {
    let mut command = command(name, arguments, variables);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that ends early closes the pipe.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    patiently(child.wait_with_output()).await.unwrap()
}

/// Awaits a future with a time limit.
pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it does not hang")
}

/// The examples are in a directory beside that of this test, and the tool is in their parent.
fn command(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let test = std::env::current_exe().unwrap();
    let directory = test.parent().and_then(|deps| deps.parent()).unwrap();
    let directory = if name == "m2m" {
        directory.to_owned()
    } else {
        directory.join("examples")
    };
    let program = directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is not built: run `cargo build --all-features --examples --bins`",
        program.display()
    );
    let mut command = Command::new(program);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
        .args(arguments)
        .envs(variables.iter().copied())
        .kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
