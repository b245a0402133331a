//! Secrets of a configuration. No error and no `Debug` output shows them.

#[cfg(feature = "introspection")]
use std::fmt;

#[cfg(feature = "introspection")]
use serde::Deserialize;

/// The names of settings with a secret.
const SECRETS: [&str; 1] = ["client_secret"];

/// A secret. `Debug` does not show it.
#[cfg(feature = "introspection")]
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(String);

#[cfg(feature = "introspection")]
impl Secret {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "introspection")]
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

/// Returns `true` if an error about this setting must not show its value.
pub(super) fn is_secret(setting: &str) -> bool {
    SECRETS.contains(&setting)
}
