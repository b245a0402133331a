//! The responses of one issuer, by the keyed digests of the credentials.
//!
//! Active and other responses have a store each, so that invented credentials never displace an
//! active one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use moka::sync::Cache;
use tokio::time::Instant;

use super::digest::CredentialDigest;
use super::outcome::RejectedCredential;
use crate::token::Claims;
use crate::util::{UniformHashBuilder, lock};

pub(super) const MAX_RESPONSES: u64 = 10_000;
const MAX_ACTIVE_BYTES: u64 = 16 * 1024 * 1024;
/// How long a credential that is not active is rejected without a further request.
const REJECTED_TTL: Duration = Duration::from_secs(10);
/// How long after a failed request the next one is made for the same credential.
const RETRY_IF_USABLE: Duration = Duration::from_secs(5);
/// The same, if there is no response that can be used meanwhile.
const RETRY_IF_UNUSABLE: Duration = Duration::from_secs(1);

pub(super) struct ResponseCache {
    active: Cache<CredentialDigest, Arc<ActiveEntry>, UniformHashBuilder>,
    rejected: Cache<CredentialDigest, (RejectedCredential, Instant), UniformHashBuilder>,
    /// When the next request for a known credential may be made, if the last one failed.
    failed: Cache<CredentialDigest, Instant, UniformHashBuilder>,
}

/// An active response.
pub(super) struct ActiveEntry {
    pub(super) claims: Claims,
    pub(super) body_len: usize,
    pub(super) refresh_from: Instant,
    pub(super) fresh_until: Instant,
    pub(super) stale_until: Instant,
    /// The second of the wall clock from which the response may not be used (RFC 7662 §4).
    pub(super) expires_at: Option<i64>,
    /// When the next request may be made, if the last one failed.
    pub(super) next_attempt: Mutex<Option<Instant>>,
}

/// How an active response may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Fresh,
    /// In the last quarter of its lifetime.
    DueForRefresh,
    /// The issuer is queried first.
    Stale,
    /// The issuer failed before, so no request waits for it.
    StaleAfterFailure,
    /// As before, and it is time for the next attempt.
    StaleAndDue,
    Expired,
}

impl ActiveEntry {
    pub(super) fn freshness(&self, at: Instant, now: i64) -> Freshness {
        if self.expires_at.is_some_and(|expires_at| now >= expires_at) {
            return Freshness::Expired;
        }
        if at < self.refresh_from {
            return Freshness::Fresh;
        }
        let next_attempt = *lock(&self.next_attempt);
        let is_due = next_attempt.is_none_or(|next| at >= next);
        if at < self.fresh_until {
            return if is_due {
                Freshness::DueForRefresh
            } else {
                Freshness::Fresh
            };
        }
        if at >= self.stale_until {
            return Freshness::Expired;
        }
        match next_attempt {
            None => Freshness::Stale,
            Some(_) if is_due => Freshness::StaleAndDue,
            Some(_) => Freshness::StaleAfterFailure,
        }
    }
}

impl ResponseCache {
    pub(super) fn new() -> Self {
        // Each entry weighs at least its share, so both bounds are kept by one.
        let share = u32::try_from(MAX_ACTIVE_BYTES / MAX_RESPONSES).unwrap_or(u32::MAX);
        Self {
            active: Cache::builder()
                .max_capacity(MAX_ACTIVE_BYTES)
                .weigher(move |_, entry: &Arc<ActiveEntry>| weight(entry.body_len).max(share))
                .build_with_hasher(UniformHashBuilder::default()),
            // Each entry has the same size.
            rejected: Cache::builder()
                .max_capacity(MAX_RESPONSES)
                .build_with_hasher(UniformHashBuilder::default()),
            failed: Cache::builder()
                .max_capacity(MAX_RESPONSES)
                .build_with_hasher(UniformHashBuilder::default()),
        }
    }

    pub(super) fn active(&self, digest: &CredentialDigest) -> Option<Arc<ActiveEntry>> {
        self.active.get(digest)
    }

    pub(super) fn rejected(
        &self,
        digest: &CredentialDigest,
        at: Instant,
    ) -> Option<RejectedCredential> {
        let (rejected, until) = self.rejected.get(digest)?;
        (at < until).then_some(rejected)
    }

    pub(super) fn insert_active(&self, digest: CredentialDigest, entry: Arc<ActiveEntry>) {
        self.rejected.invalidate(&digest);
        self.active.insert(digest, entry);
    }

    pub(super) fn insert_rejected(
        &self,
        digest: CredentialDigest,
        rejected: RejectedCredential,
        at: Instant,
    ) {
        self.active.invalidate(&digest);
        self.rejected.insert(digest, (rejected, at + REJECTED_TTL));
    }

    /// Records that a request for a known credential failed.
    pub(super) fn record_failure(&self, digest: CredentialDigest, at: Instant) {
        if let Some(entry) = self.active(&digest) {
            *lock(&entry.next_attempt) = Some(at + RETRY_IF_USABLE);
        }
        self.failed.insert(digest, at + RETRY_IF_UNUSABLE);
    }

    /// Returns `true` if a request for this credential failed so recently that no further one is
    /// made.
    pub(super) fn has_failed(&self, digest: &CredentialDigest, at: Instant) -> bool {
        self.failed.get(digest).is_some_and(|until| at < until)
    }

    /// Returns how many active responses are cached, roughly.
    pub(super) fn len(&self) -> u64 {
        self.active.run_pending_tasks();
        self.active.entry_count()
    }
}

/// The memory of an entry: its claims, which are no longer than the response, and the store's
/// book-keeping.
fn weight(body_len: usize) -> u32 {
    const OVERHEAD: u32 = 1024;
    u32::try_from(body_len)
        .unwrap_or(u32::MAX)
        .saturating_mul(2)
        .saturating_add(OVERHEAD)
}
