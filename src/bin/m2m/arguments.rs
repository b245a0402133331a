//! The subcommands, their options and their help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tower_m2m::testing::{AUDIENCE, Profile};

const EXIT_CODES: &str = "\
Exit codes of every subcommand:
  0  accepted, or no findings
  1  rejected, or findings
  2  wrong usage or settings
  3  no decision is possible: keys or a server are unreachable

NO_COLOR=1 turns colors off.";

const ISSUER_HELP: &str = "\
Examples:
  m2m issuer
  m2m issuer --port 4010 --rfc9068

Exit codes: 0 = stopped with Ctrl-C, 2 = wrong usage, 3 = cannot listen";

const TOKEN_HELP: &str = "\
Examples:
  m2m token --org org_a --scope read:invoices
  m2m token --global --scope read:stats | m2m explain
  M2M_CLIENT_SECRET=… m2m token --issuer https://acme.kinde.com --client-id ID --audience https://api.acme.com

Exit codes: 0 = printed a token, 1 = the issuer rejected the request, 2 = wrong usage,
3 = the issuer is unreachable";

const EXPLAIN_HELP: &str = "\
The settings come from a file or from the variables of `Config::from_env`, such as KINDE_DOMAIN,
KINDE_AUDIENCE, M2M_ISSUER, M2M_AUDIENCE and M2M_PROFILE. With options for a route, it also explains
a 403.

Examples:
  KINDE_DOMAIN=acme KINDE_AUDIENCE=https://api.acme.com m2m explain < token.txt
  m2m token | M2M_ISSUER=http://127.0.0.1:4000 M2M_AUDIENCE=https://api.example.com M2M_PROFILE=kinde m2m explain
  m2m explain --config settings.json --require-scope read:invoices --path-org org_a < token.txt

Exit codes: 0 = accepted, 1 = rejected, 2 = wrong usage or settings, 3 = no keys are available";

const LINT_HELP: &str = "\
Examples:
  KINDE_DOMAIN=acme KINDE_AUDIENCE=https://api.acme.com m2m lint
  m2m lint --config settings.json --json

Exit codes: 0 = no findings, 1 = findings, 2 = wrong usage or settings, 3 = no keys are available";

const ATTACK_HELP: &str = "\
The server under test must trust the issuer http://127.0.0.1:4000, which `attack` runs itself. It may
be started first: `attack` waits for it. If the URL contains {org_code}, each organization also
requests the data of the other one.

Examples:
  m2m attack 'http://127.0.0.1:3000/orgs/{org_code}/invoices' --scope read:invoices
  m2m attack http://127.0.0.1:3000/stats --rfc9068 --refresh-interval 60s
  m2m attack http://127.0.0.1:3000/ --format junit --output attack.xml --strict

Results: passed = rejected; failed = admitted, or the token is repeated, or a 5xx other than 503, or
the connection broke; deviation = rejected, but not as RFC 6750 says.

Exit codes: 0 = no findings, 1 = findings, 2 = wrong usage, 3 = the server does not accept a valid
token, so no attack proves anything";

/// Runs a local issuer, mints tokens, explains rejections, and attacks a resource server.
#[derive(Debug, Parser)]
#[command(name = "m2m", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a local issuer: keys, metadata, token endpoint, faults
    #[command(after_help = ISSUER_HELP)]
    Issuer(IssuerOptions),
    /// Prints a token of the local issuer, or fetches one from a real issuer
    #[command(after_help = TOKEN_HELP)]
    Token(TokenOptions),
    /// Reads a token from standard input and prints each check: found, expected, outcome
    #[command(after_help = EXPLAIN_HELP)]
    Explain(ExplainOptions),
    /// Checks the settings and the issuer: unusable keys, weak settings, wrong metadata
    #[command(after_help = LINT_HELP)]
    Lint(LintOptions),
    /// Attacks a running resource server, in any language, that trusts a local issuer
    #[command(after_help = ATTACK_HELP)]
    Attack(AttackOptions),
    /// Prints the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The form of the tokens.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct TokenForm {
    /// Tokens in the form of Kinde's (default)
    #[arg(long, conflicts_with = "rfc9068")]
    kinde: bool,
    /// Tokens in the form of RFC 9068
    #[arg(long)]
    rfc9068: bool,
}

impl TokenForm {
    pub(crate) fn profile(self) -> Profile {
        if self.rfc9068 {
            Profile::Rfc9068
        } else {
            Profile::Kinde
        }
    }

    /// Returns the `M2M_PROFILE` of a server that accepts these tokens.
    pub(crate) fn server_profile(self) -> &'static str {
        if self.rfc9068 { "generic" } else { "kinde" }
    }
}

#[derive(Args, Debug)]
pub(crate) struct IssuerOptions {
    /// The port on 127.0.0.1; 0 means any free port
    #[arg(long, default_value_t = 4000)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) form: TokenForm,
}

#[derive(Args, Debug)]
pub(crate) struct TokenOptions {
    /// The URL of the issuer
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4000")]
    pub(crate) issuer: String,
    /// The client ID at a real issuer, also from `M2M_CLIENT_ID`. The secret is read from
    /// `M2M_CLIENT_SECRET` or standard input
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The organization of a new application at the local issuer. Default: `org_a`
    #[arg(long, value_name = "ORG", conflicts_with_all = ["global", "client_id"])]
    pub(crate) org: Option<String>,
    /// A new application without an organization at the local issuer
    #[arg(long, conflicts_with = "client_id")]
    pub(crate) global: bool,
    /// A scope. Repeat it for several
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// The audience of the token
    #[arg(long, value_name = "AUD", default_value = AUDIENCE)]
    pub(crate) audience: String,
}

#[derive(Args, Debug)]
pub(crate) struct SettingsOptions {
    /// The settings as JSON. Default: the environment
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Prints JSON with a member `version`
    #[arg(long)]
    pub(crate) json: bool,
}

/// The callers that a route admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Access {
    /// Tokens of organizations
    Org,
    /// Tokens of organizations and global tokens (`allow_global`)
    Any,
    /// Global tokens (`only_global`)
    Global,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainOptions {
    #[command(flatten)]
    pub(crate) settings: SettingsOptions,
    /// Also shows the issuer, audience, scopes, organization and client of the token
    #[arg(long)]
    pub(crate) show: bool,
    /// A scope that the route requires. Repeat it for several
    #[arg(long, value_name = "SCOPE", help_heading = "Route")]
    pub(crate) require_scope: Vec<String>,
    /// The organization in the path of the request
    #[arg(long, value_name = "ORG", help_heading = "Route")]
    pub(crate) path_org: Option<String>,
    /// The callers that the route admits. Default: org, if another option describes the route
    #[arg(long, value_enum, help_heading = "Route")]
    pub(crate) access: Option<Access>,
}

#[derive(Args, Debug)]
pub(crate) struct LintOptions {
    #[command(flatten)]
    pub(crate) settings: SettingsOptions,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table: findings, then the number of passed attacks
    Text,
    /// JSON with a member `version`
    Json,
    /// `JUnit`: one test suite per group, one test case per attack
    Junit,
}

#[derive(Args, Debug)]
pub(crate) struct AttackOptions {
    /// A resource that a valid token may read, with `{org_code}` in place of the organization
    pub(crate) url: String,
    /// The port of the issuer on 127.0.0.1
    #[arg(long, value_name = "PORT", default_value_t = 4000)]
    pub(crate) issuer_port: u16,
    #[command(flatten)]
    pub(crate) form: TokenForm,
    /// The method of the requests
    #[arg(long, default_value = "GET")]
    pub(crate) method: http::Method,
    /// The audience that the server expects
    #[arg(long, value_name = "AUD", default_value = AUDIENCE)]
    pub(crate) audience: String,
    /// A scope of the valid token. Repeat it for several
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// The organization of the valid token
    #[arg(long, value_name = "ORG", default_value = "org_a")]
    pub(crate) org: String,
    /// The other organization
    #[arg(long, value_name = "ORG", default_value = "org_b")]
    pub(crate) other_org: String,
    /// How long the server may use keys before it fetches them again, such as 60s. With it, a
    /// removed key must stop working
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) refresh_interval: Option<Duration>,
    /// How long to wait for the server, at most 60s
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "20s")]
    pub(crate) wait: Duration,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Writes the report to a file, and a summary to standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Deviations fail too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Allows a server that is not on loopback. Attack only servers that you may attack
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

/// Parses a number of seconds, or a number with a unit: `ms`, `s`, `m`.
fn duration(text: &str) -> Result<Duration, &'static str> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| "expected a time such as 60s")?;
    let millis = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        _ => return Err("expected the unit ms, s or m"),
    };
    match millis {
        Some(millis @ 1..=3_600_000) => Ok(Duration::from_millis(millis)),
        _ => Err("expected a time from 1ms to 60m"),
    }
}
