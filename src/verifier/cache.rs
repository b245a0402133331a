//! Tokens that were verified already, so that the same token again costs no signature check.
//!
//! An entry passes only for the very same token (full equality, not a digest), under the same verifier, while the key
//! set's generation is the same and its time has not passed. Tenant, scope and revocation are not its business: they are
//! checked on every request.
//!
//! Two stages. The store is one bounded cache for all threads. In front of it each thread keeps a few tokens of its own,
//! with claims of its own, because two cores that count references and frequencies in the same places slow each other down
//! to less than the speed of one.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher, RandomState};

use moka::sync::Cache;

use super::issuers::IssuerRegistry;
use super::issuers::trusted::{ActiveIssuer, WeakIssuer};
use super::validated::ValidityPeriod;
use crate::token::Claims;

/// The tokens that one verifier has verified.
pub(crate) struct TokenCache {
    /// The verifier's number tells its entries from those of others in the thread's front.
    verifier: u64,
    store: Cache<Box<[u8]>, Entry, TailHashBuilder>,
}

/// How many verified tokens are remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheCapacity {
    pub(crate) tokens: u32,
    pub(crate) bytes: u64,
}

/// A verified token's claims, and what they hang on.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) claims: Claims,
    /// Nothing that keeps an issuer's background work alive for as long as a thread remembers one of its tokens.
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
        // Each entry weighs at least its share, so that both bounds are kept by one.
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

    /// The claims of a token that was verified before and still holds.
    pub(crate) fn get(&self, token: &[u8], now: i64, issuers: &IssuerRegistry) -> Option<Claims> {
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

    /// How many tokens are remembered, roughly.
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

/// The memory of an entry: the token, its claims (no longer than the token that they were read from, each with its own
/// allocation), and the store's book-keeping.
fn weight(token: &[u8]) -> u32 {
    const OVERHEAD: u32 = 1024;
    u32::try_from(token.len())
        .unwrap_or(u32::MAX)
        .saturating_mul(2)
        .saturating_add(OVERHEAD)
}

/// Hashes the end of a token only, keyed.
///
/// That is the end of its signature: as random as a hash, and nobody but the issuer chooses it. Only verified tokens are
/// stored, so tokens that are made to collide find nothing and cost one comparison; equality is always that of the whole.
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

/// What each thread keeps for itself.
mod thread_cache {
    use super::{Claims, Entry, IssuerRegistry, RefCell};

    const SLOTS: usize = 8;

    #[derive(Default)]
    struct Slot {
        /// The token that missed here last. A second miss in a row takes the slot: tokens that take turns would
        /// otherwise copy each other out of it at every request.
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

    /// Keeps a token for this thread, if it is the second time in a row that it came.
    pub(super) fn promote(verifier: u64, token: &[u8], entry: &Entry) {
        // A thread that ends has no use for it.
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

    /// The end of the signature, which is random. Nothing hangs on it but the place.
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
