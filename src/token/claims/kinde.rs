//! The claims that only Kinde writes.

use super::Claims;

impl Claims {
    /// Returns a Kinde application property by its key: the `v` inside `application_properties`.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&serde_json::Value> {
        self.wrapped("application_properties", key)
    }

    /// Returns a Kinde feature flag by its key: the `v` inside `feature_flags`. Flags are settings,
    /// not permissions.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<&serde_json::Value> {
        self.wrapped("feature_flags", key)
    }

    /// Returns `true` if a boolean feature flag is on. If it is absent or not a boolean, it is off.
    #[must_use]
    pub fn is_flag_on(&self, key: &str) -> bool {
        self.flag(key) == Some(&serde_json::Value::Bool(true))
    }

    fn wrapped(&self, claim: &str, key: &str) -> Option<&serde_json::Value> {
        self.0.kinde.as_ref()?.get(claim)?.get(key)?.get("v")
    }
}
