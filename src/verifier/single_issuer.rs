//! Settings of the verifier, as methods of an issuer. The first call returns a builder.

use std::time::Duration;

use super::builder::VerifierBuilder;
use super::issuer::Issuer;
use super::readiness::Readiness;
use super::verifier::Verifier;
use crate::clock::Clock;
#[cfg(feature = "introspection")]
use crate::introspection::SavedCredentials;
use crate::jwks::SavedKeys;
use crate::revocation::{CallerCheck, Denylist};
use crate::util::BoxError;

/// Settings of the verifier, for a verifier of one issuer. The first call turns the issuer into a
/// [`VerifierBuilder`], so call the setters of the issuer first.
///
/// ```
/// use tower_m2m::{Denylist, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let denylist = Denylist::new();
/// let verifier = Verifier::kinde("acme").audience("https://api.acme.com").denylist(denylist.clone()).build()?;
/// # Ok(())
/// # }
/// ```
///
/// A verifier of several issuers has each setting once, so none can be lost:
///
/// ```compile_fail
/// # use tower_m2m::{Denylist, Verifier};
/// let acme = Verifier::kinde("acme").audience("https://api.acme.com").denylist(Denylist::new());
/// let verifier = Verifier::builder([acme]);
/// ```
impl Issuer {
    /// Trusts further issuers that the application resolves:
    /// [`VerifierBuilder::resolve_issuers_with`].
    pub fn resolve_issuers_with<F, R>(self, resolve: F) -> VerifierBuilder
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Issuer>, BoxError>> + Send + 'static,
    {
        Verifier::builder([self]).resolve_issuers_with(resolve)
    }

    /// Sets how often per second the application's resolver is called:
    /// [`VerifierBuilder::max_issuer_resolutions_per_second`].
    pub fn max_issuer_resolutions_per_second(self, resolutions: u32) -> VerifierBuilder {
        Verifier::builder([self]).max_issuer_resolutions_per_second(resolutions)
    }

    /// Sets how many resolved issuers are kept: [`VerifierBuilder::max_resolved_issuers`].
    pub fn max_resolved_issuers(self, issuers: usize) -> VerifierBuilder {
        Verifier::builder([self]).max_resolved_issuers(issuers)
    }

    /// Sets the clock: [`VerifierBuilder::clock`].
    pub fn clock(self, clock: Clock) -> VerifierBuilder {
        Verifier::builder([self]).clock(clock)
    }

    /// Sets the longest token that is read: [`VerifierBuilder::max_token_bytes`].
    pub fn max_token_bytes(self, bytes: usize) -> VerifierBuilder {
        Verifier::builder([self]).max_token_bytes(bytes)
    }

    /// Sets the largest number of JSON values in the claims: [`VerifierBuilder::max_claim_values`].
    pub fn max_claim_values(self, values: u32) -> VerifierBuilder {
        Verifier::builder([self]).max_claim_values(values)
    }

    /// Sets how many verified tokens are cached: [`VerifierBuilder::token_cache`].
    pub fn token_cache(self, tokens: u32, bytes: u64) -> VerifierBuilder {
        Verifier::builder([self]).token_cache(tokens, bytes)
    }

    /// Disables the token cache: [`VerifierBuilder::without_token_cache`].
    pub fn without_token_cache(self) -> VerifierBuilder {
        Verifier::builder([self]).without_token_cache()
    }

    /// Sets the list of denied tokens, clients and organizations: [`VerifierBuilder::denylist`].
    pub fn denylist(self, denylist: Denylist) -> VerifierBuilder {
        Verifier::builder([self]).denylist(denylist)
    }

    /// Sets the application's caller check: [`VerifierBuilder::check_caller`].
    pub fn check_caller(self, check: impl CallerCheck) -> VerifierBuilder {
        Verifier::builder([self]).check_caller(check)
    }

    /// Sets when a replicated denylist is stale: [`VerifierBuilder::denylist_stale_warning_after`].
    pub fn denylist_stale_warning_after(self, after: Duration) -> VerifierBuilder {
        Verifier::builder([self]).denylist_stale_warning_after(after)
    }

    /// Sets how long a stale denylist is used: [`VerifierBuilder::denylist_max_stale`].
    pub fn denylist_max_stale(self, max_stale: Duration) -> VerifierBuilder {
        Verifier::builder([self]).denylist_max_stale(max_stale)
    }

    /// Sets how long the caller check may take: [`VerifierBuilder::caller_check_timeout`].
    pub fn caller_check_timeout(self, timeout: Duration) -> VerifierBuilder {
        Verifier::builder([self]).caller_check_timeout(timeout)
    }

    /// Admits callers if the caller check fails:
    /// [`VerifierBuilder::dangerous_caller_check_fail_open`].
    pub fn dangerous_caller_check_fail_open(self) -> VerifierBuilder {
        Verifier::builder([self]).dangerous_caller_check_fail_open()
    }

    /// Adds saved keys: [`VerifierBuilder::restore_keys`].
    pub fn restore_keys(self, saved: impl IntoIterator<Item = SavedKeys>) -> VerifierBuilder {
        Verifier::builder([self]).restore_keys(saved)
    }

    /// Sets when the verifier is ready: [`VerifierBuilder::readiness`].
    pub fn readiness(self, readiness: Readiness) -> VerifierBuilder {
        Verifier::builder([self]).readiness(readiness)
    }

    /// Restores the opaque credentials of before:
    /// [`VerifierBuilder::restore_known_credentials`].
    #[cfg(feature = "introspection")]
    pub fn restore_known_credentials(self, saved: SavedCredentials) -> VerifierBuilder {
        Verifier::builder([self]).restore_known_credentials(saved)
    }

    /// Sets how many events about rejected requests are recorded:
    /// [`VerifierBuilder::max_rejection_events_per_second`].
    pub fn max_rejection_events_per_second(self, events: u32) -> VerifierBuilder {
        Verifier::builder([self]).max_rejection_events_per_second(events)
    }

    /// Fetches keys when the first token arrives: [`VerifierBuilder::start_lazily`].
    pub fn start_lazily(self) -> VerifierBuilder {
        Verifier::builder([self]).start_lazily()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
