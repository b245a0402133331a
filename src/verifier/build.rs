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
use super::opaque_builder::{OpaqueBuilder, check_prefixes};
use super::readiness::Readiness;
use super::start_error::StartError;
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
        self.check()
            .map_err(|error| error.at(&SettingSource::Code))?;
        let max_claim_values = self.max_claim_values_or_default();
        crate::telemetry::metrics::describe();
        let number = VERIFIERS.fetch_add(1, Ordering::Relaxed);
        let changes = self.changes();
        let (mut listed, clients) = (Vec::new(), self.http_clients()?);
        #[cfg(feature = "introspection")]
        let mut opaque = OpaqueBuilder::new(number, max_claim_values, &self.issuers);
        for issuer in self.issuers {
            #[cfg(feature = "introspection")]
            let introspection = opaque.setup(&issuer, &clients)?;
            let trusted = issuer.into_trusted_issuer(&self.clock, &clients, &changes)?;
            self.saved
                .iter()
                .filter(|saved| saved.is_of(&trusted.issuer))
                .for_each(|saved| trusted.keys.restore(saved));
            #[cfg(feature = "introspection")]
            opaque.add(introspection, &trusted, &self.clock);
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
        if let Some(denylist) = &denylist {
            let others = if issuers.has_resolver() {
                UnlistedIssuers::Accept
            } else {
                UnlistedIssuers::Reject
            };
            denylist.register_issuers(
                issuers.listed().iter().map(|trusted| &trusted.issuer),
                others,
                &self.clock,
            );
        }
        #[cfg(feature = "dpop")]
        let dpop = self.dpop.build(
            issuers.listed(),
            issuers.has_resolver(),
            self.max_token_bytes,
            &self.clock,
        );
        let event_limit = self.max_rejection_events.map(|per_second| {
            let clock = self.clock.clone();
            EventLimit::new(per_second, move || clock.unix_seconds())
        });
        let (timeout, silence) = (self.caller_check_timeout, self.fail_mode);
        let caller_check = self.caller_checks.into_iter().next();
        let caller_check = caller_check.map(|check| check.with_timeout(timeout, silence));
        Ok(Verifier(Arc::new(VerifierInner {
            id: number,
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
            #[cfg(feature = "introspection")]
            api_key_header: opaque.header(),
            #[cfg(feature = "introspection")]
            opaque: opaque.build(self.saved_credentials.as_ref())?,
        })))
    }

    /// Returns the signal of changes that can end open streams: that of the denylist if there is
    /// one, so that a stream waits for one signal.
    fn changes(&self) -> Changes {
        let denylist = self.denylists.first();
        denylist.map_or_else(Changes::default, |denylist| denylist.changes().clone())
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

    /// Builds the verifier and waits until keys are available, so that a service does not start
    /// without them.
    ///
    /// By default it waits for the keys of every listed issuer. With
    /// [`Readiness::Any`](crate::Readiness::Any) it waits until each issuer's first fetch is
    /// finished, and succeeds if keys of at least one are available. See also
    /// [`weak_settings`](Verifier::weak_settings) of the result.
    ///
    /// # Errors
    ///
    /// Returns [`StartError::Config`] if a setting is invalid. Returns [`StartError::KeyFetch`] if
    /// the first fetch of an issuer's keys fails and none were [restored](Self::restore_keys). With
    /// `Readiness::Any`, it returns this error only if all issuers fail. The error is then that of
    /// the first one.
    pub async fn build_ready(self) -> Result<Verifier, StartError> {
        let verifier = self.build().map_err(StartError::Config)?;
        let (listed, readiness) = (verifier.0.issuers.listed(), verifier.0.readiness);
        // Start all fetches at once, then wait for them one after the other.
        let _ = listed.iter().try_for_each(|trusted| trusted.keys.start());
        let (mut ready, mut first_error) = (0, None);
        for trusted in listed {
            match trusted.keys.wait_for_initial_fetch().await {
                Ok(()) => ready += 1,
                Err(error) => {
                    first_error.get_or_insert(StartError::KeyFetch {
                        issuer: trusted.issuer.to_string(),
                        error,
                        unusable_keys: trusted.keys.status().unusable_keys,
                    });
                    if readiness == Readiness::All {
                        break;
                    }
                }
            }
        }
        #[cfg(feature = "introspection")]
        verifier.prepare_introspection().await;
        match first_error {
            Some(error) if !readiness.is_satisfied(ready, listed.len()) => Err(error),
            _ => Ok(verifier),
        }
    }
}
