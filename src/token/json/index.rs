//! An index of an object's members by fingerprints of their names.

/// The fingerprint of a name: its length, its first and its last byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct NameFingerprint(u32);

impl NameFingerprint {
    /// The fingerprint of the empty name.
    pub(super) const NONE: Self = Self(0);

    #[allow(clippy::cast_possible_truncation, reason = "only equality matters")]
    pub(super) fn new(name: &str) -> Self {
        match name.as_bytes() {
            [] => Self::NONE,
            [first, .., last] => {
                Self((name.len() as u32) << 16 | u32::from(*first) << 8 | u32::from(*last))
            }
            [only] => Self(1 << 16 | u32::from(*only) << 8),
        }
    }

    /// Returns a number below [`BUCKETS`]. The factors give each claim name its own bucket, both
    /// for the claims that tokens have and for those that are looked up and absent.
    const fn bucket(self) -> usize {
        let [last, first, len, _] = self.0.to_le_bytes();
        (len as usize + first as usize * 13 + last as usize * 27) % BUCKETS
    }
}

const BUCKETS: usize = 64;

/// An index of an object's members by the fingerprints of their names. It has the first of each
/// bucket.
#[derive(Clone, Copy)]
pub(super) struct Index([u8; BUCKETS]);

/// The result of a lookup in an [`Index`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IndexEntry {
    Absent,
    /// The member is at this node, or another name has the same bucket.
    Candidate(u32),
    /// There is a member, but its node number is too large for the index.
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

    /// Adds a member if its bucket is free. Its number is not zero, because the object itself comes
    /// first.
    pub(super) fn insert(&mut self, print: NameFingerprint, node: usize) {
        if let Some(slot) = self.0.get_mut(print.bucket()) {
            *slot = u8::try_from(node).unwrap_or(Self::OVERFLOW);
        }
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
