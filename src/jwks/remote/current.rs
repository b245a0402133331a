//! The current key set and its limits.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use tokio::time::Instant;

use crate::clock::seconds;
use crate::jwks::{KeySet, VersionedKeySet};

/// The current key set and its limits. They use the monotonic clock, so a jump of the wall clock
/// does not change them.
#[derive(Clone, Debug)]
pub(super) struct CachedKeySet {
    pub(super) keys: Arc<VersionedKeySet>,
    pub(super) fresh_until: Instant,
    /// The stale limit: from this time on the set is not used.
    pub(super) usable_until: Instant,
    pub(super) document: FetchedDocument,
}

/// The response that contained a set.
#[derive(Clone, Debug)]
pub(super) struct FetchedDocument {
    pub(super) body: Vec<u8>,
    /// When the fetch began. The set contains each key that was published before.
    pub(super) began_at: FetchBegin,
    /// When it was fetched, by the wall clock: for the status, and for the next start.
    pub(super) fetched_at: SystemTime,
    pub(super) lifetime: Duration,
    pub(super) validators: HeaderMap,
}

/// When a fetch began, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct FetchBegin {
    pub(super) wall: SystemTime,
    pub(super) monotonic: Instant,
}

impl FetchBegin {
    /// Returns the time by the wall clock. If this clock was set back since, the time is moved back
    /// with it, because tokens that are issued now have times of the corrected clock.
    pub(super) fn by_wall_clock(self, wall_now: SystemTime, now: Instant) -> SystemTime {
        // The wall clock is read in whole seconds.
        let elapsed = now.saturating_duration_since(self.monotonic).as_secs();
        wall_now
            .checked_sub(Duration::from_secs(elapsed))
            .map_or(self.wall, |began_at| began_at.min(self.wall))
    }
}

/// The result of a successful fetch.
pub(super) enum FetchedKeys {
    Modified(KeySet),
    /// The issuer confirmed that the current set has not changed.
    NotModified(Arc<VersionedKeySet>),
}

/// The storage of the current key set. Once the refresh task runs, only this task changes it.
pub(super) struct CurrentKeySet {
    latest: RwLock<Option<Arc<CachedKeySet>>>,
    /// The current generation, or 0 for none. Cached tokens are compared with it.
    generation: AtomicU64,
    last_generation: AtomicU64,
    /// The time of the wall clock from which a cache hit also checks the monotonic clock. It is the
    /// end of the set's lifetime, or immediately if no refresh task enforces the stale limit.
    recheck_at: AtomicI64,
    /// When the set was stored, by the wall clock. An earlier time is one of a clock that was set
    /// back.
    stored_at: AtomicI64,
}

impl CurrentKeySet {
    pub(super) fn new() -> Self {
        Self {
            latest: RwLock::new(None),
            generation: AtomicU64::new(0),
            last_generation: AtomicU64::new(0),
            recheck_at: AtomicI64::new(i64::MIN),
            stored_at: AtomicI64::new(i64::MAX),
        }
    }

    /// Returns the current key set, if its stale limit is not reached.
    pub(super) fn current(&self, now: Instant) -> Option<Arc<CachedKeySet>> {
        let latest = self.latest()?;
        if now < latest.usable_until {
            return Some(latest);
        }
        // No task removed it in time, so the wall clock alone must not admit any token.
        self.force_recheck();
        None
    }

    /// Returns the last stored set that was not removed, even if its stale limit is reached.
    pub(super) fn latest(&self) -> Option<Arc<CachedKeySet>> {
        self.latest
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the current generation, or 0 for none.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Returns `true` if a set was ever stored.
    pub(super) fn was_ever_stored(&self) -> bool {
        self.last_generation.load(Ordering::Relaxed) > 0
    }

    /// Returns `true` if a cache hit does not have to check the monotonic clock at this second of
    /// the wall clock.
    pub(super) fn is_before_recheck(&self, wall_seconds: i64) -> bool {
        let stored_at = self.stored_at.load(Ordering::Relaxed);
        (stored_at..self.recheck_at.load(Ordering::Relaxed)).contains(&wall_seconds)
    }

    /// Stores a key set that is `age` old. If its bytes are those of the current key set, the
    /// generation stays the same.
    pub(super) fn store(
        &self,
        fetched: FetchedKeys,
        document: FetchedDocument,
        now: Instant,
        wall_seconds: i64,
        age: Duration,
        max_stale: Duration,
    ) {
        let keys = match fetched {
            FetchedKeys::NotModified(keys) => keys,
            FetchedKeys::Modified(set) => match self
                .current(now)
                .filter(|cached| cached.document.body == document.body)
            {
                Some(cached) => Arc::clone(&cached.keys),
                None => Arc::new(VersionedKeySet {
                    set,
                    generation: self.last_generation.fetch_add(1, Ordering::Relaxed) + 1,
                }),
            },
        };
        let left = document.lifetime.saturating_sub(age);
        let usable = (document.lifetime + max_stale).saturating_sub(age);
        let cached = CachedKeySet {
            keys,
            fresh_until: now + left,
            usable_until: now + usable,
            document,
        };
        let recheck_at = wall_seconds.saturating_add(seconds(left));
        self.replace(cached, wall_seconds, recheck_at);
    }

    /// Copies the key set of another storage with its remaining lifetime.
    pub(super) fn inherit_from(&self, other: &Self) {
        self.last_generation.store(
            other.last_generation.load(Ordering::Relaxed),
            Ordering::Relaxed,
        );
        let Some(lease) = other.latest() else { return };
        self.replace(
            CachedKeySet::clone(&lease),
            other.stored_at.load(Ordering::Relaxed),
            other.recheck_at.load(Ordering::Relaxed),
        );
    }

    fn replace(&self, lease: CachedKeySet, stored_at: i64, look_closer_at: i64) {
        let number = lease.keys.generation;
        // Store the set before its number. Otherwise a cached token could match the number while
        // the set is not there.
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(lease));
        self.stored_at.store(stored_at, Ordering::Relaxed);
        self.recheck_at.store(look_closer_at, Ordering::Relaxed);
        self.generation.store(number, Ordering::Release);
    }

    /// Removes a set that reached its stale limit.
    pub(super) fn clear(&self) {
        self.generation.store(0, Ordering::Release);
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Makes cache hits check the monotonic clock from now on, because no refresh task does.
    pub(super) fn force_recheck(&self) {
        self.recheck_at.store(i64::MIN, Ordering::Relaxed);
    }
}
