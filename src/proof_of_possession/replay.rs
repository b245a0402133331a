//! Used proofs: those that this process knows, and the store that replicas share.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

pub(crate) use super::replay_memory::ReplayLimits;
use super::replay_memory::{Insertion, ReplayMemory};
use super::replay_store::{FUTURE, ProofUse, StoreRunner, UsedProof};
use crate::clock::Clock;
use crate::rejection::Rejection;
use crate::token::ProofError;
use crate::util::{catch_panic, has_timers};

/// How long the shared store may take. It is not repeated after that.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// The interval of the task that returns the memory of expired proofs.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// The seconds between two events about a store that is full or fails.
const REPORT_INTERVAL: i64 = 10;

/// When a client should try again if its key's share or the store is full.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(10);

/// When a client should try again if the shared store fails.
const FAILED_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The result of storing a proof, without waiting.
pub(crate) enum ReplayVerdict {
    Known(Result<(), Rejection>),
    Pending(Pin<Box<dyn Future<Output = Result<(), Rejection>> + Send>>),
}

/// Accepts each proof once.
pub(crate) struct ReplayGuard {
    memory: Arc<MemoryInUse>,
    store: Option<StoreRunner>,
    clock: Clock,
}

struct MemoryInUse {
    proofs: ReplayMemory,
    /// A task returns the memory of expired proofs.
    is_swept: AtomicBool,
    /// When an event said last that the store is full or failed.
    reported_at: AtomicI64,
}

/// The used DPoP proofs in the memory of this process:
/// [`Verifier::replay_status`](crate::Verifier::replay_status).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayStatus {
    /// The proofs that are stored, with those that expired in the last seconds.
    pub stored_proofs: usize,
    /// The largest number of proofs. If it is reached, requests with proofs get a 503.
    pub max_proofs: usize,
    /// The largest number of proofs of one key.
    pub max_proofs_per_key: usize,
}

impl MemoryInUse {
    /// Sets the metrics of the store.
    fn measure(&self) {
        let ReplayLimits { total, .. } = self.proofs.limits();
        crate::telemetry::metrics::used_proofs(self.proofs.len(), total);
    }

    /// Reports that a proof could not be stored, at most once per interval.
    fn report(&self, now: i64, error: Option<&(dyn std::error::Error + Send + Sync + 'static)>) {
        let last = self.reported_at.load(Ordering::Relaxed);
        let is_due = now < last || now >= last.saturating_add(REPORT_INTERVAL);
        let order = Ordering::Relaxed;
        if is_due
            && self
                .reported_at
                .compare_exchange(last, now, order, order)
                .is_ok()
        {
            crate::telemetry::events::replay_store_failed(error);
        }
    }
}

impl ReplayGuard {
    pub(crate) fn new(limits: ReplayLimits, store: Option<StoreRunner>, clock: Clock) -> Self {
        Self {
            memory: Arc::new(MemoryInUse {
                proofs: ReplayMemory::new(limits),
                is_swept: AtomicBool::new(false),
                reported_at: AtomicI64::new(i64::MIN),
            }),
            store,
            clock,
        }
    }

    /// Returns `true` if this process stored the proof, so that a replay costs no signature check.
    pub(super) fn was_used(&self, proof: &UsedProof, now: i64) -> bool {
        self.memory.proofs.contains(proof, now)
    }

    /// Stores a proof as used. It must be the last check of a request.
    ///
    /// A proof that became too old during the other checks is rejected. Otherwise its entry could
    /// expire before a copy of it arrives, here or in the shared store.
    ///
    /// The memory of this process is first: it has the limits, and it recognizes most replays. A
    /// proof whose write to the shared store failed stays used here, because the write may have
    /// succeeded.
    pub(crate) fn record(&self, proof: UsedProof) -> ReplayVerdict {
        let now = self.clock.unix_seconds();
        let full = |retry_after| Err(Rejection::ReplayStoreUnavailable { retry_after });
        let too_old = || ReplayVerdict::Known(Err(Rejection::InvalidProof(ProofError::TooOld)));
        if now > proof.expires_at.saturating_sub(FUTURE) {
            return too_old();
        }
        match self.memory.proofs.insert(&proof, now) {
            Insertion::Repeated => {
                return ReplayVerdict::Known(Err(Rejection::InvalidProof(ProofError::Replayed)));
            }
            Insertion::KeyFull => {
                let retry_after = FULL_RETRY_AFTER;
                return ReplayVerdict::Known(Err(Rejection::TooManyProofs { retry_after }));
            }
            Insertion::Expired => return too_old(),
            Insertion::Full => {
                self.memory.report(now, None);
                return ReplayVerdict::Known(full(FULL_RETRY_AFTER));
            }
            Insertion::Stored => {}
        }
        self.sweep_in_background();
        let Some(store) = &self.store else {
            return ReplayVerdict::Known(Ok(()));
        };
        let write = store.insert(proof);
        let memory = Arc::clone(&self.memory);
        ReplayVerdict::Pending(Box::pin(async move {
            // Without a timer the wait has no limit. A store that panics fails.
            let written = if has_timers() {
                tokio::time::timeout(STORE_TIMEOUT, catch_panic(write)).await
            } else {
                Ok(None)
            };
            let problem = match written {
                Ok(Some(Ok(ProofUse::First))) => return Ok(()),
                Ok(Some(Ok(ProofUse::Repeated))) => {
                    return Err(Rejection::InvalidProof(ProofError::Replayed));
                }
                Ok(Some(Err(error))) => Some(error),
                Ok(None) | Err(_) => None,
            };
            memory.report(now, problem.as_deref());
            full(FAILED_RETRY_AFTER)
        }))
    }

    pub(crate) fn status(&self) -> ReplayStatus {
        let ReplayLimits { total, per_key } = self.memory.proofs.limits();
        ReplayStatus {
            stored_proofs: self.memory.proofs.len(),
            max_proofs: total,
            max_proofs_per_key: per_key,
        }
    }

    /// Starts the task that returns memory, unless it runs. It ends when no proof is left.
    fn sweep_in_background(&self) {
        if self.memory.is_swept.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        // Without timers, each shard returns its memory at its next proof.
        if self.memory.is_swept.swap(true, Ordering::Relaxed) || !has_timers() {
            return;
        }
        let (memory, clock) = (Arc::downgrade(&self.memory), self.clock.clone());
        drop(runtime.spawn(async move {
            let _running = Running(Weak::clone(&memory));
            loop {
                if let Some(memory) = memory.upgrade() {
                    memory.measure();
                }
                tokio::time::sleep(SWEEP_INTERVAL).await;
                let Some(memory) = memory.upgrade() else {
                    return;
                };
                memory.proofs.sweep(clock.unix_seconds());
                if memory.proofs.len() == 0 {
                    memory.measure();
                    return;
                }
            }
        }));
    }
}

/// Marks the task as ended, also if its runtime drops it.
struct Running(Weak<MemoryInUse>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(memory) = self.0.upgrade() {
            memory.is_swept.store(false, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for ReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayGuard").finish_non_exhaustive()
    }
}
