//! How an issuer's keys are fetched and kept fresh.

use std::time::Duration;

use super::Issuer;
use crate::jwks::Proxy;

impl Issuer {
    /// How long a fetched key set is fresh, whatever the issuer says. Default: as its `Cache-Control` or `Expires` says
    /// within 1 min to 1 h, or else 10 min. A refresh is made at 75 to 85 % of it.
    pub fn keys_time_to_live(mut self, time_to_live: Duration) -> Self {
        self.timing.time_to_live = time_to_live;
        self.timing.honor_cache_control = false;
        self
    }

    /// How long past its life a key set may serve while the issuer does not answer; then its tokens are answered 503.
    /// Default: 1 h. Zero is allowed.
    pub fn keys_max_stale(mut self, max_stale: Duration) -> Self {
        self.timing.max_stale = max_stale;
        self
    }

    /// How often an unknown `kid` may cause a fetch: two at once, then one per so much time. Also the longest pause between
    /// tries while no keys are held. Default: 10 s.
    pub fn unknown_kid_cooldown(mut self, cooldown: Duration) -> Self {
        self.timing.cooldown = cooldown;
        self.timing.max_retry_delay = cooldown;
        self
    }

    /// How long one fetch may take, from connect to last byte. Default: 3 s.
    pub fn fetch_timeout(mut self, timeout: Duration) -> Self {
        self.timing.timeout = timeout;
        self.http.timeout = timeout;
        self
    }

    /// How long a request waits for a first key set before it is answered 503. Default: 1 s.
    pub fn initial_keys_timeout(mut self, initial_keys_timeout: Duration) -> Self {
        self.timing.initial_keys_timeout = initial_keys_timeout;
        self
    }

    /// Makes the jitter of refreshes and pauses repeatable, for tests with a paused clock. Default: different for each
    /// verifier.
    #[cfg(feature = "test-util")]
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.timing.jitter_seed = Some(seed);
        self
    }

    /// Ignores the proxy that the environment names (`HTTPS_PROXY` and its kin). Default: it is used, except for an issuer on
    /// loopback.
    pub fn without_proxy(mut self) -> Self {
        self.http.proxy = Proxy::Disabled;
        self
    }

    /// Trusts this certificate authority too when fetching, in PEM form, in addition to those of earlier calls. Default:
    /// those of the system.
    pub fn ca_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.http.ca_certificates_pem.push(pem.into());
        self
    }
}
