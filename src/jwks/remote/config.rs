//! The settings by which keys are kept fresh, and what is asked of them.

use std::time::Duration;

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
    /// The unknown-kid budget earns one fetch per so much time.
    pub(crate) cooldown: Duration,
    /// The longest pause between tries while no set is held.
    pub(crate) max_retry_delay: Duration,
    /// One fetch, from connect to last byte.
    pub(crate) timeout: Duration,
    /// How long a request waits for a first set.
    pub(crate) initial_keys_timeout: Duration,
    /// Makes tests repeatable.
    pub(crate) jitter_seed: Option<u64>,
}

/// Where the set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JwksLocation {
    Url(String),
    Discovery,
}

/// What a look-up wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyLookup<'a> {
    pub(crate) kid: Option<&'a str>,
    /// The client that the token names, unverified: it only decides whether the reserve of the budget may be used.
    pub(crate) client_id: Option<&'a str>,
}
