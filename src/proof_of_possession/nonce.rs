//! Nonces that the server provides (RFC 9449 §8, §9). They need no memory: replicas with the same
//! key agree.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::token::decode_32_bytes;

/// The seconds in which the same nonce is provided. A nonce is valid in the next period too, except
/// in its last 10 s.
const PERIOD: i64 = 120;

/// The seconds by which the clocks of two replicas may differ.
const SKEW: i64 = 10;

/// The bytes that a key has at least.
const KEY_MIN: usize = 32;

/// The secret key of the nonces.
#[derive(Clone)]
pub(crate) struct NonceKey {
    key: hmac::Key,
    length: usize,
}

/// Whether a nonce is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceAge {
    /// It is the nonce that is provided now.
    Current,
    /// It is valid for at most one more period, so the client should learn the next one.
    Older,
    /// It is too old, or no nonce of this key.
    Invalid,
}

impl NonceKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            length: key.len(),
        }
    }

    /// Returns why the key is unusable.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        (self.length < KEY_MIN).then_some("must have at least 32 unpredictable bytes")
    }

    /// Returns the nonce that is provided now. All its characters are `NQCHAR` (RFC 6749 A).
    pub(crate) fn current(&self, now: i64) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(now.div_euclid(PERIOD)))
    }

    /// Checks a nonce of a proof. Two are valid at a time.
    pub(crate) fn check(&self, nonce: &str, now: i64) -> NonceAge {
        let Some(tag) = decode_32_bytes(nonce) else {
            return NonceAge::Invalid;
        };
        let is_of = |period: i64| verify_slices_are_equal(&tag, self.tag(period).as_ref()).is_ok();
        // A replica whose clock is ahead provides the next nonce a little earlier.
        let newest = now.saturating_add(SKEW).div_euclid(PERIOD);
        // In the last seconds of a period, the nonce that is provided is not the newest.
        let provided = now.div_euclid(PERIOD);
        if is_of(newest) || (provided != newest && is_of(provided)) {
            NonceAge::Current
        } else if is_of(newest - 1) {
            NonceAge::Older
        } else {
            NonceAge::Invalid
        }
    }

    fn tag(&self, period: i64) -> hmac::Tag {
        let mut message = *b"tower-m2m DPoP nonce --------";
        if let Some(end) = message.last_chunk_mut() {
            *end = period.to_be_bytes();
        }
        hmac::sign(&self.key, &message)
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
