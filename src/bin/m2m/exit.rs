//! Exit codes. Every subcommand documents them.

use std::process::ExitCode;

/// The result of a subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Accepted, or no findings.
    Accepted,
    /// Rejected, or findings.
    Findings,
    /// Wrong usage or settings. clap uses the same code.
    Usage,
    /// No decision is possible, because keys or a server are unreachable.
    Undecided,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Accepted => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Undecided => 3,
        })
    }
}

/// The reason why a subcommand ended early. It is printed on standard error.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn undecided(message: impl Into<String>) -> Self {
        Self::new(Exit::Undecided, message)
    }

    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        Self::new(Exit::Findings, message)
    }

    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }
}
