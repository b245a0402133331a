//! Explains why a token is accepted or rejected with the settings of the API, and reports problems
//! of the issuer.
//!
//! ```text
//! KINDE_DOMAIN=acme KINDE_AUDIENCE=https://api.acme.com cargo run --example explain < token.txt
//! cargo run --example explain -- --config settings.json --json < token.txt
//! cargo run --example explain -- --issuer-only
//! ```
//!
//! The token is read from standard input. It can also be an argument, but then the shell's history
//! keeps it. The output contains only types, lengths, times and names of the token. The exit code
//! is 0 if the token is accepted (or the issuer has no problems), 1 if it is rejected (or there are
//! problems), 2 if the settings are invalid, and 3 if no keys are available.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use tower_m2m::jwks::IssuerStatus;
use tower_m2m::{Config, Explanation, Rejection, Verifier, WeakSetting};

type Error = Box<dyn std::error::Error>;

#[derive(Default)]
struct Arguments {
    config: Option<String>,
    json: bool,
    issuer_only: bool,
    token: Option<String>,
}

#[derive(serde::Serialize)]
struct Report {
    issuers: Vec<Lint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Explanation>,
}

/// The problems of an issuer.
#[derive(serde::Serialize)]
struct Lint {
    issuer: String,
    keys: Vec<String>,
    problems: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<ExitCode, Error> {
    let arguments = arguments()?;
    let verifier = match &arguments.config {
        Some(path) => serde_json::from_str::<Config>(&std::fs::read_to_string(path)?)?.build()?,
        None => Verifier::from_env()?,
    };
    let token = match (arguments.issuer_only, arguments.token) {
        (true, _) => None,
        (false, Some(token)) => Some(token),
        (false, None) => Some(from_standard_input()?),
    };
    let weak = verifier.weak_settings();
    let issuers = wait_for_keys(&verifier)
        .await
        .iter()
        .map(|status| lint(status, &weak))
        .collect();
    let explanation = match &token {
        Some(token) => Some(verifier.explain(token).await),
        None => None,
    };
    let report = Report {
        issuers,
        token: explanation,
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(exit_code(&report))
}

fn arguments() -> Result<Arguments, Error> {
    let mut found = Arguments::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--config" => found.config = Some(arguments.next().ok_or("--config needs a file")?),
            "--json" => found.json = true,
            "--issuer-only" => found.issuer_only = true,
            other if other.starts_with('-') => {
                return Err(
                    "unknown option: expected --config FILE, --json, --issuer-only, or a token (default: standard input)"
                        .into(),
                );
            }
            token => found.token = Some(token.to_owned()),
        }
    }
    Ok(found)
}

/// Returns the first word, or the word after `Bearer` if the input is an `Authorization` header.
fn from_standard_input() -> Result<String, Error> {
    let mut text = String::new();
    std::io::stdin()
        .take(256 * 1024)
        .read_to_string(&mut text)?;
    let is_prefix = |word: &&str| {
        word.eq_ignore_ascii_case("Authorization:") || word.eq_ignore_ascii_case("Bearer")
    };
    let mut words = text.split_whitespace().skip_while(is_prefix);
    Ok(words.next().ok_or("no token on standard input")?.to_owned())
}

/// Waits until each issuer has keys or an error, for at most ten seconds.
async fn wait_for_keys(verifier: &Verifier) -> Vec<IssuerStatus> {
    for _ in 0..100 {
        let status = verifier.status();
        if status
            .iter()
            .all(|issuer| issuer.is_ready() || issuer.last_error.is_some())
        {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    verifier.status()
}

fn lint(status: &IssuerStatus, weak: &[WeakSetting]) -> Lint {
    let mut problems: Vec<String> = weak
        .iter()
        .filter(|weak| weak.issuer == status.issuer)
        .map(|weak| format!("weak setting {weak}"))
        .collect();
    match &status.last_error {
        Some(error) => problems.push(format!("failed to fetch its keys: {error}")),
        None if !status.is_ready() => {
            problems.push("its keys were not fetched within ten seconds".to_owned());
        }
        None => {}
    }
    for key in &status.unusable_keys {
        let kid = key.kid.as_deref().unwrap_or("(unnamed)").escape_debug();
        problems.push(format!("the key {kid} is not used: {}", key.reason));
    }
    for key in status.keys.iter().filter(|key| key.kid.is_none()) {
        problems.push(format!(
            "a key for {} has no kid, so its rotation is ambiguous",
            key.algorithm
        ));
    }
    let name = |kid: &Option<String>| {
        kid.as_deref()
            .unwrap_or("(unnamed)")
            .escape_debug()
            .to_string()
    };
    let keys = status
        .keys
        .iter()
        .map(|key| format!("{} {}", key.algorithm, name(&key.kid)))
        .collect();
    Lint {
        issuer: status.issuer.clone(),
        keys,
        problems,
    }
}

fn print(report: &Report) {
    for issuer in &report.issuers {
        println!("issuer {}", issuer.issuer);
        for key in &issuer.keys {
            println!("  key      {key}");
        }
        for problem in &issuer.problems {
            println!("  PROBLEM  {problem}");
        }
    }
    if let Some(explanation) = &report.token {
        println!("\n{explanation}");
    }
}

fn exit_code(report: &Report) -> ExitCode {
    let odd = report
        .issuers
        .iter()
        .any(|issuer| !issuer.problems.is_empty());
    match report.token.as_ref().map(Explanation::rejection) {
        Some(None) => ExitCode::SUCCESS,
        Some(Some(Rejection::KeysUnavailable { .. })) => ExitCode::from(3),
        None if report.issuers.iter().any(|issuer| issuer.keys.is_empty()) => ExitCode::from(3),
        None if !odd => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
