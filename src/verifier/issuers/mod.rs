//! The issuers that a verifier trusts: listed issuers, and issuers that the application resolves.

mod allowances;
mod negative_cache;
pub(super) mod organizations_seen;
mod question_rate;
pub(super) mod resolved;
pub(super) mod resolver;
pub(super) mod trusted;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use self::resolver::Resolver;
use self::trusted::{ActiveIssuer, IssuerRef, Resolution, TrustedIssuer, WeakIssuer};

pub(crate) struct IssuerRegistry {
    listed: Vec<TrustedIssuer>,
    index: HashMap<Arc<str>, usize>,
    resolver: Option<Resolver>,
}

impl IssuerRegistry {
    /// Returns `None` if an issuer is listed twice.
    pub(crate) fn new(listed: Vec<TrustedIssuer>, resolver: Option<Resolver>) -> Option<Self> {
        let index: HashMap<_, _> = listed
            .iter()
            .enumerate()
            .map(|(at, trusted)| (Arc::clone(&trusted.issuer), at))
            .collect();
        (index.len() == listed.len()).then_some(Self {
            listed,
            index,
            resolver,
        })
    }

    pub(crate) fn listed(&self) -> &[TrustedIssuer] {
        &self.listed
    }

    /// Returns `true` if the application resolves issuers that are not listed.
    pub(crate) fn has_resolver(&self) -> bool {
        self.resolver.is_some()
    }

    /// Returns the cached resolved issuers.
    pub(crate) fn resolved(&self) -> Vec<Arc<TrustedIssuer>> {
        self.resolver
            .as_ref()
            .map(Resolver::resolved_issuers)
            .unwrap_or_default()
    }

    pub(crate) fn get<'a>(&'a self, issuer: &'a ActiveIssuer) -> Option<&'a TrustedIssuer> {
        match issuer {
            IssuerRef::Listed(at) => self.listed.get(*at),
            IssuerRef::Resolved(trusted) => Some(trusted),
        }
    }

    /// Returns the issuer of a cached token if it is still trusted. There is no lookup by name. If
    /// the issuer is in its last minutes, the application resolves it again in the background.
    pub(crate) fn reuse(&self, issuer: &WeakIssuer) -> Option<ActiveIssuer> {
        match issuer {
            IssuerRef::Listed(at) => Some(IssuerRef::Listed(*at)),
            IssuerRef::Resolved(trusted) => {
                let (trusted, now) = (trusted.upgrade()?, Instant::now());
                if !trusted.is_usable(now) {
                    return None;
                }
                if let Some(resolver) = &self.resolver {
                    resolver.refresh_if_due(&trusted, now);
                }
                Some(IssuerRef::Resolved(trusted))
            }
        }
    }

    /// Looks up an `iss` without waiting. Returns `None` if the application has to resolve it.
    #[inline]
    pub(crate) fn lookup(&self, iss: &str) -> Option<Resolution> {
        // Nearly every verifier has one issuer.
        if let [only] = self.listed.as_slice()
            && *only.issuer == *iss
        {
            return Some(Resolution::Trusted(IssuerRef::Listed(0)));
        }
        self.lookup_slow(iss)
    }

    fn lookup_slow(&self, iss: &str) -> Option<Resolution> {
        match (self.index.get(iss), &self.resolver) {
            (Some(at), _) => Some(Resolution::Trusted(IssuerRef::Listed(*at))),
            (None, Some(resolver)) => resolver.lookup(iss),
            (None, None) => Some(Resolution::NotTrusted),
        }
    }

    /// Starts a call of the application's resolver in the background, unless one is in progress.
    pub(crate) fn start_resolution(&self, iss: &str) {
        if let Some(resolver) = &self.resolver {
            resolver.start(iss);
        }
    }

    /// Calls the application's resolver, or waits for a call in progress.
    pub(crate) async fn resolve(&self, iss: &str) -> Resolution {
        match &self.resolver {
            Some(resolver) => resolver.resolve(iss).await,
            None => Resolution::NotTrusted,
        }
    }
}
