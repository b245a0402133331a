//! Secrets of a configuration. No error and no `Debug` output shows them.

#[cfg(any(feature = "dpop", feature = "introspection"))]
use std::fmt;

#[cfg(any(feature = "dpop", feature = "introspection"))]
use serde::Deserialize;

/// The names of settings with a secret.
const SECRETS: [&str; 2] = ["client_secret", "dpop_nonce_key"];

/// A secret. `Debug` does not show it.
#[cfg(any(feature = "dpop", feature = "introspection"))]
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(pub(super) String);

#[cfg(any(feature = "dpop", feature = "introspection"))]
impl Secret {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(any(feature = "dpop", feature = "introspection"))]
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

/// Returns `true` if an error about this setting must not show its value.
pub(super) fn is_secret(setting: &str) -> bool {
    SECRETS.contains(&setting)
}
