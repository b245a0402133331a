//! The only code that reads the wall clock.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The source of "now" for the checks of `exp`, `nbf` and `iat` (RFC 7519 §4.1).
///
/// The default is the system clock. The feature `test-util` adds a clock that tests control. The
/// lifetime of keys uses Tokio's monotonic clock instead, so a jump of the wall clock neither stops
/// nor multiplies refreshes.
///
/// ```
/// use tower_m2m::Clock;
///
/// let clock = Clock::system();
/// assert!(clock.unix_seconds() > 1_700_000_000);
/// ```
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    #[cfg(feature = "test-util")]
    Manual(std::sync::Arc<std::sync::atomic::AtomicI64>),
}

impl Clock {
    /// Returns the system clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Returns the seconds since the Unix epoch (a `NumericDate`, RFC 7519 §2), or 0 if the clock
    /// is set before it.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        match &self.0 {
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
                }),
            #[cfg(feature = "test-util")]
            Source::Manual(seconds) => seconds.load(std::sync::atomic::Ordering::Relaxed),
        }
    }

    /// Returns the milliseconds since the Unix epoch.
    pub(crate) fn unix_milliseconds(&self) -> i64 {
        match &self.0 {
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
                }),
            #[cfg(feature = "test-util")]
            Source::Manual(_) => self.unix_seconds().saturating_mul(1_000),
        }
    }

    /// Returns the time until a second begins, at most `max`. A clock that tests control can be
    /// moved at any time, so it is read again after one second.
    pub(crate) fn until(&self, unix_seconds: i64, max: Duration) -> Duration {
        match &self.0 {
            Source::System => {
                let end = Duration::from_secs(u64::try_from(unix_seconds).unwrap_or(0));
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                end.saturating_sub(now.unwrap_or_default()).min(max)
            }
            #[cfg(feature = "test-util")]
            Source::Manual(_) => {
                let left = unix_seconds.saturating_sub(self.unix_seconds());
                Duration::from_secs(u64::try_from(left).unwrap_or(0).min(1)).min(max)
            }
        }
    }

    /// Creates a clock that stays at `unix_seconds` until a test moves it. Clones share the time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_m2m::Clock;
    ///
    /// let clock = Clock::manual(1_750_000_000);
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(clock.unix_seconds(), 1_750_000_060);
    /// ```
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn manual(unix_seconds: i64) -> Self {
        Self(Source::Manual(std::sync::Arc::new(unix_seconds.into())))
    }

    /// Moves a [manual](Clock::manual) clock forward by whole seconds. The system clock is not
    /// changed.
    #[cfg(feature = "test-util")]
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(seconds) = &self.0 {
            let by = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
            seconds.fetch_add(by, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Sets a [manual](Clock::manual) clock, also backwards. The system clock is not changed.
    #[cfg(feature = "test-util")]
    pub fn set(&self, unix_seconds: i64) {
        if let Source::Manual(seconds) = &self.0 {
            seconds.store(unix_seconds, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::System => "Clock(system)",
            #[cfg(feature = "test-util")]
            Source::Manual(_) => "Clock(manual)",
        })
    }
}

/// Returns the seconds of a duration as a `NumericDate` difference, saturating.
pub(crate) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
