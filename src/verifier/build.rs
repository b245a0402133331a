//! The step from settings to a verifier.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::builder::{StartMode, TokenCacheMode, VerifierBuilder};
use super::cache::TokenCache;
use super::config_error::{Advice, ConfigError, SettingSource};
use super::issuers::IssuerRegistry;
use super::issuers::resolved::ResolverConfig;
use super::issuers::resolver::Resolver;
#[cfg(feature = "introspection")]
use super::opaque_builder::check_prefixes;
use super::verifier::{Verifier, VerifierInner};
use crate::extensions::Rechecks;
use crate::revocation::UnlistedIssuers;
use crate::telemetry::limit::EventLimit;
use crate::util::Changes;

/// The next ID of a verifier in this process.
static VERIFIERS: AtomicU64 = AtomicU64::new(1);

impl VerifierBuilder {
    /// Builds the verifier. It does not fail if an issuer is unavailable.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with the name of the invalid setting.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        self.check_all()?;
        let max_claim_values = self.max_claim_values_or_default();
        crate::telemetry::metrics::describe();
        let number = VERIFIERS.fetch_add(1, Ordering::Relaxed);
        let changes = self.changes();
        let (mut listed, clients) = (Vec::new(), self.http_clients()?);
        #[cfg(feature = "introspection")]
        let mut opaque = self.opaque_builder(number)?;
        for issuer in self.issuers {
            #[cfg(feature = "introspection")]
            let introspection = opaque.setup(&issuer, &clients)?;
            let trusted = issuer.into_trusted_issuer(&self.clock, &clients, &changes)?;
            self.saved
                .iter()
                .filter(|saved| saved.is_of(&trusted.issuer))
                .for_each(|saved| trusted.keys.restore(saved));
            trusted.keys.report();
            #[cfg(feature = "introspection")]
            opaque.add(introspection, &trusted, &self.clock, &changes);
            listed.push(trusted);
        }
        let (kept, saved, clock) = (self.resolved_max, self.saved, self.clock.clone());
        let max_per_second = self.max_resolutions_per_second;
        let resolver = self.resolve.map(|function| {
            Resolver::new(
                ResolverConfig {
                    resolve: function,
                    capacity: kept,
                    max_per_second,
                    clock,
                    changes: changes.clone(),
                },
                saved,
            )
        });
        let issuers = IssuerRegistry::new(listed, resolver).ok_or_else(|| {
            ConfigError::new("issuer", "is set twice: one issuer has one configuration")
        })?;
        if self.start == StartMode::Background {
            // If there is no runtime yet, the lookup for the first token starts the refresh task.
            let _ = issuers
                .listed()
                .iter()
                .try_for_each(|trusted| trusted.keys.start());
        }
        let denylist = self.denylists.into_iter().next();
        let replication = denylist.as_ref().and_then(|denylist| {
            let others = if issuers.has_resolver() {
                UnlistedIssuers::Accept
            } else {
                UnlistedIssuers::Reject
            };
            denylist.register_verifier(
                issuers
                    .listed()
                    .iter()
                    .map(|trusted| (&trusted.issuer, trusted.rules.max_token_age())),
                others,
                &self.clock,
                self.staleness,
            )
        });
        if let Some(replication) = &replication
            && self.start == StartMode::Background
        {
            replication.start();
        }
        #[cfg(feature = "dpop")]
        let dpop = self.dpop.build(&issuers, self.max_token_bytes, &self.clock);
        let event_limit = self.max_rejection_events.map(|per_second| {
            let clock = self.clock.clone();
            EventLimit::new(per_second, move || clock.unix_seconds())
        });
        let (timeout, silence) = (self.caller_check_timeout, self.fail_mode);
        let caller_check = self.caller_checks.into_iter().next();
        let caller_check = caller_check.map(|check| check.with_timeout(timeout, silence));
        Ok(Verifier(Arc::new(VerifierInner {
            id: number,
            #[cfg(feature = "mtls")]
            checks_certificates: checks_certificates(&issuers),
            issuers,
            readiness: self.readiness,
            clock: self.clock,
            max_token_bytes: self.max_token_bytes,
            max_claim_values,
            tokens: self
                .token_cache
                .capacity()
                .map(|capacity| TokenCache::new(number, capacity)),
            rechecks: Rechecks::new(denylist, caller_check),
            event_limit,
            changes,
            #[cfg(feature = "dpop")]
            dpop,
            replication,
            #[cfg(feature = "introspection")]
            api_key_header: opaque.header(),
            #[cfg(feature = "introspection")]
            opaque: opaque.build(),
        })))
    }

    /// Returns the signal of changes that can end open streams: that of the denylist if there is
    /// one, so that a stream waits for one signal.
    fn changes(&self) -> Changes {
        let denylist = self.denylists.first();
        denylist.map_or_else(Changes::default, |denylist| denylist.changes().clone())
    }

    /// Checks the settings, and that those about DPoP have an effect, which is known only now: code
    /// can add a resolver to a configuration.
    fn check_all(&self) -> Result<(), ConfigError> {
        self.check()
            .map_err(|error| error.at(&SettingSource::Code))?;
        #[cfg(feature = "dpop")]
        self.dpop
            .check_effect(&self.issuers, self.resolve.is_some())?;
        Ok(())
    }

    /// Checks the settings. Keys and certificates are read only when the verifier is built.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.issuers.is_empty() && self.resolve.is_none() {
            return Err(ConfigError::new("issuer", "at least one is required"));
        }
        if self.resolved_max == 0 {
            return Err(ConfigError::new(
                "max_resolved_issuers",
                "must be at least 1",
            ));
        }
        if self.max_resolutions_per_second == 0 {
            return Err(ConfigError::new(
                "max_issuer_resolutions_per_second",
                "must be at least 1",
            ));
        }
        if !(256..=64 * 1024).contains(&self.max_token_bytes) {
            return Err(ConfigError::new(
                "max_token_bytes",
                "must be from 256 bytes to 64 KiB",
            ));
        }
        self.check_combinations()?;
        #[cfg(feature = "dpop")]
        self.dpop.check()?;
        if self
            .token_cache
            .capacity
            .is_some_and(|capacity| capacity.tokens == 0 || capacity.bytes == 0)
        {
            let problem = "must be at least one token and one byte";
            return Err(
                ConfigError::new("token_cache", problem).with_advice(Advice {
                    code: "without_token_cache() disables the cache",
                    file: "\"off\" disables the cache",
                    environment: "M2M_TOKEN_CACHE=off disables the cache",
                }),
            );
        }
        if self
            .max_claim_values
            .is_some_and(|values| !(32..=32_768).contains(&values))
        {
            return Err(ConfigError::new(
                "max_claim_values",
                "must be from 32 to 32,768",
            ));
        }
        if self.caller_check_timeout.is_zero()
            || self.caller_check_timeout > Duration::from_secs(60)
        {
            return Err(ConfigError::new(
                "caller_check_timeout",
                "must be more than zero and at most 1 minute",
            ));
        }
        self.check_staleness()?;
        if self.max_rejection_events == Some(0) {
            return Err(ConfigError::new(
                "max_rejection_events_per_second",
                "must be at least 1: a filter of the subscriber switches the events off",
            ));
        }
        let mut names = HashSet::new();
        for issuer in &self.issuers {
            if !names.insert(issuer.validated_name()?) {
                return Err(ConfigError::new(
                    "issuer",
                    "is set twice: one issuer has one configuration",
                ));
            }
        }
        #[cfg(feature = "introspection")]
        check_prefixes(&self.issuers)?;
        Ok(())
    }

    fn check_staleness(&self) -> Result<(), ConfigError> {
        let limits = self.staleness;
        let hour = Duration::from_secs(60 * 60);
        if !(Duration::from_secs(10)..=hour).contains(&limits.stale_warning_after) {
            return Err(ConfigError::new(
                "denylist_stale_warning_after",
                "must be from 10 seconds to 1 hour",
            ));
        }
        if limits.max_stale > 24 * hour {
            return Err(ConfigError::new(
                "denylist_max_stale",
                "must be at most 1 day",
            ));
        }
        Ok(())
    }

    /// Checks that no setting contradicts another, or would replace an earlier requirement.
    fn check_combinations(&self) -> Result<(), ConfigError> {
        let problem = if self.token_cache.capacity.is_some()
            && self.token_cache.mode == TokenCacheMode::Disabled
        {
            ConfigError::new(
                "token_cache",
                "contradicts `without_token_cache`: use one of the two",
            )
        } else if self.denylists.len() > 1 {
            ConfigError::new(
                "denylist",
                "is set more than once: add all entries to one list",
            )
        } else if self.caller_checks.len() > 1 {
            ConfigError::new(
                "check_caller",
                "is set more than once: call all checks from one",
            )
        } else {
            return Ok(());
        };
        Err(problem)
    }
}

/// Returns `true` if tokens of a listed issuer can be bound to a certificate, or if issuers are
/// resolved.
#[cfg(feature = "mtls")]
fn checks_certificates(issuers: &IssuerRegistry) -> bool {
    let mut listed = issuers.listed().iter();
    issuers.has_resolver() || listed.any(|trusted| trusted.rules.possession.mtls.is_some())
}
