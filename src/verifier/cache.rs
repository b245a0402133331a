//! The cache of verified tokens, so that the same token needs no second signature check.
//!
//! A hit requires that the whole token is equal (a digest is not enough), that the verifier and the
//! generation of the key set are the same, and that the token is still valid. The cache knows no
//! tenants, scopes or revocations: they are checked on every request.
//!
//! There are two stages. The store is one bounded cache for all threads. In addition, each thread
//! keeps a few tokens with its own copies of the claims. Without these copies, two cores that
//! update the same reference counts and frequencies together are slower than a single core.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher, RandomState};

use moka::sync::Cache;

use super::issuers::IssuerRegistry;
use super::issuers::trusted::{ActiveIssuer, WeakIssuer};
use super::validated::ValidityPeriod;
use crate::token::Claims;

/// The verified tokens of one verifier.
pub(crate) struct TokenCache {
    /// The number of the verifier, because the slots of a thread belong to all verifiers.
    verifier: u64,
    store: Cache<Box<[u8]>, Entry, TailHashBuilder>,
}

/// The capacity of the token cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheCapacity {
    pub(crate) tokens: u32,
    pub(crate) bytes: u64,
}

/// The claims of a verified token, and the conditions of a cache hit.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) claims: Claims,
    /// A weak reference, because a cached token must not keep the background work of a removed
    /// issuer running.
    pub(crate) issuer: WeakIssuer,
    pub(crate) generation: u64,
    pub(crate) validity_period: ValidityPeriod,
}

impl Entry {
    fn is_valid_at(&self, now: i64, issuers: &IssuerRegistry) -> bool {
        let still_holds = |issuer: ActiveIssuer| {
            let holds = issuers
                .get(&issuer)
                .is_some_and(|trusted| trusted.keys.is_current(self.generation, now));
            if let (true, ActiveIssuer::Resolved(trusted)) = (holds, &issuer) {
                trusted.mark_used(now);
            }
            holds
        };
        (self.validity_period.start..self.validity_period.end).contains(&now)
            && issuers.reuse(&self.issuer).is_some_and(still_holds)
    }
}

impl TokenCache {
    pub(crate) fn new(verifier: u64, capacity: CacheCapacity) -> Self {
        // Each entry weighs at least its share of the bytes, so that one weight enforces both
        // limits.
        let share =
            u32::try_from(capacity.bytes / u64::from(capacity.tokens.max(1))).unwrap_or(u32::MAX);
        #[allow(
            clippy::borrowed_box,
            reason = "the cache shows its keys as it holds them"
        )]
        let store = Cache::builder()
            .max_capacity(capacity.bytes)
            .weigher(move |token: &Box<[u8]>, _: &Entry| weight(token).max(share))
            .build_with_hasher(TailHashBuilder(RandomState::new()));
        Self { verifier, store }
    }

    /// Returns the claims of a cached token that is still valid.
    pub(crate) fn get(&self, token: &[u8], now: i64, issuers: &IssuerRegistry) -> Option<Claims> {
        if token.len() < SHORTEST {
            return None;
        }
        if let Some(found) = thread_cache::get(self.verifier, token, now, issuers) {
            return Some(found);
        }
        let entry = self.store.get(token)?;
        if !entry.is_valid_at(now, issuers) {
            return None;
        }
        thread_cache::promote(self.verifier, token, &entry);
        Some(entry.claims)
    }

    pub(crate) fn insert(&self, token: &[u8], entry: Entry) {
        self.store.insert(token.into(), entry);
    }

    /// Returns the approximate number of cached tokens.
    pub(crate) fn len(&self) -> u64 {
        self.store.run_pending_tasks();
        self.store.entry_count()
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

/// Returns the memory of an entry: the token, its claims and the bookkeeping of the store. The
/// claims are no longer than the token, and each has its own allocation.
fn weight(token: &[u8]) -> u32 {
    const OVERHEAD: u32 = 1024;
    u32::try_from(token.len())
        .unwrap_or(u32::MAX)
        .saturating_mul(2)
        .saturating_add(OVERHEAD)
}

/// Hashes only the end of a token, keyed.
///
/// This is the end of the signature. It is as random as a hash, and only the issuer can choose it.
/// Only verified tokens are stored, so an invented token with the same end finds no equal entry and
/// costs one comparison. Equality always compares the whole token.
#[derive(Clone)]
struct TailHashBuilder(RandomState);

const TAIL: usize = 32;

impl BuildHasher for TailHashBuilder {
    type Hasher = TailHasher;

    fn build_hasher(&self) -> TailHasher {
        TailHasher(self.0.build_hasher())
    }
}

struct TailHasher(<RandomState as BuildHasher>::Hasher);

impl Hasher for TailHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(
            bytes
                .get(bytes.len().saturating_sub(TAIL)..)
                .unwrap_or_default(),
        );
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// The least length of a token that can be in the cache: two dots, a header with the name of an
/// algorithm, and a signature of 64 bytes. A lookup of an API key, which is shorter, would cost
/// more than the cache saves.
const SHORTEST: usize = 100;

/// The cache of each thread.
mod thread_cache {
    use super::{Claims, Entry, IssuerRegistry, RefCell};

    const SLOTS: usize = 8;

    #[derive(Default)]
    struct Slot {
        /// The token of the last miss in this slot. Only a second miss in a row takes the slot.
        /// Otherwise alternating tokens would replace each other on every request.
        candidate: u64,
        entry: Option<CachedEntry>,
    }

    struct CachedEntry {
        verifier: u64,
        token: Box<[u8]>,
        entry: Entry,
    }

    thread_local! {
        static SLOTS_OF_THREAD: RefCell<[Slot; SLOTS]> = RefCell::default();
    }

    pub(super) fn get(
        verifier: u64,
        token: &[u8],
        now: i64,
        issuers: &IssuerRegistry,
    ) -> Option<Claims> {
        SLOTS_OF_THREAD
            .try_with(|slots| {
                let slots = slots.try_borrow().ok()?;
                let cached = slots.get(slot_index(fingerprint(token)))?.entry.as_ref()?;
                let same = cached.verifier == verifier && *cached.token == *token;
                let passes = same && cached.entry.is_valid_at(now, issuers);
                passes.then(|| cached.entry.claims.clone())
            })
            .ok()?
    }

    /// Stores a token for this thread if it misses for the second time in a row.
    pub(super) fn promote(verifier: u64, token: &[u8], entry: &Entry) {
        // This fails only in a thread that ends, which needs no cache.
        let _ = SLOTS_OF_THREAD.try_with(|slots| {
            let fingerprint = fingerprint(token);
            let Ok(mut slots) = slots.try_borrow_mut() else {
                return;
            };
            let Some(slot) = slots.get_mut(slot_index(fingerprint)) else {
                return;
            };
            if slot.candidate == fingerprint {
                let entry = Entry {
                    claims: entry.claims.deep_clone(),
                    ..entry.clone()
                };
                slot.entry = Some(CachedEntry {
                    verifier,
                    token: token.into(),
                    entry,
                });
            }
            slot.candidate = fingerprint;
        });
    }

    /// Returns the end of the signature, which is random. It only selects the slot.
    fn fingerprint(token: &[u8]) -> u64 {
        token
            .last_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    fn slot_index(fingerprint: u64) -> usize {
        // The lower bits of base64 letters repeat.
        let mixed = fingerprint.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        usize::try_from(mixed).unwrap_or(0) % SLOTS
    }
}
