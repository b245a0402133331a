//! What a verifier reports about introspection.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::IntrospectionError;

/// How the introspection of one issuer's credentials is going:
/// [`Verifier::introspection_status`](crate::Verifier::introspection_status) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntrospectionStatus {
    /// The issuer, exactly as configured.
    pub issuer: String,
    /// The introspection requests since the verifier was built.
    pub requests: u64,
    /// The callers whose credential was accepted or rejected with a cached response.
    pub cache_hits: u64,
    /// The callers that were accepted with a stale response, because the issuer failed.
    pub stale_uses: u64,
    /// The introspection requests that failed.
    pub failures: u64,
    /// The requests that the budget for unknown credentials allows now.
    pub budget_left: u32,
    /// The callers that got a 503 because this budget was used up.
    pub budget_exhausted: u64,
    /// The cached active responses, roughly.
    pub cached_credentials: u64,
    /// Why the last request failed, or `None` if it succeeded.
    pub last_error: Option<IntrospectionError>,
    /// Whether the issuer's response to an unknown API key differs from a rejection of this
    /// service's own credentials. If it is `Some(false)`, unknown keys get 503 and not 401. `None`
    /// if that was not found out yet, or if the issuer has no API keys. If unknown keys get 401 or
    /// 403, it is not found out before a key was verified.
    pub distinguishes_unknown_keys: Option<bool>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) requests: Counter,
    pub(super) cache_hits: Counter,
    pub(super) stale_uses: Counter,
    pub(super) failures: Counter,
    pub(super) budget_exhausted: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
