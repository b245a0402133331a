//! The keys of a set that are tried for a token.

use std::sync::atomic::Ordering;

use super::VerificationKey;
use super::key_set::{KeySet, KidMatching};
use crate::token::{Algorithm, KeyFingerprint, TokenError};

/// The maximum number of keys with the same name and algorithm that are tried for one token.
const MAX_CANDIDATES: usize = 4;

/// The default of the maximum number of keys that are tried for a token without `kid`.
pub(crate) const MAX_KEYS_WITHOUT_KID: usize = 16;

impl KeySet {
    /// Verifies a signature with the keys that belong to the issuer of a token with this `tid`, and
    /// returns the key.
    pub(crate) fn verify_for<'t>(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
        tid: impl Fn() -> Option<&'t str>,
    ) -> Result<KeyFingerprint, TokenError> {
        if kid.is_none() {
            let max = MAX_KEYS_WITHOUT_KID;
            return self.verify_without_kid(algorithm, signing_input, signature, tid, max);
        }
        let mut named = self.candidates(kid, algorithm).peekable();
        named.peek().ok_or(TokenError::UnknownKey)?;
        let mut candidates = named
            .filter(|(_, key)| key.belongs_to_issuer(&tid))
            .take(MAX_CANDIDATES)
            .peekable();
        candidates.peek().ok_or(TokenError::KeyOfOtherIssuer)?;
        let (_, key) = candidates
            .find(|(_, key)| key.verifies(signing_input, signature))
            .ok_or(TokenError::InvalidSignature)?;
        Ok(key.fingerprint())
    }

    /// Verifies a signature with the keys of an algorithm, at most `max` of them. The key that
    /// verified the last such token is the first. Returns the key.
    pub(crate) fn verify_without_kid<'t>(
        &self,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
        tid: impl Fn() -> Option<&'t str>,
        max: usize,
    ) -> Result<KeyFingerprint, TokenError> {
        let last = self.last_without_kid.load(Ordering::Relaxed);
        let candidates = || self.candidates(None, algorithm);
        let mut named = candidates()
            .filter(|(at, _)| *at == last)
            .chain(candidates().filter(|(at, _)| *at != last))
            .peekable();
        named.peek().ok_or(TokenError::UnknownKey)?;
        let mut candidates = named
            .filter(|(_, key)| key.belongs_to_issuer(&tid))
            .take(max)
            .peekable();
        candidates.peek().ok_or(TokenError::KeyOfOtherIssuer)?;
        let (at, key) = candidates
            .find(|(_, key)| key.verifies(signing_input, signature))
            .ok_or(TokenError::InvalidSignature)?;
        // Reading first avoids most writes, so the cores can share the cache line.
        if at != last {
            self.last_without_kid.store(at, Ordering::Relaxed);
        }
        Ok(key.fingerprint())
    }

    /// Returns the keys to try, with their positions in the set. If the token has a `kid`, these
    /// are the keys with this name (RFC 7515 §4.1.4). Otherwise they are all keys that fit. Among
    /// keys with the same name, the algorithm decides (RFC 7517 §4.5).
    fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = (usize, &VerificationKey)> {
        let any_name = self.kid_matching == KidMatching::Ignored || kid.is_none();
        self.keys
            .iter()
            .enumerate()
            .filter(move |(_, key)| key.algorithm() == algorithm && (any_name || key.kid() == kid))
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
