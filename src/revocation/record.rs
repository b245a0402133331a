//! The form of entries in a store that several replicas share: JSON with a version.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::entries::Slot;
use super::entry::{DenylistEntry, EntryExpiry, EntryOrigin, EntryReach, Kind};
use super::record_error::RecordError;
use crate::clock::Clock;

/// The largest record and the largest key, in bytes.
pub(super) const MAX_BYTES: usize = 1024;

/// The bytes by which the removal of an entry can be longer than the entry.
const LONGER_REMOVAL: usize = 32;

/// The version that this crate writes.
pub(super) const VERSION: u32 = 1;

/// The time for which a replicated entry applies after its expiry: the largest leeway of a token,
/// and 5 minutes by which the clocks of two replicas may differ (rule 197).
const APPLIES_AFTER_EXPIRY: i64 = 10 * 60;

/// An entry of a [`Denylist`](crate::Denylist) in a store that several replicas share.
///
/// In the store it is one JSON object of at most 1 KiB. A newer version of this crate may add
/// members and kinds. An older one keeps unknown members when it writes a record again, and ignores
/// and counts records of an unknown kind.
///
/// If an entry is removed, a [removal](Self::removal) replaces its record for a while, so that a
/// replica that missed the removal does not write the entry again. Applications need only
/// [`Denylist`](crate::Denylist); this type is for [stores](crate::DenylistStore).
///
/// ```
/// use tower_m2m::{DenylistEntry, DenylistRecord, EntryExpiry};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let entry = DenylistEntry::organization("https://acme.kinde.com", "org_a");
/// let record = DenylistRecord::new(&entry, EntryExpiry::UnixSeconds(1_751_237_068))?;
/// let stored = record.to_json();
/// assert_eq!(DenylistRecord::from_json(&stored)?, record);
/// assert_eq!(record.expires_at(), Some(1_751_237_068));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenylistRecord {
    pub(super) v: u32,
    pub(super) kind: Box<str>,
    #[serde(default = "application")]
    pub(super) origin: Box<str>,
    pub(super) issuer: Box<str>,
    pub(super) name: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) issued_before: Option<i64>,
    /// The time of the security event that added the entry, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) event_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<i64>,
    /// A random number of the write, so that a replica recognizes its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) write: Option<u64>,
    /// The order of the writes of one key: the time of the write in milliseconds, but always more
    /// than that of the record that it replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stamp: Option<i64>,
    /// Whether the entry was removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) removed: bool,
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
    /// Whether the store had this record already and lost it. It is not stored.
    #[serde(skip)]
    pub(super) is_again: bool,
}

fn application() -> Box<str> {
    EntryOrigin::Application.as_str().into()
}

/// The identity of a [`DenylistRecord`] in a store: at most one record has it.
///
/// It is a JSON array of strings. Stores compare it byte for byte.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(Box<str>);

impl DenylistRecord {
    /// Creates the record of an entry.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::TooLong`] if issuer and name together are too long.
    pub fn new(entry: &DenylistEntry, expiry: EntryExpiry) -> Result<Self, RecordError> {
        Self::with_origin(EntryOrigin::Application, entry, expiry)
    }

    pub(super) fn with_origin(
        origin: EntryOrigin,
        entry: &DenylistEntry,
        expiry: EntryExpiry,
    ) -> Result<Self, RecordError> {
        let record = Self {
            v: VERSION,
            kind: entry.kind.as_str().into(),
            origin: origin.as_str().into(),
            issuer: entry.issuer.clone(),
            name: entry.name.clone(),
            issued_before: entry.issued_before,
            event_time: entry.event_time,
            expires_at: match expiry {
                EntryExpiry::Never => None,
                EntryExpiry::UnixSeconds(seconds) => Some(seconds),
            },
            write: Some(new_write()),
            stamp: Some(Clock::system().unix_milliseconds()),
            removed: false,
            unknown: Map::new(),
            is_again: false,
        };
        let longest = (record.to_json().len() + LONGER_REMOVAL).max(record.key().0.len());
        if longest > MAX_BYTES {
            return Err(RecordError::TooLong);
        }
        Ok(record)
    }

    /// Parses a record that a store contains.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError`] if it is too long, not a JSON object, or has no valid form. A store
    /// reports it with [`DenylistChanges::malformed`](crate::DenylistChanges::malformed) and
    /// continues.
    pub fn from_json(json: &[u8]) -> Result<Self, RecordError> {
        if json.len() > MAX_BYTES {
            return Err(RecordError::TooLong);
        }
        let record: Self = serde_json::from_slice(json).map_err(|_| RecordError::Malformed)?;
        if record.v == 0 || record.issuer.is_empty() || record.name.is_empty() {
            return Err(RecordError::Malformed);
        }
        Ok(record)
    }

    /// Returns the JSON of the record.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and JSON values can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns the identity of the record.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        let form = form_of(self.issued_before.is_some());
        RecordKey::from_parts([&self.kind, &self.origin, form, &self.issuer, &self.name])
    }

    /// Returns when the entry expires, in seconds since the Unix epoch, or `None` if it never does.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    /// Returns `true` if the entry applies on no replica any more, also if clocks differ by an
    /// hour. A store may delete such records.
    #[must_use]
    pub fn is_obsolete(&self, unix_seconds: i64) -> bool {
        const CLOCKS_DIFFER: i64 = 60 * 60;
        self.applies_until().saturating_add(CLOCKS_DIFFER) < unix_seconds
    }

    /// Returns `true` if both are the same write.
    pub(super) fn is_same_write(&self, other: &Self) -> bool {
        self.write.is_some() && self.write == other.write
    }

    pub(super) fn applies_until(&self) -> i64 {
        self.expires_at.map_or(i64::MAX, |expires_at| {
            expires_at.saturating_add(APPLIES_AFTER_EXPIRY)
        })
    }

    /// Returns the entry, or `None` if this version does not know its kind or its origin.
    pub(super) fn entry(&self) -> Option<(DenylistEntry, Slot)> {
        let mut entry = DenylistEntry::new(&*self.issuer, Kind::parse(&self.kind)?, &*self.name);
        entry.issued_before = self.issued_before;
        entry.event_time = self.event_time;
        let slot = entry.slot(EntryOrigin::parse(&self.origin)?, EntryReach::AllReplicas);
        Some((entry, slot))
    }
}

impl RecordKey {
    /// Parses a key that a store contains.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError`] if it is too long or has no valid form.
    pub fn parse(key: &str) -> Result<Self, RecordError> {
        if key.len() > MAX_BYTES {
            return Err(RecordError::TooLong);
        }
        let parts: [Box<str>; 5] = serde_json::from_str(key).map_err(|_| RecordError::Malformed)?;
        // Two spellings of one key would be two records.
        let canonical = Self::from_parts(parts.each_ref().map(AsRef::as_ref));
        if *canonical.0 == *key {
            Ok(canonical)
        } else {
            Err(RecordError::Malformed)
        }
    }

    /// Returns the key as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn from_parts(parts: [&str; 5]) -> Self {
        // Strings can always be written.
        Self(serde_json::to_string(&parts).unwrap_or_default().into())
    }

    pub(super) fn from_entry(entry: &DenylistEntry, slot: Slot) -> Self {
        let form = form_of(slot.is_for_older_tokens);
        let (kind, origin) = (entry.kind.as_str(), slot.origin.as_str());
        Self::from_parts([kind, origin, form, &entry.issuer, &entry.name])
    }

    /// Returns kind, origin, form, issuer and name.
    pub(super) fn parts(&self) -> [Box<str>; 5] {
        // Each key was written from these parts.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Returns the entry without its times, or `None` if this version does not know its kind or its
    /// origin.
    pub(super) fn entry(&self) -> Option<(DenylistEntry, Slot)> {
        let [kind, origin, form, issuer, name] = self.parts();
        let slot = Slot {
            origin: EntryOrigin::parse(&origin)?,
            reach: EntryReach::AllReplicas,
            is_for_older_tokens: *form == *form_of(true),
        };
        let entry = DenylistEntry::new(issuer, Kind::parse(&kind)?, name);
        Some((entry, slot))
    }
}

pub(super) fn new_write() -> u64 {
    RandomState::new().hash_one(0_u8)
}

pub(super) const fn form_of(is_for_older_tokens: bool) -> &'static str {
    if is_for_older_tokens { "older" } else { "all" }
}

impl fmt::Debug for DenylistRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenylistRecord")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecordKey").field(&self.0).finish()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
