//! The order of the writes of one key: which record stays, and what a removal removes.

use serde_json::{Map, Value};

use super::record::{DenylistRecord, MAX_BYTES, RecordKey, VERSION, form_of};
use crate::clock::Clock;

/// How long a removal stays in a store. It is longer than the time for which a replica writes an
/// entry again.
const REMOVAL_KEPT_SECONDS: i64 = 20 * 60;

/// The milliseconds by which the clocks of two replicas may differ.
const CLOCKS_DIFFER: i64 = 5 * 60 * 1_000;

/// The kind of the record that says that a list is complete. It never changes.
const COMPLETE: &str = "complete_list";

impl DenylistRecord {
    /// Creates the removal of the entry with this key. A store writes it like any record, so that
    /// [`merged_with`](Self::merged_with) decides: the entry of an earlier write stays removed,
    /// also if a replica that missed the removal writes it again. A new denial replaces the
    /// removal.
    ///
    /// It is [obsolete](Self::is_obsolete) after about 90 minutes.
    ///
    /// ```
    /// use tower_m2m::{DenylistEntry, DenylistRecord, EntryExpiry};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let entry = DenylistEntry::client("https://acme.kinde.com", "4f2a");
    /// let stored = DenylistRecord::new(&entry, EntryExpiry::Never)?;
    /// let removal = DenylistRecord::removal(&stored.key()).merged_with(&stored);
    /// assert!(removal.is_removal() && removal.key() == stored.key());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn removal(key: &RecordKey) -> Self {
        let now = Clock::system().unix_milliseconds();
        let [kind, origin, form, issuer, name] = key.parts();
        Self {
            v: VERSION,
            kind,
            origin,
            issuer,
            name,
            // The key of a removal is that of its entry.
            issued_before: (*form == *form_of(true)).then_some(0),
            event_time: None,
            expires_at: Some(now / 1_000 + REMOVAL_KEPT_SECONDS),
            write: None,
            stamp: Some(now),
            removed: true,
            unknown: Map::new(),
            is_again: false,
        }
    }

    /// Returns `true` if the entry was removed. The record denies no caller.
    #[must_use]
    pub fn is_removal(&self) -> bool {
        self.removed
    }

    /// Returns the record that has the effect of both: the later expiry wins, and unknown members
    /// of both stay. If one is a [removal](Self::removal), the later one of the two stays. A store
    /// calls it if it has a record with the same [key](Self::key) already.
    #[must_use]
    pub fn merged_with(self, stored: &Self) -> Self {
        let is_older = self.is_again && self.stamp.zip(stored.stamp).is_some_and(|(a, b)| a < b);
        match (self.removed, stored.removed) {
            (true, true) => stored.clone(),
            (false, true) if is_older => stored.clone(),
            (false, true) | (true, false) => self.after(stored),
            (false, false) => self.added_to(stored),
        }
    }

    pub(super) fn stamp(&self) -> Option<i64> {
        self.stamp
    }

    fn added_to(self, stored: &Self) -> Self {
        let expires_at = match (self.expires_at, stored.expires_at) {
            (Some(new), Some(old)) => Some(new.max(old)),
            (None, _) | (_, None) => None,
        };
        let mut unknown = stored.unknown.clone();
        unknown.extend(self.unknown.clone());
        let merged = Self {
            v: self.v.max(stored.v),
            issued_before: self.issued_before.max(stored.issued_before),
            event_time: self.event_time.max(stored.event_time),
            expires_at,
            unknown,
            ..self.after(stored)
        };
        let as_stored = Self {
            write: stored.write,
            stamp: stored.stamp,
            is_again: stored.is_again,
            ..merged.clone()
        };
        if as_stored == *stored {
            // The write changes nothing.
            return as_stored;
        }
        if merged.to_json().len() > MAX_BYTES {
            // Unknown members are less important than the denial.
            return Self {
                unknown: Map::new(),
                ..merged
            };
        }
        merged
    }

    /// Returns this record as a write after another one.
    fn after(self, earlier: &Self) -> Self {
        let next = earlier.stamp.map(|stamp| stamp.saturating_add(1));
        Self {
            stamp: self.stamp.max(next),
            is_again: false,
            ..self
        }
    }

    /// Returns this record as one that the store had and lost.
    pub(crate) fn again(self) -> Self {
        Self {
            is_again: true,
            ..self
        }
    }

    /// Returns `true` if a removal with this stamp removes this record. If the stamp of this record
    /// is the one that the store has given, the order is known. If it is only the time of this
    /// replica's clock, the removal has to be newer by more than clocks may differ.
    pub(super) fn is_removed_by(&self, removal: i64, is_stored: bool) -> bool {
        let tolerance = if is_stored { 0 } else { CLOCKS_DIFFER };
        let stamp = self.stamp.unwrap_or(i64::MAX);
        stamp.saturating_add(tolerance) < removal
    }

    /// Returns `true` if it was written in the last `seconds`, or by a clock that is ahead.
    pub(super) fn is_newer_than(&self, seconds: u64) -> bool {
        let milliseconds = i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000);
        let since = Clock::system()
            .unix_milliseconds()
            .saturating_sub(milliseconds);
        self.stamp.is_some_and(|stamp| stamp > since)
    }

    /// Returns `true` if the JSON of a record that cannot be parsed has a newer version.
    #[allow(dead_code, reason = "the Redis store is a feature of its own")]
    pub(crate) fn has_newer_version(json: &[u8]) -> bool {
        let value: Option<Value> = serde_json::from_slice(json).ok();
        let version = value.as_ref().and_then(|value| value.get("v")?.as_u64());
        version.is_some_and(|version| version > u64::from(VERSION))
    }

    /// Creates the record that says that the list in the store is complete. It denies no caller. A
    /// store without it is new, or it lost its data.
    pub(crate) fn complete_list() -> Self {
        Self {
            expires_at: None,
            removed: false,
            ..Self::removal(&RecordKey::complete_list())
        }
    }

    /// Returns `true` if it is the record that says that the list in the store is complete, or the
    /// removal of this record.
    pub(crate) fn is_about_completeness(&self) -> bool {
        *self.kind == *COMPLETE
    }
}

impl RecordKey {
    /// Returns the key of the record that says that the list in the store is complete.
    pub(super) fn complete_list() -> Self {
        Self::from_parts([COMPLETE, "replication", form_of(false), "*", "*"])
    }
}
