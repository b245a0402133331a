//! The capacity of a list: security events may use a share of it, so that the application can
//! always deny, and a warning comes before the list is full.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::entries::Entries;
use super::entry::EntryOrigin;

/// How often expired entries are counted before a warning, in seconds.
const CLEAN_INTERVAL: i64 = 60;

pub(super) struct EntryLimits {
    pub(super) entries: usize,
    /// The largest number of entries that security events may add.
    event_entries: AtomicUsize,
    is_reported: AtomicBool,
}

/// The numbers of a list that is almost full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AlmostFull {
    pub(super) entries: usize,
    pub(super) capacity: usize,
    pub(super) event_entries: usize,
    pub(super) max_event_entries: usize,
}

impl EntryLimits {
    /// A quarter of the entries is reserved for the application.
    pub(super) fn new(entries: usize) -> Self {
        Self {
            entries,
            event_entries: AtomicUsize::new(entries - entries / 4),
            is_reported: AtomicBool::new(false),
        }
    }

    #[cfg(feature = "security-events")]
    pub(super) fn set_max_event_entries(&self, entries: usize) {
        let entries = entries.min(self.entries);
        self.event_entries.store(entries, Ordering::Relaxed);
    }

    fn max_event_entries(&self) -> usize {
        self.event_entries.load(Ordering::Relaxed)
    }

    /// Returns `true` if one more entry of this origin fits. Removes expired entries if necessary.
    pub(super) fn make_space(&self, lists: &mut Entries, origin: EntryOrigin) -> bool {
        let has_space = |lists: &Entries| {
            let is_share_used = lists.from_events >= self.max_event_entries();
            let is_limited = origin == EntryOrigin::SecurityEvent;
            lists.len < self.entries && !(is_limited && is_share_used)
        };
        if !has_space(lists) {
            lists.remove_expired();
        }
        has_space(lists)
    }

    /// Makes the next warning due if less than 80 % is used.
    pub(super) fn recover(&self, lists: &Entries) {
        if !self.uses(lists, 80) {
            self.is_reported.store(false, Ordering::Relaxed);
        }
    }

    /// Returns the numbers if 90 % of the list or of the share is used. It returns them once, until
    /// less than 80 % is used.
    pub(super) fn report(&self, lists: &mut Entries) -> Option<AlmostFull> {
        self.recover(lists);
        if !self.uses(lists, 90) || self.is_reported.load(Ordering::Relaxed) {
            return None;
        }
        let now = lists.clock.unix_seconds();
        let is_due = |cleaned_at: i64| now >= cleaned_at.saturating_add(CLEAN_INTERVAL);
        if lists.cleaned_at.is_none_or(is_due) {
            lists.remove_expired();
        }
        if !self.uses(lists, 90) {
            return None;
        }
        self.is_reported.store(true, Ordering::Relaxed);
        Some(AlmostFull {
            entries: lists.len,
            capacity: self.entries,
            event_entries: lists.from_events,
            max_event_entries: self.max_event_entries(),
        })
    }

    /// Returns `true` if at least this percentage of the list or of the share is used.
    fn uses(&self, lists: &Entries, percent: u128) -> bool {
        let is_used =
            |used: usize, max: usize| max > 0 && used as u128 * 100 >= max as u128 * percent;
        is_used(lists.len, self.entries) || is_used(lists.from_events, self.max_event_entries())
    }
}
