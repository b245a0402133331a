//! The settings by which keys are kept fresh.

use std::time::Duration;

use crate::jwks::KeySetLimits;
use crate::jwks::url::PlainHttp;

/// How fresh keys are kept.
#[derive(Clone, Debug)]
pub(crate) struct RefreshConfig {
    /// A fetched set is fresh this long, unless the issuer says otherwise within bounds.
    pub(crate) time_to_live: Duration,
    /// `true` if the issuer's `Cache-Control` or `Expires` replaces `time_to_live`, within bounds.
    /// `false` if the application set `time_to_live`: it then overrides the issuer.
    pub(crate) honor_cache_control: bool,
    /// How long past its life a set may serve while fetching fails.
    pub(crate) max_stale: Duration,
    /// The unknown-kid budget earns one fetch per so much time, and a missing `kid` is cached for so long at first.
    pub(crate) cooldown: Duration,
    /// The longest pause between tries while no set is held.
    pub(crate) max_retry_delay: Duration,
    /// One fetch with its metadata, and the wait of a request for it.
    pub(crate) timeout: Duration,
    /// How long a request waits before a set was ever fetched.
    pub(crate) initial_keys_timeout: Duration,
    /// How long a `kid` that no fetch contained is cached as missing, at most.
    pub(crate) unknown_kid_max_ttl: Duration,
    /// How many known clients and removed keys are kept.
    pub(crate) registration: Registration,
    /// Where http without TLS is accepted.
    pub(crate) plain_http: PlainHttp,
    pub(crate) limits: KeySetLimits,
    /// Makes tests repeatable.
    pub(crate) jitter_seed: Option<u64>,
}

/// Where the configuration of an issuer comes from. There can be thousands of resolved issuers, so that
/// each of them gets less memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registration {
    Listed,
    Resolved,
}

/// Where the set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JwksLocation {
    Url(String),
    Discovery,
}
