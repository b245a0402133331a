//! Durations in human-readable form.

use std::time::Duration;

use crate::verifier::ConfigError;

/// Parses a human-readable duration: `30s`, `10m`, `1h 30m`.
pub(super) fn duration(text: &str, setting: &'static str) -> Result<Duration, ConfigError> {
    humantime::parse_duration(text.trim()).map_err(|_| {
        ConfigError::new(
            setting,
            "must be a duration with its unit, such as 30s, 10m or 1h 30m",
        )
    })
}
