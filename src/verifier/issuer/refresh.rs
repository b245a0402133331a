//! The settings about fetching and refreshing an issuer's keys.

use std::time::Duration;

use super::Issuer;
use crate::http_client::Proxy;
use crate::jwks::PlainHttp;

impl Issuer {
    /// Sets how long a fetched key set is fresh, regardless of the response. Default: the lifetime
    /// in `Cache-Control` or `Expires`, from 1 min to 1 h, or 10 min without these headers. A
    /// refresh begins after 75 to 85 % of this time.
    pub fn keys_time_to_live(mut self, time_to_live: Duration) -> Self {
        self.timing.time_to_live = time_to_live;
        self.timing.honor_cache_control = false;
        self
    }

    /// Sets how long a key set may be used after it became stale, if the issuer does not respond.
    /// Default: 1 h. Zero is allowed. After that, requests with tokens of this issuer get a 503.
    pub fn keys_max_stale(mut self, max_stale: Duration) -> Self {
        self.timing.max_stale = max_stale;
        self
    }

    /// Sets how often unknown `kid`s may cause a fetch: two at once, then one per cooldown.
    /// Default: 10 s.
    ///
    /// It is also how long a `kid` is first cached as missing after a fetch did not contain it, and
    /// the longest pause between attempts while no keys are available.
    pub fn unknown_kid_cooldown(mut self, cooldown: Duration) -> Self {
        self.timing.cooldown = cooldown;
        self.timing.max_retry_delay = cooldown;
        self
    }

    /// Sets how long a `kid` that no fetch contained is cached as missing, at most. Default: 30 s.
    /// Maximum: 1 day.
    ///
    /// The first time is [`unknown_kid_cooldown`](Self::unknown_kid_cooldown). It doubles with each
    /// further fetch that does not contain the `kid`, and it ends when the key set changes. Clients
    /// with verified tokens and all other clients have separate entries. If this is shorter than
    /// the cooldown, the cooldown is used.
    pub fn unknown_kid_max_ttl(mut self, max_ttl: Duration) -> Self {
        self.timing.unknown_kid_max_ttl = max_ttl;
        self
    }

    /// Sets how long one fetch may take, from the first connection for its metadata to the last
    /// byte of its keys. Default: 3 s. Maximum: 1 minute.
    ///
    /// If keys were fetched before, a request never waits longer than this in total.
    pub fn fetch_timeout(mut self, timeout: Duration) -> Self {
        self.timing.timeout = timeout;
        self.http.timeout = timeout;
        self
    }

    /// Sets how long connecting may take: name resolution, TCP and the TLS handshake together.
    /// Default: no separate limit, only [`fetch_timeout`](Self::fetch_timeout). It is at most
    /// `fetch_timeout`.
    ///
    /// A shorter limit leaves time for the second URL of the metadata if the first is not
    /// reachable. It has no effect on [`fetch_with`](Self::fetch_with).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.http.connect_timeout = Some(timeout);
        self
    }

    /// Sets how long a request waits if no key set was fetched yet. After that, the response is
    /// 503. Default: 1 s. Maximum: 1 minute.
    pub fn initial_keys_timeout(mut self, initial_keys_timeout: Duration) -> Self {
        self.timing.initial_keys_timeout = initial_keys_timeout;
        self
    }

    /// Makes the jitter of refreshes and pauses repeatable, for tests with a paused clock. Default:
    /// different for each verifier.
    #[cfg(feature = "test-util")]
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.timing.jitter_seed = Some(seed);
        self
    }

    /// Fetches metadata and keys of an `http://` issuer without TLS. Default: https only, and http
    /// on loopback.
    ///
    /// Use it for an issuer inside a private network, such as `http://keycloak:8080/realms/acme`.
    /// **Anyone who can change the traffic between this service and the issuer can replace the
    /// keys, and then sign tokens of any organization.** It is only for listed issuers with an
    /// `iss` that begins with `http://`. For any other issuer, `build()` returns an error. The
    /// environment cannot set it. [`weak_settings`](crate::Verifier::weak_settings) reports it.
    pub fn dangerous_allow_http(mut self) -> Self {
        self.timing.plain_http = PlainHttp::Anywhere;
        self
    }

    /// Ignores the proxy variables of the environment, such as `HTTPS_PROXY`. Default: they are
    /// used, except for an issuer on loopback.
    pub fn without_proxy(mut self) -> Self {
        self.http.proxy = Proxy::Disabled;
        self
    }

    /// Adds a certificate authority for fetches, in PEM form, in addition to those of earlier
    /// calls. Default: only those of the system.
    pub fn ca_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.http.ca_certificates_pem.push(pem.into());
        self
    }
}
