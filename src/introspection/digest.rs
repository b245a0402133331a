//! Keyed digests: what the caches know of a credential.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand;

/// A keyed digest of a credential. Without the key, it says nothing about the credential.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CredentialDigest(pub(crate) [u8; DIGEST_LEN]);

pub(crate) const DIGEST_LEN: usize = 16;
pub(crate) const KEY_LEN: usize = 32;

/// The secret key of the digests.
pub(crate) struct DigestKey {
    bytes: [u8; KEY_LEN],
    key: hmac::Key,
}

impl DigestKey {
    /// Creates a random key, or returns `None` if the system has no random numbers.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = [0; KEY_LEN];
        rand::fill(&mut bytes).ok()?;
        Some(Self::from_bytes(bytes))
    }

    pub(crate) fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
            bytes,
        }
    }

    /// Returns the key for an export. The export is a secret.
    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.bytes
    }

    pub(crate) fn digest(&self, credential: &[u8]) -> CredentialDigest {
        let tag = hmac::sign(&self.key, credential);
        // SHA-256 has 32 bytes, so the first 16 exist.
        CredentialDigest(tag.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for CredentialDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialDigest").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
