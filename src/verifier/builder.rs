//! A verifier of one or several issuers.

use std::sync::Arc;
use std::time::Duration;

use super::cache::CacheCapacity;
use super::issuer::kinde::kinde_issuer;
use super::issuer::{Issuer, NeedsAudience};
use super::issuers::resolved::{ResolveFn, ResolveFuture};
use super::profile::Profile;
use super::readiness::Readiness;
use super::verifier::Verifier;
use crate::clock::Clock;
use crate::jwks::SavedKeys;
use crate::revocation::{CallerCheck, CallerCheckRunner, Denylist, FailMode};
use crate::util::BoxError;

/// The settings of a verifier that are not those of one issuer. It starts with [`Verifier::builder`].
///
/// The order of the setters makes no difference. Two setters that contradict each other are an error of `build()`. If a
/// setter of a single value is called again, the last value counts.
///
/// ```
/// use tower_m2m::Verifier;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let production = Verifier::kinde("acme").audience("https://api.acme.com");
/// let partner = Verifier::issuer("https://issuer.example").audience("https://api.acme.com");
/// let verifier = Verifier::builder([production, partner]).without_token_cache().build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct VerifierBuilder {
    pub(super) issuers: Vec<Issuer>,
    pub(super) resolve: Option<Arc<ResolveFn>>,
    pub(super) resolved_max: usize,
    pub(super) max_resolutions_per_second: u32,
    pub(super) clock: Clock,
    pub(super) max_token_bytes: usize,
    pub(super) max_claim_values: Option<u32>,
    pub(super) token_cache: TokenCacheSetting,
    pub(super) saved: Vec<SavedKeys>,
    pub(super) start: StartMode,
    pub(super) readiness: Readiness,
    /// Only one may be set. Each is kept, so that a second one is an error and does not replace the first.
    pub(super) denylists: Vec<Denylist>,
    pub(super) caller_checks: Vec<CallerCheckRunner>,
    pub(super) caller_check_timeout: Duration,
    pub(super) fail_mode: FailMode,
    pub(super) max_rejection_events: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartMode {
    Lazy,
    Background,
}

/// How many verified tokens are cached, as the setters say it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TokenCacheSetting {
    pub(super) capacity: Option<CacheCapacity>,
    pub(super) mode: TokenCacheMode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TokenCacheMode {
    #[default]
    Enabled,
    Disabled,
}

impl TokenCacheSetting {
    /// Returns the capacity, or `None` if the cache is disabled.
    pub(super) fn capacity(self) -> Option<CacheCapacity> {
        (self.mode == TokenCacheMode::Enabled).then(|| {
            self.capacity.unwrap_or(CacheCapacity {
                tokens: 10_000,
                bytes: 32 * 1024 * 1024,
            })
        })
    }
}

impl Verifier {
    /// Trusts a Kinde business: `acme`, `acme.kinde.com`, `acme.au.kinde.com` or `https://acme.kinde.com`.
    pub fn kinde(domain: &str) -> NeedsAudience {
        NeedsAudience::new(kinde_issuer(domain), Profile::KINDE)
    }

    /// Trusts any OAuth 2.0 issuer that writes JWT access tokens. The issuer is what `iss` says, character for character.
    pub fn issuer(issuer: impl Into<String>) -> NeedsAudience {
        NeedsAudience::new(Ok(issuer.into()), Profile::GENERIC)
    }

    /// Trusts several issuers, or one with settings that belong to the verifier.
    pub fn builder(issuers: impl IntoIterator<Item = Issuer>) -> VerifierBuilder {
        VerifierBuilder::new(issuers)
    }
}

impl VerifierBuilder {
    pub(super) fn new(issuers: impl IntoIterator<Item = Issuer>) -> Self {
        Self {
            issuers: issuers.into_iter().collect(),
            resolve: None,
            resolved_max: 1_000,
            max_resolutions_per_second: 200,
            clock: Clock::system(),
            max_token_bytes: 8 * 1024,
            max_claim_values: None,
            token_cache: TokenCacheSetting::default(),
            saved: Vec::new(),
            start: StartMode::Background,
            readiness: Readiness::All,
            denylists: Vec::new(),
            caller_checks: Vec::new(),
            caller_check_timeout: Duration::from_millis(500),
            fail_mode: FailMode::Closed,
            max_rejection_events: None,
        }
    }

    /// Asks the application about issuers that are not listed, by their `iss`: for issuers known only at run time, such as
    /// one per customer. Default: whoever is not listed is not trusted.
    ///
    /// The answer is an [`Issuer`] of exactly that name with all its settings, or nothing for one that is not trusted. It
    /// is kept: an issuer for 10 minutes, of which the last 5 are for asking again in the background; a refusal for 30
    /// seconds, 10,000 of them at most; the lack of an answer (an error, a panic, more than 3 seconds, settings that cannot
    /// be used) for 1 second, and such tokens are answered 503. An issuer keeps its keys from one answer to the next.
    ///
    /// **An issuer may write any organization into its tokens.** One that belongs to a customer is therefore to be given its
    /// organizations with [`allow_organizations`](Issuer::allow_organizations): routes compare codes, whoever wrote them.
    ///
    /// **Whoever sends a token chooses its `iss`.** So the function is to look the name up among those that are trusted
    /// already, never to fetch anything from it. It is asked once at a time about one name, and about 64 names at once; a
    /// further one is answered 503. An `iss` that is neither an https URL nor one on loopback is not asked about.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use tower_m2m::Verifier;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Each customer's issuer, and the one organization that it may speak for.
    /// let customers = HashMap::from([("https://login.customer.example", "org_customer")]);
    /// let verifier = Verifier::builder([])
    ///     .resolve_issuers_with(move |iss| {
    ///         let org = customers.get(iss.as_str()).copied();
    ///         async move {
    ///             Ok(org.map(|org| Verifier::issuer(iss).audience("https://api.acme.com").allow_organizations([org])))
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn resolve_issuers_with<F, R>(mut self, resolve: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Issuer>, BoxError>> + Send + 'static,
    {
        self.resolve = Some(Arc::new(move |iss| -> ResolveFuture {
            Box::pin(resolve(iss))
        }));
        self
    }

    /// Sets how many resolved issuers are kept, each with its keys. Default: 1,000.
    ///
    /// If there are more, the one whose tokens were verified longest ago is evicted, but none that a request uses.
    pub fn max_resolved_issuers(mut self, issuers: usize) -> Self {
        self.resolved_max = issuers;
        self
    }

    /// Sets how often per second the application is asked about issuers. Default: 200. Minimum: 1.
    ///
    /// Beyond that, tokens of issuers that are not cached get 503. Names that were trusted before and other names have
    /// half of the rate each; what one half does not use, the other one may. Of the other names, those that were turned
    /// down and come again go first. So a flood of invented names keeps no customer's issuer out for long.
    pub fn max_issuer_resolutions_per_second(mut self, resolutions: u32) -> Self {
        self.max_resolutions_per_second = resolutions;
        self
    }

    /// Where "now" comes from. Default: the system's clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The longest token that is looked at, in bytes. Default: 8 KiB; at most 64 KiB. A longer one is answered 400.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// Sets the largest number of JSON values in the claims of a token, at any depth. Default: one for each 8 bytes of
    /// [`max_token_bytes`](Self::max_token_bytes), and at least 1,024. From 32 to 32,768.
    ///
    /// A token with more values is rejected (`invalid_claims_set`).
    pub fn max_claim_values(mut self, values: u32) -> Self {
        self.max_claim_values = Some(values);
        self
    }

    pub(super) fn max_claim_values_or_default(&self) -> u32 {
        let by_size = u32::try_from(self.max_token_bytes / 8).unwrap_or(u32::MAX);
        self.max_claim_values.unwrap_or(by_size.max(1024))
    }

    /// How many verified tokens are remembered: no more than so many, and no more than so many bytes. Default: 10,000
    /// tokens and 32 MiB. It cannot be combined with [`without_token_cache`](Self::without_token_cache).
    pub fn token_cache(mut self, tokens: u32, bytes: u64) -> Self {
        self.token_cache.capacity = Some(CacheCapacity { tokens, bytes });
        self
    }

    /// Verifies every token anew. Default: verified tokens are remembered until they end or the issuer's keys change.
    pub fn without_token_cache(mut self) -> Self {
        self.token_cache.mode = TokenCacheMode::Disabled;
        self
    }

    /// Rejects the tokens, clients and organizations that this list denies, although their tokens are valid. Default: no
    /// list. A second list is an error of `build()`.
    pub fn denylist(mut self, denylist: Denylist) -> Self {
        self.denylists.push(denylist);
        self
    }

    /// Calls the application's check for every caller whose token is valid, whether the token was verified before or not.
    /// Default: no check, and the common request waits for nothing. A second check is an error of `build()`.
    pub fn check_caller(mut self, check: impl CallerCheck) -> Self {
        self.caller_checks.push(CallerCheckRunner::new(check));
        self
    }

    /// How long the [check of standing](Self::check_caller) may take before the request is answered 503. Default:
    /// 500 ms; at most 1 minute.
    pub fn caller_check_timeout(mut self, timeout: Duration) -> Self {
        self.caller_check_timeout = timeout;
        self
    }

    /// Lets callers in when the [check of standing](Self::check_caller) fails or takes too long.
    ///
    /// Whoever can slow down or break what the check asks is then never revoked or suspended. Default: 503.
    pub fn dangerous_caller_check_fail_open(mut self) -> Self {
        self.fail_mode = FailMode::Open;
        self
    }

    /// Begins with keys that [`Verifier::export_keys`] gave before, so that a restart while an issuer is down serves at
    /// once. They are as old as they are: the ceiling counts from when they were fetched. Those of other issuers and those
    /// too old are left out. Default: none.
    pub fn restore_keys(mut self, saved: impl IntoIterator<Item = SavedKeys>) -> Self {
        self.saved.extend(saved);
        self
    }

    /// Sets when the verifier is ready if several issuers are listed. Default: [`Readiness::All`].
    ///
    /// [`Verifier::is_ready`] and [`build_ready`](Self::build_ready) follow it. Resolved issuers do not count.
    ///
    /// ```
    /// use tower_m2m::{Readiness, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let own = Verifier::kinde("acme").audience("https://api.acme.com");
    /// let partner = Verifier::issuer("https://issuer.example").audience("https://api.acme.com");
    /// // An outage of the partner's issuer must not take this service off the load balancer.
    /// let verifier = Verifier::builder([own, partner]).readiness(Readiness::Any).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }
}

impl std::fmt::Debug for VerifierBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifierBuilder")
            .field("issuers", &self.issuers)
            .field("max_resolved_issuers", &self.resolved_max)
            .field("max_token_bytes", &self.max_token_bytes)
            .field("token_cache", &self.token_cache)
            .field("caller_check_timeout", &self.caller_check_timeout)
            .field("fail_mode", &self.fail_mode)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}
