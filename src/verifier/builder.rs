//! The builder of a verifier of one or several issuers.

use std::sync::Arc;
use std::time::Duration;

use super::cache::CacheCapacity;
#[cfg(feature = "dpop")]
use super::dpop_builder::DpopSettings;
use super::issuer::kinde::kinde_issuer;
use super::issuer::{Issuer, NeedsAudience};
use super::issuers::resolved::{ResolveFn, ResolveFuture};
use super::profile::Profile;
use super::readiness::Readiness;
use super::verifier::Verifier;
use crate::clock::Clock;
#[cfg(feature = "introspection")]
use crate::introspection::SavedCredentials;
use crate::jwks::SavedKeys;
use crate::revocation::{CallerCheck, CallerCheckRunner, Denylist, FailMode, StalenessLimits};
use crate::util::BoxError;

/// The settings of a verifier that do not belong to one issuer. Create it with
/// [`Verifier::builder`].
///
/// The order of the setters makes no difference. If two setters contradict each other, `build()`
/// returns an error. If a setter of a single value is called again, the last value counts.
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
    #[cfg(feature = "introspection")]
    pub(super) saved_credentials: Option<SavedCredentials>,
    pub(super) start: StartMode,
    pub(super) readiness: Readiness,
    /// Only one may be set. All are kept, so that a second one is an error and does not replace the
    /// first.
    pub(super) denylists: Vec<Denylist>,
    pub(super) caller_checks: Vec<CallerCheckRunner>,
    pub(super) staleness: StalenessLimits,
    pub(super) caller_check_timeout: Duration,
    pub(super) fail_mode: FailMode,
    pub(super) max_rejection_events: Option<u32>,
    #[cfg(feature = "dpop")]
    pub(super) dpop: Box<DpopSettings>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartMode {
    Lazy,
    Background,
}

/// The settings of the token cache.
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
    /// Trusts a Kinde business: `acme`, `acme.kinde.com`, `acme.au.kinde.com` or
    /// `https://acme.kinde.com`.
    pub fn kinde(domain: &str) -> NeedsAudience {
        NeedsAudience::new(kinde_issuer(domain), Profile::KINDE)
    }

    /// Trusts any OAuth 2.0 issuer that creates JWT access tokens. The issuer must equal `iss`
    /// character for character.
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
            #[cfg(feature = "introspection")]
            saved_credentials: None,
            start: StartMode::Background,
            readiness: Readiness::All,
            denylists: Vec::new(),
            caller_checks: Vec::new(),
            staleness: StalenessLimits::default(),
            caller_check_timeout: Duration::from_millis(500),
            fail_mode: FailMode::Closed,
            max_rejection_events: None,
            #[cfg(feature = "dpop")]
            dpop: Box::default(),
        }
    }

    /// Sets a function that resolves issuers that are not listed, by their `iss`. Default: only
    /// listed issuers are trusted.
    ///
    /// Use it for issuers that are known only at run time, such as one per customer. The function
    /// returns an [`Issuer`] of exactly this name with all its settings, or `None` if the issuer is
    /// not trusted. The verifier caches the results:
    ///
    /// * An issuer is cached for 10 minutes. During the last 5 of them, the verifier calls
    ///   the function again in the background. The issuer keeps its keys.
    /// * `None` is cached for 30 seconds.
    /// * If the function fails, panics or takes longer than 3 seconds, or if the settings are
    ///   invalid, the failure is cached for 1 second. Requests with such tokens get a 503.
    ///
    /// At most 10,000 results without an issuer are cached.
    ///
    /// **An issuer may write any organization into its tokens.** If an issuer belongs to a
    /// customer, list its organizations with [`allow_organizations`](Issuer::allow_organizations),
    /// because routes compare only the codes.
    ///
    /// **Any client can choose the `iss` of a token.** The function must look the name up among
    /// trusted issuers and must never fetch data from it. The verifier runs one call per name and
    /// about 64 calls for different names at a time. Beyond that, requests get a 503. If an `iss`
    /// is neither an https URL nor a URL on loopback, the function is not called.
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
    /// Beyond that, the verifier evicts the issuer with the oldest last verified token. It never
    /// evicts an issuer that a request uses.
    pub fn max_resolved_issuers(mut self, issuers: usize) -> Self {
        self.resolved_max = issuers;
        self
    }

    /// Sets how often per second the application's resolver is called. Default: 200. Minimum: 1.
    ///
    /// Beyond that, tokens of issuers that are not cached get a 503. Names that were trusted before
    /// and all other names have half of the rate each. If one half is not used up, the other may
    /// use it. Among the other names, those that were rejected because of a limit and are sent
    /// again have priority. A flood of invented names therefore does not block a customer's issuer
    /// for long. The 64 calls that may be in progress at once are shared in the same way, but each
    /// half is only for its own names.
    pub fn max_issuer_resolutions_per_second(mut self, resolutions: u32) -> Self {
        self.max_resolutions_per_second = resolutions;
        self
    }

    /// Sets the source of the current time. Default: the system's clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the longest token that is read, in bytes. Default: 8 KiB. From 256 bytes to 64 KiB. A
    /// longer token gets a 400.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// Sets the largest number of JSON values in the claims of a token, at any depth. Default: one
    /// for each 8 bytes of [`max_token_bytes`](Self::max_token_bytes), and at least 1,024. From 32
    /// to 32,768.
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

    /// Sets the capacity of the token cache, in tokens and in bytes. Default: 10,000 tokens and 32
    /// MiB. It cannot be combined with [`without_token_cache`](Self::without_token_cache).
    pub fn token_cache(mut self, tokens: u32, bytes: u64) -> Self {
        self.token_cache.capacity = Some(CacheCapacity { tokens, bytes });
        self
    }

    /// Disables the token cache, so every token is verified again. Default: a verified token is
    /// cached until it expires or the issuer's keys change.
    pub fn without_token_cache(mut self) -> Self {
        self.token_cache.mode = TokenCacheMode::Disabled;
        self
    }

    /// Sets a list of denied tokens, clients and organizations, which are rejected although their
    /// tokens are valid. Default: no list. A second list is an error of `build()`.
    pub fn denylist(mut self, denylist: Denylist) -> Self {
        self.denylists.push(denylist);
        self
    }

    /// Sets the application's check of every caller with a valid token, also if the token is
    /// cached. Default: no check, so requests do not wait for one. A second check is an error of
    /// `build()`.
    pub fn check_caller(mut self, check: impl CallerCheck) -> Self {
        self.caller_checks.push(CallerCheckRunner::new(check));
        self
    }

    /// Sets how long the [caller check](Self::check_caller) may take before the request gets a 503.
    /// Default: 500 ms. Maximum: 1 minute.
    pub fn caller_check_timeout(mut self, timeout: Duration) -> Self {
        self.caller_check_timeout = timeout;
        self
    }

    /// Admits callers if the [caller check](Self::check_caller) fails or times out. Default: such
    /// requests get a 503.
    ///
    /// **Any party that can slow down or break the check can then prevent every revocation and
    /// suspension.**
    pub fn dangerous_caller_check_fail_open(mut self) -> Self {
        self.fail_mode = FailMode::Open;
        self
    }
}
