//! Where an issuer's keys come from: given once, or fetched and kept fresh.

use std::sync::Arc;
use std::time::Duration;

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

    /// The set in use; nothing while there is none to decide with.
    pub(crate) fn current(&self) -> Option<Arc<VersionedKeySet>> {
        match self {
            Self::Static { keys, .. } => Some(Arc::clone(keys)),
            Self::Remote(remote) => remote.current(),
        }
    }

    /// Returns the set in use without starting the refresh task: before a token's claims are validated, no key is fetched.
    pub(crate) fn available(&self) -> Option<Arc<VersionedKeySet>> {
        match self {
            Self::Static { keys, .. } => Some(Arc::clone(keys)),
            Self::Remote(remote) => remote.available(),
        }
    }

    /// Returns how much may still be fetched, or `None` if no fetch was made.
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

    /// Whether a token that was verified under this generation may still pass at this second of the wall clock.
    pub(crate) fn is_current(&self, generation: u64, now: i64) -> bool {
        match self {
            Self::Static { keys, .. } => generation == keys.generation,
            Self::Remote(remote) => remote.is_current(generation, now),
        }
    }

    /// Returns `true` if the keys never change.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self, Self::Static { .. })
    }

    /// What a request for a key that is not in the set waits for, or its response. Fixed keys never change.
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

    /// How long keys serve beyond their life; keys that are given have no life.
    pub(crate) fn max_stale(&self) -> Duration {
        match self {
            Self::Remote(remote) => remote.max_stale(),
            Self::Static { .. } => Duration::ZERO,
        }
    }

    /// Returns `true` if the keys come over http without TLS, and not from loopback.
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

    /// Takes over what another holds for the same issuer.
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
