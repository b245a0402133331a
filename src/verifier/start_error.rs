//! The reasons why a verifier did not become ready.

use super::config_error::ConfigError;
use crate::jwks::{FetchError, UnusableKey, UnusableKeys};

/// A reason why a verifier could not start with its keys available.
#[non_exhaustive]
pub enum StartError {
    /// A setting is invalid.
    Config(ConfigError),
    /// The keys of an issuer could not be fetched.
    KeyFetch {
        /// The issuer, exactly as configured.
        issuer: String,
        /// The reason.
        error: FetchError,
        /// The keys that were fetched, if none of them can be used.
        unusable_keys: Vec<UnusableKey>,
    },
    /// The replicated denylist could not be loaded.
    DenylistLoad {
        /// The message of the store.
        error: String,
    },
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::DenylistLoad { error } => {
                write!(f, "failed to load the denylist from its store: {error}")
            }
            Self::KeyFetch {
                issuer,
                error,
                unusable_keys,
            } => {
                write!(f, "failed to fetch keys from {issuer}: {error}")?;
                match unusable_keys.as_slice() {
                    [] => Ok(()),
                    keys => write!(f, ": {}", UnusableKeys(keys.iter().collect())),
                }
            }
        }
    }
}

impl std::fmt::Debug for StartError {
    // A `main` that returns the error prints this format, so it has the errors below it too.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)?;
        match self {
            Self::KeyFetch { error, .. } => match error.chain() {
                Some(chain) => write!(f, " (source: {chain})"),
                None => Ok(()),
            },
            Self::Config(_) | Self::DenylistLoad { .. } => Ok(()),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::KeyFetch { error, .. } => Some(error),
            Self::DenylistLoad { .. } => None,
        }
    }
}
