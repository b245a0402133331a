//! The keyed digests of known credentials that outlive the process.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand;

/// A keyed digest of a credential that was active: HMAC with SHA-256, of which the first half is
/// kept. A party with the key cannot find another credential with the same digest either.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SavedDigest([u8; DIGEST_LEN]);

const DIGEST_LEN: usize = 16;
const KEY_LEN: usize = 32;

/// The key of the saved digests. It is part of the export.
pub(crate) struct SavedDigestKey {
    bytes: [u8; KEY_LEN],
    key: hmac::Key,
}

impl SavedDigestKey {
    /// Creates a random key, or returns `None` if the system has no random numbers.
    pub(super) fn random() -> Option<Self> {
        let mut bytes = [0; KEY_LEN];
        rand::fill(&mut bytes).ok()?;
        Some(Self::from_bytes(bytes))
    }

    fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
            bytes,
        }
    }

    pub(super) fn digest(&self, credential: &[u8]) -> SavedDigest {
        let tag = hmac::sign(&self.key, credential);
        // SHA-256 has 32 bytes, so the first 16 exist.
        SavedDigest(tag.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

/// The keyed digests of credentials that were active, for the next start.
///
/// [`Verifier::export_known_credentials`](crate::Verifier::export_known_credentials) returns it.
/// With it, the callers of before do not use the budget for unknown credentials after a restart. It
/// admits no caller.
///
/// **It contains the key of the digests, so it is a secret.** A party that reads it can test
/// whether a guessed credential is one of them.
#[derive(Clone, PartialEq, Eq)]
pub struct SavedCredentials {
    key: [u8; KEY_LEN],
    digests: Vec<SavedDigest>,
}

/// A reason why bytes are not saved credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SavedCredentialsError {
    /// They were written by another version of this crate.
    UnknownVersion,
    /// The length does not fit.
    InvalidLength,
    /// There are more than 100,000 entries.
    TooManyEntries,
}

const VERSION: u8 = 1;
const MAX_SAVED: usize = 100_000;

impl SavedCredentials {
    pub(super) fn new(key: &SavedDigestKey, digests: Vec<SavedDigest>) -> Self {
        let mut digests = digests;
        digests.truncate(MAX_SAVED);
        Self {
            key: key.bytes,
            digests,
        }
    }

    /// Reads saved credentials.
    ///
    /// # Errors
    ///
    /// Returns a [`SavedCredentialsError`] if the bytes are not exactly what
    /// [`to_bytes`](Self::to_bytes) returned. No part of them is used then.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SavedCredentialsError> {
        let (version, rest) = bytes
            .split_first()
            .ok_or(SavedCredentialsError::InvalidLength)?;
        if *version != VERSION {
            return Err(SavedCredentialsError::UnknownVersion);
        }
        let (key, rest) = rest
            .split_first_chunk::<KEY_LEN>()
            .ok_or(SavedCredentialsError::InvalidLength)?;
        let (count, rest) = rest
            .split_first_chunk()
            .ok_or(SavedCredentialsError::InvalidLength)?;
        let count = usize::try_from(u32::from_be_bytes(*count)).unwrap_or(usize::MAX);
        if count > MAX_SAVED {
            return Err(SavedCredentialsError::TooManyEntries);
        }
        if rest.len() != count * DIGEST_LEN {
            return Err(SavedCredentialsError::InvalidLength);
        }
        let digests = rest.chunks_exact(DIGEST_LEN);
        let digests = digests.filter_map(|digest| digest.first_chunk().copied());
        Ok(Self {
            key: *key,
            digests: digests.map(SavedDigest).collect(),
        })
    }

    /// Returns the bytes to keep. They are a secret.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + KEY_LEN + 4 + self.digests.len() * DIGEST_LEN);
        bytes.push(VERSION);
        bytes.extend(self.key);
        bytes.extend(u32::try_from(self.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(self.digests.iter().flat_map(|digest| digest.0));
        bytes
    }

    /// Returns the number of credentials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Returns `true` if there is no credential.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    pub(super) fn key(&self) -> SavedDigestKey {
        SavedDigestKey::from_bytes(self.key)
    }

    pub(super) fn digests(&self) -> &[SavedDigest] {
        &self.digests
    }
}

impl fmt::Debug for SavedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedCredentials")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SavedCredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownVersion => "the saved credentials have an unknown version",
            Self::InvalidLength => "the saved credentials have an invalid length",
            Self::TooManyEntries => "the saved credentials have too many entries",
        })
    }
}

impl std::error::Error for SavedCredentialsError {}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
