//! Runs `m2m attack` and reads its report.

use std::process::Output;

use serde_json::Value;
use tower_m2m::testing::AUDIENCE;

use crate::program::{Program, run};

/// Returns a port that is free at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The result of a run.
pub(crate) struct Attack {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
}

impl Attack {
    /// Attacks a URL with the report as JSON.
    pub(crate) async fn run(url: &str, issuer_port: u16, arguments: &[&str]) -> Self {
        let port = issuer_port.to_string();
        let first = ["attack", url, "--issuer-port", &port, "--format", "json"];
        let output = run("m2m", &[&first[..], arguments].concat(), &[]).await;
        let printed = printed(&output);
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(|_| panic!("{printed}"));
        Self {
            code: output.status.code(),
            report,
        }
    }

    /// Returns the names of the attacks with this outcome, with their groups.
    pub(crate) fn names(&self, outcome: &str) -> Vec<String> {
        let rows = self.report["attacks"].as_array().unwrap().iter();
        rows.filter(|row| row["outcome"] == outcome)
            .map(|row| {
                let part = |name: &str| row[name].as_str().unwrap();
                format!("{}: {}", part("group"), part("name"))
            })
            .collect()
    }

    /// Returns the findings, for messages.
    pub(crate) fn findings(&self) -> String {
        let rows = self.report["attacks"].as_array().unwrap().iter();
        let is_finding = |row: &&Value| row["outcome"] == "failed" || row["outcome"] == "deviation";
        rows.filter(is_finding)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Returns the description of the response to an attack.
    pub(crate) fn found(&self, name: &str) -> &str {
        let mut rows = self.report["attacks"].as_array().unwrap().iter();
        let row = rows.find(|row| row["name"] == name).unwrap();
        row["found"].as_str().unwrap()
    }
}

/// Returns the output, which has no token.
pub(crate) fn printed(output: &Output) -> String {
    let printed = [&output.stdout[..], &output.stderr[..]].concat();
    let printed = String::from_utf8(printed).unwrap();
    assert!(!printed.contains("eyJ"), "a token is printed: {printed}");
    printed
}

/// Starts the example server, which trusts the issuer on this port. Its keys are fresh for 2 s.
pub(crate) async fn example_server(issuer_port: u16, profile: &str) -> Program {
    let issuer = format!("http://127.0.0.1:{issuer_port}");
    let variables = [
        ("ISSUER", issuer.as_str()),
        ("AUDIENCE", AUDIENCE),
        ("PROFILE", profile),
        ("LISTEN", "127.0.0.1:0"),
        ("JWKS_TTL_SECONDS", "2"),
        ("JWKS_COOLDOWN_SECONDS", "1"),
    ];
    Program::start("resource_server", &[], &variables, "listening on").await
}
