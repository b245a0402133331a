//! `m2m lint`: problems of the settings and of the issuers.

use serde::Serialize;
use tower_m2m::WeakSetting;
use tower_m2m::jwks::IssuerStatus;

use crate::arguments::LintOptions;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::{OUTPUT_VERSION, verifier, wait_for_keys};

#[derive(Serialize)]
struct LintReport {
    version: u32,
    issuers: Vec<IssuerFindings>,
}

/// What an issuer publishes, and its problems.
#[derive(Serialize)]
struct IssuerFindings {
    issuer: String,
    keys: Vec<String>,
    problems: Vec<String>,
}

pub(crate) async fn run(options: &LintOptions) -> Result<Exit, Failure> {
    let verifier = verifier(&options.settings)?;
    let weak = verifier.weak_settings();
    let status = wait_for_keys(&verifier).await;
    let issuers: Vec<IssuerFindings> = status
        .iter()
        .map(|status| findings(status, &weak))
        .collect();
    let exit = if issuers.iter().any(|issuer| issuer.keys.is_empty()) {
        Exit::Undecided
    } else if issuers.iter().any(|issuer| !issuer.problems.is_empty()) {
        Exit::Findings
    } else {
        Exit::Accepted
    };
    let report = LintReport {
        version: OUTPUT_VERSION,
        issuers,
    };
    output::print(&if options.settings.json {
        output::json(&report)?
    } else {
        table(&report)
    });
    Ok(exit)
}

fn findings(status: &IssuerStatus, weak: &[WeakSetting]) -> IssuerFindings {
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
        let kid = name(key.kid.as_deref());
        problems.push(format!("the key {kid} is not used: {}", key.reason));
    }
    for key in status.keys.iter().filter(|key| key.kid.is_none()) {
        problems.push(format!(
            "a key for {} has no kid, so its rotation is ambiguous",
            key.algorithm
        ));
    }
    let keys = status
        .keys
        .iter()
        .map(|key| format!("{} {}", key.algorithm, name(key.kid.as_deref())))
        .collect();
    IssuerFindings {
        issuer: status.issuer.clone(),
        keys,
        problems,
    }
}

fn name(kid: Option<&str>) -> String {
    kid.unwrap_or("(unnamed)").escape_debug().to_string()
}

fn table(report: &LintReport) -> String {
    let mut lines = Vec::new();
    for issuer in &report.issuers {
        lines.push(format!("issuer {}", issuer.issuer));
        lines.extend(issuer.keys.iter().map(|key| format!("  key      {key}")));
        let problems = issuer.problems.iter();
        lines.extend(problems.map(|problem| format!("  PROBLEM  {problem}")));
        if issuer.problems.is_empty() {
            lines.push("  no problems".to_owned());
        }
    }
    lines.join("\n") + "\n"
}
