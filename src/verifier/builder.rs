//! A verifier of one or several issuers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::standing::{Question, Silence};
use super::verified::{Capacity, VerifiedTokens};
use super::{ConfigError, Denylist, Inner, Issuer, StandingCheck, Verifier};
use crate::clock::Clock;
use crate::jwks::{JwksError, SavedKeys};

/// The settings of a verifier that are not those of one issuer. It starts with [`Verifier::trusting`].
///
/// ```
/// use tower_m2m::Verifier;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let production = Verifier::kinde("acme").audience("https://api.acme.com");
/// let partner = Verifier::issuer("https://issuer.example").audience("https://api.acme.com");
/// let verifier = Verifier::trusting([production, partner]).without_token_cache().build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct VerifierBuilder {
    issuers: Vec<Issuer>,
    clock: Clock,
    max_token_bytes: usize,
    tokens: Option<Capacity>,
    saved: Vec<SavedKeys>,
    start: Start,
    denylist: Option<Denylist>,
    check: Option<Question>,
    standing_timeout: Duration,
    silence: Silence,
}

/// Numbers the verifiers of the process.
static VERIFIERS: AtomicU64 = AtomicU64::new(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Lazy,
    Background,
}

/// Why a verifier could not be started with its keys at hand.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be used.
    Config(ConfigError),
    /// The keys of an issuer could not be had.
    Keys {
        /// The issuer, exactly as configured.
        issuer: String,
        /// Why not.
        error: JwksError,
    },
}

impl VerifierBuilder {
    pub(super) fn new(issuers: impl IntoIterator<Item = Issuer>) -> Self {
        Self {
            issuers: issuers.into_iter().collect(),
            clock: Clock::system(),
            max_token_bytes: 8 * 1024,
            tokens: Some(Capacity { tokens: 10_000, bytes: 32 * 1024 * 1024 }),
            saved: Vec::new(),
            start: Start::Background,
            denylist: None,
            check: None,
            standing_timeout: Duration::from_millis(500),
            silence: Silence::Unavailable,
        }
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

    /// How many verified tokens are remembered: no more than so many, and no more than so many bytes. Default: 10,000
    /// tokens and 32 MiB.
    pub fn token_cache(mut self, tokens: u32, bytes: u64) -> Self {
        self.tokens = Some(Capacity { tokens, bytes });
        self
    }

    /// Verifies every token anew. Default: verified tokens are remembered until they end or the issuer's keys change.
    pub fn without_token_cache(mut self) -> Self {
        self.tokens = None;
        self
    }

    /// Turns away whom this list denies, although their tokens verify. Default: nobody.
    pub fn denylist(mut self, denylist: Denylist) -> Self {
        self.denylist = Some(denylist);
        self
    }

    /// Asks the application about every caller whose token verifies, whether the token was verified before or not.
    /// Default: nobody is asked, and the common request waits for nothing.
    pub fn check_standing(mut self, check: impl StandingCheck) -> Self {
        self.check = Some(Question::new(check));
        self
    }

    /// How long the [check of standing](Self::check_standing) may take before the request is answered 503. Default:
    /// 500 ms; at most 1 minute.
    pub fn standing_timeout(mut self, timeout: Duration) -> Self {
        self.standing_timeout = timeout;
        self
    }

    /// Lets callers in when the [check of standing](Self::check_standing) fails or takes too long.
    ///
    /// Whoever can slow down or break what the check asks is then never revoked or suspended. Default: 503.
    pub fn dangerous_allow_unchecked(mut self) -> Self {
        self.silence = Silence::Good;
        self
    }

    /// Begins with keys that [`Verifier::export_keys`] gave before, so that a restart while an issuer is down serves at
    /// once. They are as old as they are: the ceiling counts from when they were fetched. Those of other issuers and those
    /// too old are left out. Default: none.
    pub fn restore_keys(mut self, saved: impl IntoIterator<Item = SavedKeys>) -> Self {
        self.saved.extend(saved);
        self
    }

    /// Fetches keys when the first token comes. Default: in the background, as soon as the verifier is built (or with the
    /// first token, when it is built outside a tokio runtime).
    pub fn start_lazily(mut self) -> Self {
        self.start = Start::Lazy;
        self
    }

    /// Builds the verifier. An issuer that is down does not stop it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming the setting that cannot be used.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        self.check()?;
        let number = VERIFIERS.fetch_add(1, Ordering::Relaxed);
        let (mut issuers, mut places) = (Vec::new(), HashMap::new());
        for issuer in self.issuers {
            let trusted = issuer.into_trusted(&self.clock)?;
            for saved in self.saved.iter().filter(|saved| *saved.issuer == *trusted.issuer) {
                trusted.keys.restore(saved);
            }
            places.insert(Arc::clone(&trusted.issuer), issuers.len());
            issuers.push(trusted);
        }
        if self.start == Start::Background {
            // Outside a runtime there is nothing to start in yet: the first token's look-up does it.
            let _ = issuers.iter().try_for_each(|trusted| trusted.keys.start());
        }
        if let Some(denylist) = &self.denylist {
            denylist.serve(places.keys(), &self.clock);
        }
        let (timeout, silence) = (self.standing_timeout, self.silence);
        Ok(Verifier(Arc::new(Inner {
            number,
            issuers,
            places,
            clock: self.clock,
            max_token_bytes: self.max_token_bytes,
            tokens: self.tokens.map(|capacity| VerifiedTokens::new(number, capacity)),
            denylist: self.denylist,
            check: self.check.map(|check| check.within(timeout, silence)),
        })))
    }

    /// Checks the settings; what they name, keys and certificates, is looked at only when the verifier is built.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.issuers.is_empty() {
            return Err(ConfigError::new("issuer", "at least one is needed"));
        }
        if !(256..=64 * 1024).contains(&self.max_token_bytes) {
            return Err(ConfigError::new("max_token_bytes", "must be from 256 bytes to 64 KiB"));
        }
        if self.tokens.is_some_and(|capacity| capacity.tokens == 0 || capacity.bytes == 0) {
            return Err(ConfigError::new("token_cache", "must hold something: without_token_cache() switches it off"));
        }
        if self.standing_timeout.is_zero() || self.standing_timeout > Duration::from_secs(60) {
            return Err(ConfigError::new("standing_timeout", "must be more than zero and at most 1 minute"));
        }
        let mut names = HashSet::new();
        for issuer in &self.issuers {
            if !names.insert(issuer.checked()?) {
                return Err(ConfigError::new("issuer", "is given twice: one issuer has one configuration"));
            }
        }
        Ok(())
    }

    /// Builds the verifier and waits until each issuer's keys are at hand: for services that had rather not start than
    /// start without.
    ///
    /// # Errors
    ///
    /// [`StartError::Config`]; [`StartError::Keys`] when the first fetch of an issuer's keys fails, and none were
    /// [restored](Self::restore_keys).
    pub async fn build_ready(self) -> Result<Verifier, StartError> {
        let verifier = self.build().map_err(StartError::Config)?;
        for trusted in &verifier.0.issuers {
            let failed = |error| StartError::Keys { issuer: trusted.issuer.to_string(), error };
            trusted.keys.first_try().await.map_err(failed)?;
        }
        Ok(verifier)
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Keys { issuer, error } => write!(f, "the keys of {issuer} could not be had: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Keys { error, .. } => Some(error),
        }
    }
}
