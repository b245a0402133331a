//! The keys of a set that a token is checked with.

use std::sync::atomic::Ordering;

use super::VerificationKey;
use super::key_set::{KeySet, KidMatching};
use crate::token::{Algorithm, TokenError};

/// Keys of the same name and algorithm that one token is checked against, at most.
const MAX_CANDIDATES: usize = 4;

/// Keys that a token without `kid` is checked against, at most, unless an issuer's settings say otherwise.
pub(crate) const MAX_KEYS_WITHOUT_KID: usize = 16;

impl KeySet {
    /// Checks a signature with the keys that belong to the issuer of a token whose `tid` is this one.
    pub(crate) fn verify_for<'t>(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
        tid: impl Fn() -> Option<&'t str>,
    ) -> Result<(), TokenError> {
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
        if candidates.any(|(_, key)| key.verifies(signing_input, signature)) {
            Ok(())
        } else {
            Err(TokenError::InvalidSignature)
        }
    }

    /// Checks a signature with the keys of an algorithm, at most `max` of them. The key that verified the
    /// last such token is the first.
    pub(crate) fn verify_without_kid<'t>(
        &self,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
        tid: impl Fn() -> Option<&'t str>,
        max: usize,
    ) -> Result<(), TokenError> {
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
        let (at, _) = candidates
            .find(|(_, key)| key.verifies(signing_input, signature))
            .ok_or(TokenError::InvalidSignature)?;
        // A look before the write keeps the line shared between cores if nothing changes.
        if at != last {
            self.last_without_kid.store(at, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The keys to try, with their places in the set: those with this name (RFC 7515 §4.1.4), or, for a
    /// token that names none, all that fit. Among several of one name the algorithm decides (RFC 7517 §4.5).
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
