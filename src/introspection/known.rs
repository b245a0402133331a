//! The credentials that were active before, as keyed digests. They admit no caller: they only
//! decide who uses the budget for unknown credentials.

use std::sync::Arc;

use moka::sync::Cache;

use super::cache::MAX_RESPONSES;
use super::digest::CredentialDigest;
use super::saved::{SavedDigest, SavedDigestKey};
use crate::util::UniformHashBuilder;

/// The known credentials of one issuer.
pub(super) struct KnownCredentials {
    /// Those that were active since the start.
    current: Cache<CredentialDigest, SavedDigest, UniformHashBuilder>,
    /// Those of the last start that were not used since then.
    restored: Cache<SavedDigest, ()>,
    /// `false` if none were restored, so that an unknown credential costs no second digest.
    is_any_restored: bool,
    key: Arc<SavedDigestKey>,
}

impl KnownCredentials {
    pub(super) fn new(key: Arc<SavedDigestKey>, restored: &[SavedDigest]) -> Self {
        let credentials = Self {
            current: Cache::builder()
                .max_capacity(MAX_RESPONSES)
                .build_with_hasher(UniformHashBuilder::default()),
            restored: Cache::builder().max_capacity(MAX_RESPONSES).build(),
            is_any_restored: !restored.is_empty(),
            key,
        };
        for digest in restored {
            credentials.restored.insert(*digest, ());
        }
        credentials
    }

    pub(super) fn contains(&self, digest: &CredentialDigest, credential: &[u8]) -> bool {
        // `get` counts as a use, and `contains_key` does not.
        self.current.get(digest).is_some()
            || self.is_any_restored && self.restored.get(&self.key.digest(credential)).is_some()
    }

    /// Adds an active credential.
    pub(super) fn insert(&self, digest: CredentialDigest, credential: &[u8]) {
        let saved = self.key.digest(credential);
        self.restored.invalidate(&saved);
        self.current.insert(digest, saved);
    }

    /// Removes a credential. Returns `true` if it was known.
    pub(super) fn remove(&self, digest: &CredentialDigest, credential: &[u8]) -> bool {
        let was_used = self.current.remove(digest).is_some();
        let remove_restored = || self.restored.remove(&self.key.digest(credential));
        let was_restored = self.is_any_restored && remove_restored().is_some();
        was_used || was_restored
    }

    /// Returns the digests for the next start.
    pub(super) fn digests(&self) -> Vec<SavedDigest> {
        self.current.run_pending_tasks();
        self.restored.run_pending_tasks();
        let current = self.current.iter().map(|(_, saved)| saved);
        let restored = self.restored.iter().map(|(saved, ())| *saved);
        current.chain(restored).collect()
    }
}
