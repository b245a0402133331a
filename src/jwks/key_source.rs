//! Where an issuer's keys come from: given once, or fetched and kept fresh.

use std::sync::Arc;
use std::time::Duration;

use super::{Flight, Generation, IssuerStatus, JwksError, KeySet, RemoteKeys, SavedKeys, Wanted};

/// The keys of one issuer.
#[derive(Debug)]
pub(crate) enum Keys {
    Fixed {
        issuer: Arc<str>,
        keys: Arc<Generation>,
    },
    Remote(RemoteKeys),
}

impl Keys {
    pub(crate) fn fixed(issuer: Arc<str>, set: KeySet) -> Self {
        Self::Fixed {
            issuer,
            keys: Arc::new(Generation { set, number: 1 }),
        }
    }

    /// The set in use; nothing while there is none to decide with.
    pub(crate) fn held(&self) -> Option<Arc<Generation>> {
        match self {
            Self::Fixed { keys, .. } => Some(Arc::clone(keys)),
            Self::Remote(remote) => remote.held(),
        }
    }

    /// Whether a token that was verified under this generation may still pass at this second of the wall clock.
    pub(crate) fn still_holds(&self, generation: u64, now: i64) -> bool {
        match self {
            Self::Fixed { keys, .. } => generation == keys.number,
            Self::Remote(remote) => remote.still_holds(generation, now),
        }
    }

    /// Whether the set in use has no key of this name, and a fetch a moment ago brought none.
    pub(crate) fn had_no_key(&self, kid: &str) -> bool {
        match self {
            Self::Fixed { .. } => false,
            Self::Remote(remote) => remote.had_no_key(kid),
        }
    }

    pub(crate) fn seek(&self, wanted: Wanted<'_>, held: Option<&Generation>) -> Option<Flight> {
        match self {
            Self::Fixed { .. } => None,
            Self::Remote(remote) => remote.seek(wanted, held),
        }
    }

    /// How long keys serve beyond their life; keys that are given have no life.
    pub(crate) fn max_stale(&self) -> Duration {
        match self {
            Self::Remote(remote) => remote.max_stale(),
            Self::Fixed { .. } => Duration::ZERO,
        }
    }

    pub(crate) async fn arrival(&self, flight: Flight, kid: Option<&str>) {
        if let Self::Remote(remote) = self {
            remote.arrival(flight, kid).await;
        }
    }

    pub(crate) fn remember_client(&self, client_id: &str) {
        if let Self::Remote(remote) = self {
            remote.remember_client(client_id);
        }
    }

    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::Fixed { .. } => Duration::from_secs(1),
            Self::Remote(remote) => remote.retry_after(),
        }
    }

    pub(crate) fn start(&self) -> Result<(), JwksError> {
        match self {
            Self::Fixed { .. } => Ok(()),
            Self::Remote(remote) => remote.start(),
        }
    }

    pub(crate) async fn first_try(&self) -> Result<(), JwksError> {
        match self {
            Self::Fixed { .. } => Ok(()),
            Self::Remote(remote) => remote.first_try().await,
        }
    }

    pub(crate) fn export(&self) -> Option<SavedKeys> {
        match self {
            Self::Fixed { .. } => None,
            Self::Remote(remote) => remote.export(),
        }
    }

    pub(crate) fn restore(&self, saved: &SavedKeys) {
        if let Self::Remote(remote) = self {
            remote.restore(saved);
        }
    }

    /// Takes over what another holds for the same issuer.
    pub(crate) fn adopt(&self, other: &Self) {
        if let (Self::Remote(remote), Self::Remote(other)) = (self, other) {
            remote.adopt(other);
        }
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        match self {
            Self::Fixed { issuer, keys } => IssuerStatus {
                issuer: issuer.to_string(),
                keys: keys.set.keys().collect(),
                left_out: keys.set.left_out().to_vec(),
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
