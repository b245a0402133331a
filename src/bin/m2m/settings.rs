//! The settings of the API, and what its issuers publish.

use std::time::Duration;

use tower_m2m::jwks::IssuerStatus;
use tower_m2m::{Config, Verifier};

use crate::arguments::SettingsOptions;
use crate::exit::Failure;

/// The version of the JSON output. It changes if a member is removed or gets another meaning.
pub(crate) const OUTPUT_VERSION: u32 = 1;

/// Reads the file, or the environment.
pub(crate) fn verifier(options: &SettingsOptions) -> Result<Verifier, Failure> {
    let config = match &options.config {
        Some(path) => {
            let failed = |why: String| Failure::usage(format!("{}: {why}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            serde_json::from_str::<Config>(&text).map_err(|error| failed(error.to_string()))?
        }
        None => Config::from_env().map_err(|error| Failure::usage(error.to_string()))?,
    };
    config
        .build()
        .map_err(|error| Failure::usage(error.to_string()))
}

/// Waits until each issuer has keys or an error, for at most ten seconds.
pub(crate) async fn wait_for_keys(verifier: &Verifier) -> Vec<IssuerStatus> {
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
