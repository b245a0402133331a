//! The settings of the refresh.

use std::time::Duration;

use crate::jwks::KeySetLimits;
use crate::jwks::url::PlainHttp;

/// The settings of the refresh.
#[derive(Clone, Debug)]
pub(crate) struct RefreshConfig {
    /// The time for which a fetched set is fresh, unless the issuer defines another time within
    /// bounds.
    pub(crate) time_to_live: Duration,
    /// `true` if the issuer's `Cache-Control` or `Expires` replaces `time_to_live`, within bounds.
    /// `false` if the application set `time_to_live`: it then overrides the issuer.
    pub(crate) honor_cache_control: bool,
    /// The time for which a stale set is used if fetches fail.
    pub(crate) max_stale: Duration,
    /// The time after which the budget for unknown `kid`s gets one more fetch. It is also the first
    /// time for which a missing `kid` is cached.
    pub(crate) cooldown: Duration,
    /// The longest pause between attempts if no keys are available.
    pub(crate) max_retry_delay: Duration,
    /// The time limit of one fetch with its metadata, and of the wait of a request for it.
    pub(crate) timeout: Duration,
    /// The time for which a request waits if no set was ever fetched.
    pub(crate) initial_keys_timeout: Duration,
    /// The maximum time for which a `kid` that no fetch contained is cached as missing.
    pub(crate) unknown_kid_max_ttl: Duration,
    /// It decides how many known clients and removed keys are kept.
    pub(crate) registration: Registration,
    /// The rule for http without TLS.
    pub(crate) plain_http: PlainHttp,
    pub(crate) limits: KeySetLimits,
    /// A seed that makes tests repeatable.
    pub(crate) jitter_seed: Option<u64>,
}

/// The origin of an issuer's configuration. There can be thousands of resolved issuers, so each of
/// them gets less memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registration {
    Listed,
    Resolved,
}

/// The location of the key set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JwksLocation {
    Url(String),
    Discovery,
}
