//! Keyed digests: what the caches know of a credential.
//!
//! The digest is computed for each request, so it is a fast one. Its key is random, belongs to one
//! verifier, and is never exported: without it, no other credential with the same digest can be
//! found. [`saved`](super::saved) has the digests that outlive the process.

use std::fmt;
use std::hash::{Hash, Hasher};

use aws_lc_rs::rand;

use super::siphash::siphash128;

/// A keyed digest of a credential. Without the key, it says nothing about the credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CredentialDigest(pub(crate) [u64; 2]);

/// The secret key of the digests.
pub(crate) struct DigestKey([u64; 2]);

impl DigestKey {
    /// Creates a random key, or returns `None` if the system has no random numbers.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = [[0; 8]; 2];
        rand::fill(bytes.as_flattened_mut()).ok()?;
        Some(Self(bytes.map(u64::from_le_bytes)))
    }

    pub(crate) fn digest(&self, credential: &[u8]) -> CredentialDigest {
        CredentialDigest(siphash128(self.0, credential))
    }
}

impl Hash for CredentialDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
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
