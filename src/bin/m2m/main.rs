//! `m2m`: runs a local issuer, mints tokens, explains rejections, and attacks a resource server.
//!
//! The manual is the chapter `guide::command_line` of the crate's documentation.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )
)]

mod arguments;
mod attack;
mod client;
mod exit;
mod explain;
mod input;
mod issuer;
mod lint;
mod output;
mod settings;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, Command};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("{}", failure.message);
            failure.exit.into()
        }
    }
}

fn run(command: Command) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::undecided(format!("cannot start: {error}")))?;
    match command {
        Command::Issuer(options) => runtime.block_on(issuer::run(&options)),
        Command::Token(options) => runtime.block_on(token::run(&options)),
        Command::Explain(options) => runtime.block_on(explain::run(&options)),
        Command::Lint(options) => runtime.block_on(lint::run(&options)),
        Command::Attack(options) => runtime.block_on(attack::run(&options)),
        Command::Completions { shell } => {
            let (mut command, mut script) = (Arguments::command(), Vec::new());
            clap_complete::generate(shell, &mut command, "m2m", &mut script);
            output::print(&String::from_utf8_lossy(&script));
            Ok(Exit::Accepted)
        }
    }
}
