//! The HMAC of records and removals (rule 193).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Signs and checks values, if there is a key.
pub(super) struct RecordSigner(Option<hmac::Key>);

/// What a value means. It is signed too, so that a record is no removal.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    Record,
    Removal,
}

impl RecordSigner {
    pub(super) fn new(key: Option<&[u8]>) -> Self {
        Self(key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// Returns the value as it is stored: with a key, `HMAC.VALUE`.
    pub(super) fn sign(&self, meaning: Meaning, value: &[u8]) -> Vec<u8> {
        let Some(key) = &self.0 else {
            return value.to_vec();
        };
        let tag = hmac::sign(key, &signed(meaning, value));
        let mut stored = URL_SAFE_NO_PAD.encode(tag.as_ref()).into_bytes();
        stored.push(b'.');
        stored.extend_from_slice(value);
        stored
    }

    /// Returns the value of a stored one, or `None` if it is not authentic. Without a key, values
    /// with and without an HMAC are read.
    pub(super) fn open<'v>(&self, meaning: Meaning, stored: &'v [u8]) -> Option<&'v [u8]> {
        // JSON begins with a bracket, and base64url has none.
        let is_signed = !matches!(stored.first(), Some(b'{' | b'['));
        let dot = stored.iter().position(|byte| *byte == b'.');
        let (tag, value) = match dot.filter(|_| is_signed) {
            Some(dot) => (stored.get(..dot)?, stored.get(dot + 1..)?),
            None => (&[][..], stored),
        };
        let Some(key) = &self.0 else {
            return Some(value);
        };
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(key, &signed(meaning, value), &tag).ok()?;
        Some(value)
    }
}

fn signed(meaning: Meaning, value: &[u8]) -> Vec<u8> {
    let prefix: &[u8] = match meaning {
        Meaning::Record => b"record\0",
        Meaning::Removal => b"removal\0",
    };
    [prefix, value].concat()
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
