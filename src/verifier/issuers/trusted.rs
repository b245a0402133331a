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

/// How long before its end a resolved issuer is asked about again in the background.
pub(super) const LAST_MINUTES: Duration = Duration::from_secs(5 * 60);

/// An issuer that is trusted: its name, its keys, its rules.
#[derive(Debug)]
pub(crate) struct TrustedIssuer {
    pub(crate) issuer: Arc<str>,
    pub(crate) private_addresses: PrivateAddresses,
    pub(crate) keys: KeySource,
    pub(crate) rules: Rules,
    /// When a resolved issuer has to be asked for again; nothing for a listed one.
    pub(crate) expires_at: Option<Instant>,
    /// The second in which a token of it last passed.
    pub(crate) last_used: AtomicI64,
    /// The second in which a request last gave up waiting for the keys. Its client tries again.
    pub(crate) last_awaited: AtomicI64,
    /// The application withdrew this issuer or returned new settings for it, so it verifies no further token.
    pub(crate) is_retired: AtomicBool,
    pub(crate) organizations_seen: OrganizationsSeen,
}

impl TrustedIssuer {
    pub(crate) fn mark_used(&self, now: i64) {
        // A look before the write keeps the line shared between cores within a second.
        if self.last_used() < now {
            self.last_used.store(now, Ordering::Relaxed);
        }
    }

    /// Reports once that no token had an organization, which is most likely a wrong `organization_claim`.
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

    /// Returns `true` if cached tokens of this issuer can be used: it was not withdrawn or replaced, and its time has not
    /// ended.
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

/// Whose a token is. Listed issuers are told by their place, so that the warm path of cores that verify at once shares no
/// counter; resolved ones come and go, and are referred to.
#[derive(Clone, Debug)]
pub(crate) enum IssuerRef<R> {
    Listed(usize),
    Resolved(R),
}

/// An issuer in use: it stays for as long.
pub(crate) type ActiveIssuer = IssuerRef<Arc<TrustedIssuer>>;

/// An issuer as a verified token remembers it: what is remembered keeps neither its keys nor its background work alive.
pub(crate) type WeakIssuer = IssuerRef<Weak<TrustedIssuer>>;

impl ActiveIssuer {
    pub(crate) fn downgrade(&self) -> WeakIssuer {
        match self {
            Self::Listed(at) => IssuerRef::Listed(*at),
            Self::Resolved(trusted) => IssuerRef::Resolved(Arc::downgrade(trusted)),
        }
    }
}

/// What is known of an `iss`.
#[derive(Clone, Debug)]
pub(crate) enum Resolution {
    Trusted(ActiveIssuer),
    NotTrusted,
    /// The application gave no answer that could be used.
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
