//! The source of an issuer's keys: static keys, or keys that are fetched and refreshed.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "security-events")]
use super::Fetchers;
use super::{
    FetchAllowance, FetchError, FetchTicket, IssuerStatus, JwksError, KeyLookup, KeyRequest,
    KeySet, KeyWait, RemoteKeySet, SavedKeys, VersionedKeySet,
};

/// The keys of one issuer.
#[derive(Debug)]
pub(crate) enum KeySource {
    Static {
        issuer: Arc<str>,
        keys: Arc<VersionedKeySet>,
    },
    Remote(RemoteKeySet),
}

impl KeySource {
    pub(crate) fn from_static(issuer: Arc<str>, set: KeySet) -> Self {
        Self::Static {
            issuer,
            keys: Arc::new(VersionedKeySet { set, generation: 1 }),
        }
    }

    /// Returns the current key set, or `None` if no keys are available.
    pub(crate) fn current(&self) -> Option<Arc<VersionedKeySet>> {
        match self {
            Self::Static { keys, .. } => Some(Arc::clone(keys)),
            Self::Remote(remote) => remote.current(),
        }
    }

    /// Returns the current key set without starting the refresh task, because no key is fetched
    /// before a token's claims are validated.
    pub(crate) fn available(&self) -> Option<Arc<VersionedKeySet>> {
        match self {
            Self::Static { keys, .. } => Some(Arc::clone(keys)),
            Self::Remote(remote) => remote.available(),
        }
    }

    /// Returns the fetch budget, or `None` if no fetch was made.
    pub(crate) fn allowance(&self) -> Option<FetchAllowance> {
        match self {
            Self::Static { .. } => None,
            Self::Remote(remote) => remote.allowance(),
        }
    }

    pub(crate) fn resume(&self, allowance: FetchAllowance) {
        if let Self::Remote(remote) = self {
            remote.resume(allowance);
        }
    }

    /// Returns `true` while a fetch is in flight or requested.
    pub(crate) fn is_fetching(&self) -> bool {
        matches!(self, Self::Remote(remote) if remote.is_fetching())
    }

    /// Returns `true` if a token that was verified under this generation may still be accepted at
    /// this second of the wall clock.
    pub(crate) fn is_current(&self, generation: u64, now: i64) -> bool {
        match self {
            Self::Static { keys, .. } => generation == keys.generation,
            Self::Remote(remote) => remote.is_current(generation, now),
        }
    }

    /// Returns the fetchers of the issuer, or `None` if nothing is fetched from it.
    #[cfg(feature = "security-events")]
    pub(crate) fn fetchers(&self) -> Option<Fetchers> {
        match self {
            Self::Static { .. } => None,
            Self::Remote(remote) => Some(remote.fetchers()),
        }
    }

    /// Returns `true` if the keys never change.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self, Self::Static { .. })
    }

    /// Returns the fetch that a request for a missing key waits for, or its response. Static keys
    /// never change.
    pub(crate) fn request_key(
        &self,
        lookup: &KeyLookup<'_>,
        current_set: Option<&VersionedKeySet>,
    ) -> KeyRequest {
        match self {
            Self::Static { .. } => KeyRequest::Missing,
            Self::Remote(remote) => remote.request_key(lookup, current_set),
        }
    }

    /// Returns how long keys are used after they became stale. Static keys have no lifetime.
    pub(crate) fn max_stale(&self) -> Duration {
        match self {
            Self::Remote(remote) => remote.max_stale(),
            Self::Static { .. } => Duration::ZERO,
        }
    }

    /// Returns `true` if the keys are fetched over http without TLS, and not from loopback.
    pub(crate) fn is_insecure(&self) -> bool {
        match self {
            Self::Remote(remote) => remote.is_insecure(),
            Self::Static { .. } => false,
        }
    }

    pub(crate) async fn wait_for_fetch(
        &self,
        ticket: FetchTicket,
        kid: Option<&str>,
    ) -> Option<KeyWait> {
        match self {
            Self::Static { .. } => None,
            Self::Remote(remote) => Some(remote.wait_for_fetch(ticket, kid).await),
        }
    }

    pub(crate) fn record_client(&self, client_id: &str) {
        if let Self::Remote(remote) = self {
            remote.record_client(client_id);
        }
    }

    pub(crate) fn start(&self) -> Result<(), JwksError> {
        match self {
            Self::Static { .. } => Ok(()),
            Self::Remote(remote) => remote.start(),
        }
    }

    pub(crate) async fn wait_for_initial_fetch(&self) -> Result<(), FetchError> {
        match self {
            Self::Static { .. } => Ok(()),
            Self::Remote(remote) => remote.wait_for_initial_fetch().await,
        }
    }

    pub(crate) fn export(&self) -> Option<SavedKeys> {
        match self {
            Self::Static { .. } => None,
            Self::Remote(remote) => remote.export(),
        }
    }

    pub(crate) fn restore(&self, saved: &SavedKeys) {
        if let Self::Remote(remote) = self {
            remote.restore(saved);
        }
    }

    /// Sets the metrics of restored keys.
    pub(crate) fn report(&self) {
        if let Self::Remote(remote) = self {
            remote.report();
        }
    }

    /// Copies the keys of another configuration of the same issuer.
    pub(crate) fn inherit_from(&self, other: &Self) {
        if let (Self::Remote(remote), Self::Remote(other)) = (self, other) {
            remote.inherit_from(other);
        }
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        match self {
            Self::Static { issuer, keys } => IssuerStatus {
                issuer: issuer.to_string(),
                keys: keys.set.keys().collect(),
                unusable_keys: keys.set.unusable_keys().to_vec(),
                fetched_at: None,
                fresh_until: None,
                usable_until: None,
                is_stale: false,
                last_error: None,
                fetches: Vec::new(),
            },
            Self::Remote(remote) => remote.status(),
        }
    }
}
