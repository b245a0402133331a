//! A trusted issuer, and the references to it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::organizations_seen::OrganizationsSeen;
use crate::http_client::PrivateAddresses;
use crate::jwks::KeySource;
use crate::token::Claims;
use crate::verifier::rules::Rules;

/// The time before the end of its lifetime in which a resolved issuer is resolved again in the
/// background.
pub(super) const LAST_MINUTES: Duration = Duration::from_secs(5 * 60);

/// A trusted issuer: its name, its keys, its rules.
#[derive(Debug)]
pub(crate) struct TrustedIssuer {
    pub(crate) issuer: Arc<str>,
    pub(crate) private_addresses: PrivateAddresses,
    pub(crate) keys: KeySource,
    pub(crate) rules: Arc<Rules>,
    /// When a resolved issuer must be resolved again, or `None` for a listed one.
    pub(crate) expires_at: Option<Instant>,
    /// The second in which a token of this issuer was last accepted.
    pub(crate) last_used: AtomicI64,
    /// The second in which a request last timed out while it waited for the keys. Its client tries
    /// again.
    pub(crate) last_awaited: AtomicI64,
    /// The application removed this issuer or returned new settings for it, so it verifies no
    /// further token.
    pub(crate) is_retired: AtomicBool,
    pub(crate) organizations_seen: OrganizationsSeen,
}

impl TrustedIssuer {
    pub(crate) fn mark_used(&self, now: i64) {
        // Reading first avoids most writes, so the cores can share the cache line within a second.
        if self.last_used() < now {
            self.last_used.store(now, Ordering::Relaxed);
        }
    }

    /// Reports once that no token had an organization. The most likely cause is a wrong
    /// `organization_claim`.
    pub(crate) fn record_organization(&self, claims: &Claims) {
        if let Some(tokens) = self.organizations_seen.record(claims.org_code()) {
            let pointer = &self.rules.organization.pointer;
            crate::telemetry::events::no_organization(&self.issuer, pointer, tokens);
        }
    }

    pub(crate) fn last_used(&self) -> i64 {
        self.last_used.load(Ordering::Relaxed)
    }

    pub(crate) fn mark_awaited(&self, now: i64) {
        self.last_awaited.fetch_max(now, Ordering::Relaxed);
    }

    pub(crate) fn last_awaited(&self) -> i64 {
        self.last_awaited.load(Ordering::Relaxed)
    }

    /// Returns `true` if cached tokens of this issuer can be used: it was not removed or replaced,
    /// and its lifetime has not ended.
    pub(super) fn is_usable(&self, now: Instant) -> bool {
        !self.is_retired.load(Ordering::Relaxed) && self.expires_at.is_none_or(|until| now < until)
    }

    pub(super) fn is_in_last_minutes(&self, now: Instant) -> bool {
        self.expires_at
            .is_some_and(|until| now + LAST_MINUTES >= until)
    }

    /// Ends the use of cached tokens of this issuer, also while a request still uses it.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
    }
}

/// A reference to the issuer of a token. A listed issuer is referenced by its index, so that cores
/// that verify at the same time share no reference counter. Resolved issuers come and go and are
/// referenced by pointer.
#[derive(Clone, Debug)]
pub(crate) enum IssuerRef<R> {
    Listed(usize),
    Resolved(R),
}

/// A strong reference, which keeps the issuer alive during its use.
pub(crate) type ActiveIssuer = IssuerRef<Arc<TrustedIssuer>>;

/// A weak reference for the token cache. It keeps neither the issuer's keys nor its background work
/// alive.
pub(crate) type WeakIssuer = IssuerRef<Weak<TrustedIssuer>>;

impl ActiveIssuer {
    pub(crate) fn downgrade(&self) -> WeakIssuer {
        match self {
            Self::Listed(at) => IssuerRef::Listed(*at),
            Self::Resolved(trusted) => IssuerRef::Resolved(Arc::downgrade(trusted)),
        }
    }
}

/// The result of looking up an `iss`.
#[derive(Clone, Debug)]
pub(crate) enum Resolution {
    Trusted(ActiveIssuer),
    NotTrusted,
    /// The application's function failed, timed out or returned an invalid issuer.
    Unavailable {
        retry_after: Duration,
    },
}

impl Resolution {
    pub(crate) fn trusted(&self) -> Option<&ActiveIssuer> {
        match self {
            Self::Trusted(issuer) => Some(issuer),
            Self::NotTrusted | Self::Unavailable { .. } => None,
        }
    }
}
