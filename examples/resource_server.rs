//! An invoices API for machines of the right organization, configured by environment variables.
//!
//! ```text
//! ISSUER=https://acme.kinde.com AUDIENCE=https://api.acme.com cargo run --example resource_server
//! ```
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `ISSUER` | the exact value of `iss`, and the base of discovery | required |
//! | `AUDIENCE` | the accepted values of `aud`, separated by spaces or commas | required |
//! | `PROFILE` | `kinde`, or `generic` for RFC 9068 tokens | `kinde` |
//! | `JWKS_URL` | the URL of the keys | found by discovery |
//! | `LISTEN` | address and port | `127.0.0.1:3000` |
//! | `ALGORITHMS` | the allowed signature algorithms, separated by commas | the profile's |
//! | `LEEWAY_SECONDS` | the allowed clock skew | 30 |
//! | `JWKS_TTL_SECONDS` | how long fetched keys are fresh | from `Cache-Control`, or 600 |
//! | `JWKS_COOLDOWN_SECONDS` | how often an unknown `kid` may cause a fetch | 10 |
//! | `JWKS_MAX_STALE_SECONDS` | how long stale keys are used while fetches fail | 3600 |
//! | `JWKS_TIMEOUT_MS` | the time limit of one fetch | 3000 |
//! | `TOKEN_CACHE` | `off`: verified tokens are not cached | `on` |
//! | `WORKER_THREADS` | threads for requests | the number of cores |
//!
//! Each except `LISTEN` and `WORKER_THREADS` is an alias of a variable of `Config::from_env`, such
//! as `M2M_ISSUER`, whose names can be used too, `KINDE_DOMAIN` and `KINDE_AUDIENCE` among them. An
//! alias and its name must not differ.
//!
//! A value that cannot be used ends the program before it listens, with exit code 2 and one line
//! that names the variable.

use std::collections::HashMap;
use std::env::{self, VarError};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tower_m2m::{Claims, Config, ConfigError, OrgCode, Verifier};

// ── the API ──────────────────────────────────────────────────────────────────────────────────────

tower_m2m::scopes! {
    /// The scopes of this API, as they are registered at the issuer.
    pub InvoiceScopes {
        /// Read an organization's invoices.
        ReadInvoices = "read:invoices",
        /// Create invoices.
        WriteInvoices = "write:invoices",
        /// Read the figures of all organizations.
        ReadStats = "read:stats",
    }
}

/// Each route names its callers. A path that is not a route is 404 for all callers, because no
/// layer is around the router.
fn api(verifier: Verifier) -> Router {
    let organization = verifier.layer();
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/public", get(public))
        .route(
            "/whoami",
            get(whoami).route_layer(verifier.layer().allow_global()),
        )
        .route(
            "/orgs/{org_code}/invoices",
            get(list_invoices).route_layer(organization.clone().require(ReadInvoices)),
        )
        .route(
            "/orgs/{org_code}/invoices",
            post(create_invoice).route_layer(organization.clone().require(WriteInvoices)),
        )
        // Another name than `{org_code}` is named, so that the layer compares it.
        .route(
            "/tenants/{tenant}/invoices",
            get(list_invoices).route_layer(
                organization
                    .clone()
                    .organization_parameter("tenant")
                    .require(ReadInvoices),
            ),
        )
        .route(
            "/admin/stats",
            get(stats).route_layer(verifier.layer().only_global().require(ReadStats)),
        )
        .with_state(verifier)
}

/// The layer has compared the token's organization with the path. So this is the only organization
/// for the database.
async fn list_invoices(org: OrgCode) -> Json<Invoices> {
    let invoices = vec![
        Invoice {
            number: 1,
            total: "120.00",
        },
        Invoice {
            number: 2,
            total: "80.50",
        },
    ];
    Json(Invoices {
        org_code: org.to_string(),
        invoices,
    })
}

async fn create_invoice(org: OrgCode) -> (StatusCode, Json<Invoices>) {
    let invoices = vec![Invoice {
        number: 3,
        total: "0.00",
    }];
    (
        StatusCode::CREATED,
        Json(Invoices {
            org_code: org.to_string(),
            invoices,
        }),
    )
}

async fn whoami(claims: Claims) -> Json<WhoAmI> {
    Json(WhoAmI {
        org_code: claims.org_code().map(ToString::to_string),
        client_id: claims.client_id().to_owned(),
        scopes: claims.scopes().iter().map(str::to_owned).collect(),
    })
}

/// Returns a response like `/whoami` with a token of usual size. A load test of both shows the cost
/// of the layer.
async fn public() -> Json<WhoAmI> {
    Json(WhoAmI {
        org_code: Some("org_ba4a2311eb1".to_owned()),
        client_id: "d4d3c5b74e064badb9625a4aa6241bcc".to_owned(),
        scopes: vec!["read:invoices".to_owned(), "write:invoices".to_owned()],
    })
}

async fn stats(State(verifier): State<Verifier>) -> Json<Stats> {
    Json(Stats {
        cached_tokens: verifier.cached_tokens(),
    })
}

/// Liveness: the process responds. It does not depend on the issuer, because a restart would not
/// repair the issuer.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Readiness: keys are available, so tokens can be verified.
async fn readyz(State(verifier): State<Verifier>) -> (StatusCode, String) {
    if verifier.is_ready() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let unready = verifier
        .status()
        .into_iter()
        .filter(|issuer| !issuer.is_ready());
    let reasons = unready.map(|issuer| match issuer.last_error {
        Some(error) => format!("no keys of {}: {error}\n", issuer.issuer),
        None => format!(
            "no keys of {}: the first fetch has not ended\n",
            issuer.issuer
        ),
    });
    (StatusCode::SERVICE_UNAVAILABLE, reasons.collect())
}

#[derive(Serialize)]
struct Invoices {
    org_code: String,
    invoices: Vec<Invoice>,
}

#[derive(Serialize)]
struct Invoice {
    number: u32,
    total: &'static str,
}

#[derive(Serialize)]
struct WhoAmI {
    org_code: Option<String>,
    client_id: String,
    scopes: Vec<String>,
}

/// The data of all organizations together.
#[derive(Serialize)]
struct Stats {
    cached_tokens: u64,
}

// ── the program ──────────────────────────────────────────────────────────────────────────────────

/// The time for the last requests after the program received a signal to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// The reason why the program ended.
enum Failure {
    Setting { variable: String, problem: String },
    Io(io::Error),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Setting { variable, problem }) => {
            eprintln!("{variable}: {problem}");
            ExitCode::from(2)
        }
        Err(Failure::Io(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = setting("WORKER_THREADS")? {
        let threads = threads
            .parse()
            .ok()
            .filter(|threads| (1..=1024).contains(threads));
        runtime.worker_threads(
            threads.ok_or_else(|| unusable("WORKER_THREADS", "must be a number from 1 to 1024"))?,
        );
    }
    runtime.enable_all().build()?.block_on(serve())
}

async fn serve() -> Result<(), Failure> {
    let verifier = verifier()?;
    let listen = setting("LISTEN")?.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&listen)
        .await
        .map_err(|error| unusable("LISTEN", error.to_string()))?;
    let signal = stop_signal()?;
    let stopping = Arc::new(Notify::new());
    let stop = Arc::clone(&stopping);
    println!("listening on http://{}", listener.local_addr()?);
    let server = axum::serve(listener, api(verifier)).with_graceful_shutdown(async move {
        signal.await;
        stop.notify_one();
    });
    tokio::select! {
        ended = server.into_future() => ended?,
        () = async { stopping.notified().await; tokio::time::sleep(LAST_REQUESTS).await } => {}
    }
    Ok(())
}

/// Returns a future that completes with Ctrl-C or SIGTERM. It handles the signals from the call on.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
}

// ── the settings ─────────────────────────────────────────────────────────────────────────────────

/// How the value of an alias becomes the value of its name.
type Translate = fn(&str) -> Result<String, &'static str>;

/// The variables of this program, and the names that they stand for in [`Config::from_env`].
const ALIASES: [(&str, &str, Translate); 11] = [
    ("ISSUER", "M2M_ISSUER", as_written),
    ("AUDIENCE", "M2M_AUDIENCE", list),
    ("PROFILE", "M2M_PROFILE", profile),
    ("JWKS_URL", "M2M_JWKS_URL", as_written),
    ("ALGORITHMS", "M2M_ALGORITHMS", list_without_gaps),
    ("LEEWAY_SECONDS", "M2M_LEEWAY", seconds),
    ("JWKS_TTL_SECONDS", "M2M_KEYS_TIME_TO_LIVE", seconds),
    ("JWKS_COOLDOWN_SECONDS", "M2M_UNKNOWN_KID_COOLDOWN", seconds),
    ("JWKS_MAX_STALE_SECONDS", "M2M_KEYS_MAX_STALE", seconds),
    ("JWKS_TIMEOUT_MS", "M2M_FETCH_TIMEOUT", milliseconds),
    ("TOKEN_CACHE", "M2M_TOKEN_CACHE", on_or_off),
];

/// The variables of `Config::from_env`, and the aliases in their place.
fn verifier() -> Result<Verifier, Failure> {
    let mut variables: HashMap<String, String> = HashMap::new();
    for (name, value) in env::vars_os() {
        if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
            variables.insert(name, value);
        }
    }
    let is_kinde =
        variables.contains_key("KINDE_DOMAIN") || variables.contains_key("KINDE_ISSUER_URL");
    for (alias, name, translate) in ALIASES {
        let Some(value) = setting(alias)? else {
            continue;
        };
        let value = translate(&value).map_err(|problem| unusable(alias, problem))?;
        match variables.get(name).filter(|given| !given.is_empty()) {
            Some(given) if *given != value => {
                let problem =
                    format!("differs from {name}, which sets the same: set one of the two");
                return Err(unusable(alias, problem));
            }
            _ => variables.insert(name.to_owned(), value),
        };
    }
    if !is_kinde {
        for (required, name) in [("ISSUER", "M2M_ISSUER"), ("AUDIENCE", "M2M_AUDIENCE")] {
            if !variables.contains_key(name) {
                return Err(unusable(required, "is required"));
            }
        }
        variables
            .entry("M2M_PROFILE".to_owned())
            .or_insert_with(|| "kinde".to_owned());
    }
    Config::from_vars(variables)
        .and_then(|config| config.build())
        .map_err(|error| unusable(&variable(&error), error.problem()))
}

/// The variable that was set: the alias, if there is one.
fn variable(error: &ConfigError) -> String {
    let name = error.setting();
    let alias = ALIASES
        .iter()
        .find(|(alias, replaced, _)| *replaced == name && matches!(setting(alias), Ok(Some(_))));
    alias.map_or(name, |(alias, ..)| alias).to_owned()
}

fn as_written(value: &str) -> Result<String, &'static str> {
    if value.is_empty() {
        Err("must not be empty")
    } else {
        Ok(value.to_owned())
    }
}

fn list(value: &str) -> Result<String, &'static str> {
    let entries = value.split([' ', ',']).filter(|entry| !entry.is_empty());
    match entries.collect::<Vec<_>>() {
        entries if entries.is_empty() => Err("must name at least one"),
        entries => Ok(entries.join(",")),
    }
}

fn list_without_gaps(value: &str) -> Result<String, &'static str> {
    let entries: Vec<&str> = value.split(',').map(str::trim).collect();
    if entries.iter().any(|entry| entry.is_empty()) {
        return Err("must be a list without empty entries");
    }
    Ok(entries.join(","))
}

fn profile(value: &str) -> Result<String, &'static str> {
    match value {
        "kinde" | "generic" => Ok(value.to_owned()),
        _ => Err("must be kinde or generic"),
    }
}

fn seconds(value: &str) -> Result<String, &'static str> {
    whole_number(value).map(|number| format!("{number}s"))
}

fn milliseconds(value: &str) -> Result<String, &'static str> {
    whole_number(value).map(|number| format!("{number}ms"))
}

fn whole_number(value: &str) -> Result<u64, &'static str> {
    value
        .parse()
        .map_err(|_| "must be a whole number, zero or more")
}

/// An unset name is a cache of the default size.
fn on_or_off(value: &str) -> Result<String, &'static str> {
    match value {
        "on" => Ok(String::new()),
        "off" => Ok("off".to_owned()),
        _ => Err("must be on or off"),
    }
}

fn setting(variable: &'static str) -> Result<Option<String>, Failure> {
    match env::var(variable) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(unusable(variable, "is not UTF-8")),
    }
}

fn unusable(variable: &str, problem: impl Into<String>) -> Failure {
    Failure::Setting {
        variable: variable.to_owned(),
        problem: problem.into(),
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
