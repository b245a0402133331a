//! How long an introspection response is used, and how long a request waits for one.

use std::time::Duration;

/// How long an introspection response is used, and how long a request waits for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IntrospectionTiming {
    /// How long an active response is fresh.
    pub(crate) time_to_live: Duration,
    /// How long an active response is used after it became stale, while the issuer fails.
    pub(crate) max_stale: Duration,
    /// How long one verification of a credential at the issuer may take.
    pub(crate) timeout: Duration,
}

impl Default for IntrospectionTiming {
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_secs(60),
            max_stale: Duration::from_secs(5 * 60),
            timeout: Duration::from_secs(1),
        }
    }
}
