//! The HMAC of records (rule 193).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Signs and checks records, if there is a key.
pub(super) struct RecordSigner {
    key: Option<hmac::Key>,
    /// Further keys whose records are read.
    accepted: Vec<hmac::Key>,
    /// It is signed too, so that a record of another namespace is not authentic.
    namespace: Box<str>,
}

/// An authentic record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened<'v> {
    pub(super) json: &'v [u8],
    pub(super) signed_with: SignedWith,
}

/// The key of an authentic record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignedWith {
    /// This replica has no key, so it checks none.
    Unchecked,
    OwnKey,
    AcceptedKey,
}

impl RecordSigner {
    pub(super) fn new(namespace: &str, key: Option<&[u8]>, accepted: &[Vec<u8>]) -> Self {
        let hmac_key = |key: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, key);
        Self {
            key: key.map(hmac_key),
            accepted: accepted.iter().map(|key| hmac_key(key)).collect(),
            namespace: namespace.into(),
        }
    }

    /// Returns the record as it is stored: with a key, `HMAC.JSON`.
    pub(super) fn sign(&self, json: &[u8]) -> Vec<u8> {
        let Some(key) = &self.key else {
            return json.to_vec();
        };
        let tag = hmac::sign(key, &self.signed(json));
        let mut stored = URL_SAFE_NO_PAD.encode(tag.as_ref()).into_bytes();
        stored.push(b'.');
        stored.extend_from_slice(json);
        stored
    }

    /// Returns the JSON of a stored record, or `None` if it is not authentic. Without a key,
    /// records with and without an HMAC are read.
    pub(super) fn open<'v>(&self, stored: &'v [u8]) -> Option<Opened<'v>> {
        // JSON begins with a brace, and base64url has none.
        let is_signed = stored.first() != Some(&b'{');
        let dot = stored.iter().position(|byte| *byte == b'.');
        let (tag, json) = match dot.filter(|_| is_signed) {
            Some(dot) => (stored.get(..dot)?, stored.get(dot + 1..)?),
            None => (&[][..], stored),
        };
        let opened = |signed_with| Some(Opened { json, signed_with });
        let Some(own) = &self.key else {
            return opened(SignedWith::Unchecked);
        };
        let (tag, signed) = (URL_SAFE_NO_PAD.decode(tag).ok()?, self.signed(json));
        let is_valid = |key: &hmac::Key| hmac::verify(key, &signed, &tag).is_ok();
        if is_valid(own) {
            opened(SignedWith::OwnKey)
        } else if self.accepted.iter().any(is_valid) {
            opened(SignedWith::AcceptedKey)
        } else {
            None
        }
    }

    fn signed(&self, json: &[u8]) -> Vec<u8> {
        [b"record\0", self.namespace.as_bytes(), b"\0", json].concat()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
