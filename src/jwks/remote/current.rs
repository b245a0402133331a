//! The set in use, and until when.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use tokio::time::Instant;

use crate::clock::seconds;
use crate::jwks::{Generation, KeySet};

/// A key set in use, and until when. Counted on the monotonic clock: a jump of the wall clock changes nothing of it.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) keys: Arc<Generation>,
    pub(super) fresh_until: Instant,
    /// The ceiling: from here on the set verifies nothing.
    pub(super) usable_until: Instant,
    pub(super) origin: Origin,
}

/// The answer that a set came from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) body: Vec<u8>,
    /// By the wall clock: for people, and for the next start.
    pub(super) fetched_at: SystemTime,
    pub(super) life: Duration,
    pub(super) validators: HeaderMap,
}

/// What a fetch brought.
pub(super) enum Fetched {
    New(KeySet),
    /// The issuer says that the set in use is still the current one.
    Same(Arc<Generation>),
}

/// When a set is taken into use, how old it is by then, and how long past its life it may serve.
#[derive(Clone, Copy)]
pub(super) struct Term {
    pub(super) now: Instant,
    pub(super) wall_seconds: i64,
    pub(super) age: Duration,
    pub(super) max_stale: Duration,
}

/// The place where the set in use is kept. Only the driver changes it once it runs.
pub(super) struct Holding {
    lease: RwLock<Option<Arc<Lease>>>,
    /// The generation in use, 0 for none: what a cached token is compared with.
    generation: AtomicU64,
    last_generation: AtomicU64,
    /// When, by the wall clock, the warm path has to look at the monotonic clock too: at the end of the set's life, or at
    /// once when no driver watches over the ceiling.
    look_closer_at: AtomicI64,
}

impl Holding {
    pub(super) fn new() -> Self {
        Self {
            lease: RwLock::new(None),
            generation: AtomicU64::new(0),
            last_generation: AtomicU64::new(0),
            look_closer_at: AtomicI64::new(i64::MIN),
        }
    }

    /// The set in use, never past its ceiling.
    pub(super) fn current(&self, now: Instant) -> Option<Arc<Lease>> {
        self.lease().filter(|lease| now < lease.usable_until)
    }

    /// The set that was taken into use last and not let go, be it past its ceiling.
    pub(super) fn lease(&self) -> Option<Arc<Lease>> {
        self.lease
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The generation in use, 0 for none.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether the warm path need not look at the monotonic clock at this second of the wall clock.
    pub(super) fn is_surely_fresh(&self, wall_seconds: i64) -> bool {
        wall_seconds < self.look_closer_at.load(Ordering::Relaxed)
    }

    /// Takes a set into use. One of the same bytes as the set in use is the same generation.
    pub(super) fn hold(&self, fetched: Fetched, origin: Origin, term: Term) {
        let keys = match fetched {
            Fetched::Same(keys) => keys,
            Fetched::New(set) => match self
                .current(term.now)
                .filter(|lease| lease.origin.body == origin.body)
            {
                Some(lease) => Arc::clone(&lease.keys),
                None => Arc::new(Generation {
                    set,
                    number: self.last_generation.fetch_add(1, Ordering::Relaxed) + 1,
                }),
            },
        };
        let left = origin.life.saturating_sub(term.age);
        let usable = (origin.life + term.max_stale).saturating_sub(term.age);
        let lease = Lease {
            keys,
            fresh_until: term.now + left,
            usable_until: term.now + usable,
            origin,
        };
        self.put(lease, term.wall_seconds.saturating_add(seconds(left)));
    }

    /// Takes over what another holds, with the life that is left of it.
    pub(super) fn adopt(&self, other: &Self) {
        let Some(lease) = other.lease() else { return };
        self.last_generation.store(
            other.last_generation.load(Ordering::Relaxed),
            Ordering::Relaxed,
        );
        self.put(
            Lease::clone(&lease),
            other.look_closer_at.load(Ordering::Relaxed),
        );
    }

    fn put(&self, lease: Lease, look_closer_at: i64) {
        let number = lease.keys.number;
        // First the set, then its number: a token that passes by the number passes by a set that is there.
        *self.lease.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(lease));
        self.look_closer_at.store(look_closer_at, Ordering::Relaxed);
        self.generation.store(number, Ordering::Release);
    }

    /// Lets go of a set that reached its ceiling.
    pub(super) fn let_go(&self) {
        self.generation.store(0, Ordering::Release);
        *self.lease.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Makes the warm path look at the monotonic clock from now on, since nobody else does.
    pub(super) fn leave_unwatched(&self) {
        self.look_closer_at.store(i64::MIN, Ordering::Relaxed);
    }
}
