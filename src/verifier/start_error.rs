//! Why a verifier did not become ready.

use super::config_error::ConfigError;
use crate::jwks::{JwksError, UnusableKey, UnusableKeys};

/// Why a verifier could not be started with its keys at hand.
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be used.
    Config(ConfigError),
    /// The keys of an issuer could not be had.
    KeyFetch {
        /// The issuer, exactly as configured.
        issuer: String,
        /// Why not.
        error: JwksError,
        /// The keys that were fetched, if none of them can be used.
        unusable_keys: Vec<UnusableKey>,
    },
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::KeyFetch {
                issuer,
                error,
                unusable_keys,
            } => {
                write!(f, "the keys of {issuer} could not be fetched: {error}")?;
                match unusable_keys.as_slice() {
                    [] => Ok(()),
                    keys => write!(f, ": {}", UnusableKeys(keys.iter().collect())),
                }
            }
        }
    }
}

impl std::fmt::Debug for StartError {
    // What a `main` that returns it prints.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::KeyFetch { error, .. } => Some(error),
        }
    }
}
