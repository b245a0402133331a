//! How old the knowledge about the store is. It is measured with the monotonic clock (rule 190).

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::util::lock;

/// The limits of a list without data from its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StalenessLimits {
    pub(crate) stale_warning_after: Duration,
    pub(crate) max_stale: Duration,
}

impl Default for StalenessLimits {
    fn default() -> Self {
        Self {
            stale_warning_after: Duration::from_secs(60),
            max_stale: Duration::from_secs(15 * 60),
        }
    }
}

impl StalenessLimits {
    /// Returns the limits that satisfy both.
    pub(super) fn stricter(self, other: Self) -> Self {
        Self {
            stale_warning_after: self.stale_warning_after.min(other.stale_warning_after),
            max_stale: self.max_stale.min(other.max_stale),
        }
    }

    /// Returns how long a list without data is used. With `max_stale` of zero this is the time for
    /// which it is not stale.
    pub(super) fn usable_for(self) -> Duration {
        self.max_stale.max(self.stale_warning_after)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    NotLoaded,
    Fresh,
    Stale,
    /// Too stale, so the list is not used.
    Expired,
}

impl Freshness {
    /// Returns `true` if requests may be compared with the list.
    pub(super) fn is_usable(self) -> bool {
        matches!(self, Self::Fresh | Self::Stale)
    }
}

/// The last data of a store.
pub(super) struct LastData {
    /// The second of the wall clock in which the monotonic clock was compared. Within it, a request
    /// does not compare again.
    checked_at: AtomicI64,
    data: Mutex<Data>,
}

#[derive(Default)]
struct Data {
    confirmed_at: Option<Instant>,
    limits: Option<StalenessLimits>,
}

const NOT_CHECKED: i64 = i64::MIN;

impl LastData {
    pub(super) fn new() -> Self {
        Self {
            checked_at: AtomicI64::new(NOT_CHECKED),
            data: Mutex::default(),
        }
    }

    /// Records that the store confirmed the list.
    pub(super) fn confirm(&self) {
        lock(&self.data).confirmed_at = Some(Instant::now());
    }

    /// Adds the limits of one more verifier. The stricter ones apply.
    pub(super) fn limit(&self, limits: StalenessLimits) {
        let mut data = lock(&self.data);
        data.limits = Some(data.limits.map_or(limits, |other| other.stricter(limits)));
        self.force_recheck();
    }

    pub(super) fn limits(&self) -> StalenessLimits {
        lock(&self.data).limits.unwrap_or_default()
    }

    /// Returns `true` if the list was usable when it was checked in this second of the wall clock.
    #[inline]
    pub(super) fn was_checked(&self, wall_seconds: i64) -> bool {
        self.checked_at.load(Ordering::Relaxed) == wall_seconds
    }

    /// Returns `true` if a request may be compared with the list.
    #[cold]
    pub(super) fn recheck(&self, wall_seconds: i64) -> bool {
        let is_usable = self.freshness().is_usable();
        let checked_at = if is_usable { wall_seconds } else { NOT_CHECKED };
        self.checked_at.store(checked_at, Ordering::Relaxed);
        is_usable
    }

    /// Makes the next request compare the monotonic clock.
    pub(super) fn force_recheck(&self) {
        self.checked_at.store(NOT_CHECKED, Ordering::Relaxed);
    }

    pub(super) fn freshness(&self) -> Freshness {
        let limits = self.limits();
        match self.age() {
            None => Freshness::NotLoaded,
            Some(age) if age > limits.usable_for() => Freshness::Expired,
            Some(age) if age > limits.stale_warning_after => Freshness::Stale,
            Some(_) => Freshness::Fresh,
        }
    }

    /// Returns the time since the last data, or `None` if the list was never loaded.
    pub(super) fn age(&self) -> Option<Duration> {
        let confirmed_at = lock(&self.data).confirmed_at?;
        Some(Instant::now().saturating_duration_since(confirmed_at))
    }
}
