//! `m2m attack`: sends forged tokens and other attacks to a running resource server.

mod case;
mod control;
mod forged;
mod headers;
mod junit;
mod keys;
mod organizations;
mod plan;
mod preflights;
mod report;
mod runner;
mod scopes;
mod table;

use std::io::{self, IsTerminal as _};
use std::net::Ipv4Addr;
use std::path::Path;

use tower_m2m::testing::LocalIssuer;

use crate::arguments::{AttackOptions, Format};
use crate::client::TargetUrl;
use crate::exit::{Exit, Failure};
use crate::output;
use plan::Plan;
use report::{AttackReport, Conclusion};
use runner::Runner;

pub(crate) async fn run(options: &AttackOptions) -> Result<Exit, Failure> {
    let target = target(options)?;
    if let Some(path) = &options.output {
        // A run takes a minute, so a wrong path is reported first.
        std::fs::write(path, "").map_err(|error| cannot_write(path, &error))?;
    }
    let listen = (Ipv4Addr::LOCALHOST, options.issuer_port).into();
    let issuer = LocalIssuer::builder()
        .listen(listen)
        .profile(options.form.profile())
        .audience(&options.audience)
        .start()
        .await
        .map_err(|error| {
            Failure::undecided(format!(
                "cannot listen on {listen}: {error} (if `m2m issuer` is running, stop it: `m2m attack` runs its own issuer)"
            ))
        })?;
    let plan = Plan::new(options, target, &issuer);
    let mut runner = Runner::new(&plan);
    attack(&plan, &mut runner).await;
    let report = runner.finish(options);
    write(options, &report)?;
    Ok(match report.conclusion() {
        Conclusion::Passed => Exit::Accepted,
        Conclusion::Failed => Exit::Findings,
        Conclusion::Undecided => Exit::Undecided,
    })
}

/// Runs the steps. Each group ends with a valid token, because a server that rejects everything
/// rejects attacks too. If it is rejected, the run ends, because no later result proves anything.
async fn attack(plan: &Plan<'_>, runner: &mut Runner<'_>) {
    let Some(control) = runner.wait_until_accepted(plan).await else {
        return;
    };
    forged::run(plan, runner).await;
    if !runner.control(plan, "after the forged tokens").await {
        return;
    }
    headers::run(plan, runner).await;
    preflights::run(plan, runner, &control).await;
    if !runner.control(plan, "after the header attacks").await {
        return;
    }
    scopes::run(plan, runner).await;
    if plan.has_organizations() {
        organizations::run(plan, runner).await;
        if !runner.control(plan, "after the organizations").await {
            return;
        }
    }
    keys::run(plan, runner).await;
}

fn target(options: &AttackOptions) -> Result<TargetUrl, Failure> {
    let url = &options.url;
    let target =
        TargetUrl::parse(url).map_err(|error| Failure::usage(format!("{url}: {error}")))?;
    if !target.is_loopback() && !options.allow_remote {
        return Err(Failure::usage(format!(
            "{url}: the host is not loopback: attack only servers that you may attack, and add --allow-remote"
        )));
    }
    if options.org.contains(&options.other_org) || options.other_org.contains(&options.org) {
        return Err(Failure::usage(
            "--org and --other-org: one contains the other, so a response cannot show which it belongs to",
        ));
    }
    let path = target.path().replace("{org_code}", "");
    if path.contains(['{', '}']) {
        return Err(Failure::usage(format!(
            "{url}: {{org_code}} is the only parameter: write a value for each other one"
        )));
    }
    if path.parse::<http::uri::PathAndQuery>().is_err() {
        return Err(Failure::usage(format!("{url}: the path is not valid")));
    }
    Ok(target)
}

fn write(options: &AttackOptions, report: &AttackReport) -> Result<(), Failure> {
    let is_colored = io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = match options.format {
        Format::Text => table::report(report, is_colored && options.output.is_none()),
        Format::Json => output::json(report)?,
        Format::Junit => junit::report(report),
    };
    match &options.output {
        None => output::print(&text),
        Some(path) => {
            std::fs::write(path, text).map_err(|error| cannot_write(path, &error))?;
            output::print(&table::findings(report, is_colored));
        }
    }
    Ok(())
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot write {}: {error}", path.display()))
}
