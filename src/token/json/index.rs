//! Where an object's members are, by fingerprints of their names.

/// Length, first and last byte of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct NameFingerprint(u32);

impl NameFingerprint {
    /// The print of the empty name.
    pub(super) const NONE: Self = Self(0);

    #[allow(
        clippy::cast_possible_truncation,
        reason = "only equality is asked for"
    )]
    pub(super) fn new(name: &str) -> Self {
        match name.as_bytes() {
            [] => Self::NONE,
            [first, .., last] => {
                Self((name.len() as u32) << 16 | u32::from(*first) << 8 | u32::from(*last))
            }
            [only] => Self(1 << 16 | u32::from(*only) << 8),
        }
    }

    /// A number below [`BUCKETS`]. The factors are such that the names of a token's claims, and of those that are sought in
    /// vain, have each their own.
    const fn bucket(self) -> usize {
        let [last, first, len, _] = self.0.to_le_bytes();
        (len as usize + first as usize * 13 + last as usize * 27) % BUCKETS
    }
}

const BUCKETS: usize = 64;

/// Where an object's members are, by the prints of their names: the first of each place.
#[derive(Clone, Copy)]
pub(super) struct Index([u8; BUCKETS]);

/// What an [`Index`] knows of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IndexEntry {
    Absent,
    /// It is here, or another name has taken its place.
    Candidate(u32),
    /// Something is there, too far behind to be told.
    Overflow,
}

impl Index {
    pub(super) const EMPTY: Self = Self([0; BUCKETS]);
    const OVERFLOW: u8 = u8::MAX;

    pub(super) fn find(&self, print: NameFingerprint) -> IndexEntry {
        match self.0.get(print.bucket()) {
            None | Some(0) => IndexEntry::Absent,
            Some(&Self::OVERFLOW) => IndexEntry::Overflow,
            Some(node) => IndexEntry::Candidate(u32::from(*node)),
        }
    }

    /// Notes a member whose place is free. The object itself comes before it, so its number is not zero.
    pub(super) fn insert(&mut self, print: NameFingerprint, node: usize) {
        if let Some(slot) = self.0.get_mut(print.bucket()) {
            *slot = u8::try_from(node).unwrap_or(Self::OVERFLOW);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the factors in [`NameFingerprint::bucket`] were chosen for.
    #[test]
    fn claim_names_have_distinct_index_slots() {
        let indexed = [
            "aud", "azp", "exp", "gty", "iat", "iss", "jti", "org_code", "scope", "scp", "v",
        ];
        let absent = [
            "nbf",
            "sub",
            "cnf",
            "act",
            "client_id",
            "nonce",
            "at_hash",
            "c_hash",
            "s_hash",
            "events",
            "htu",
            "htm",
        ];
        let extras = ["application_properties", "feature_flags"];
        let buckets: Vec<usize> = indexed
            .map(|name| NameFingerprint::new(name).bucket())
            .to_vec();
        for (at, slot) in buckets.iter().enumerate() {
            assert!(!buckets[..at].contains(slot), "{}", indexed[at]);
        }
        for name in absent.iter().chain(&extras) {
            assert!(
                !buckets.contains(&NameFingerprint::new(name).bucket()),
                "{name}"
            );
        }
    }
}
