//! How an issuer's keys are fetched and kept fresh.

use std::time::Duration;

use super::Issuer;
use crate::http_client::Proxy;
use crate::jwks::PlainHttp;

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

    /// Sets how often unknown `kid`s may cause a fetch: two at once, then one per cooldown. Default: 10 s.
    ///
    /// It is also how long a `kid` is first cached as missing after a fetch did not contain it, and the longest
    /// pause between attempts while no keys are available.
    pub fn unknown_kid_cooldown(mut self, cooldown: Duration) -> Self {
        self.timing.cooldown = cooldown;
        self.timing.max_retry_delay = cooldown;
        self
    }

    /// Sets how long a `kid` that no fetch contained is cached as missing, at most. Default: 30 s. Maximum: 1 day.
    ///
    /// The first time is [`unknown_kid_cooldown`](Self::unknown_kid_cooldown). It doubles with each further fetch
    /// that does not contain the `kid`, and it ends when the key set changes. Clients whose tokens were verified and
    /// other clients have entries of their own. If this is shorter than the cooldown, the cooldown is used.
    pub fn unknown_kid_max_ttl(mut self, max_ttl: Duration) -> Self {
        self.timing.unknown_kid_max_ttl = max_ttl;
        self
    }

    /// Sets how long one fetch may take, from the first connection for its metadata to the last byte of its keys.
    /// Default: 3 s. Maximum: 1 minute.
    ///
    /// A request waits no longer than this in all, once keys have been fetched.
    pub fn fetch_timeout(mut self, timeout: Duration) -> Self {
        self.timing.timeout = timeout;
        self.http.timeout = timeout;
        self
    }

    /// Sets how long connecting may take: name resolution, TCP and the TLS handshake together. Default: no limit of its
    /// own, so that [`fetch_timeout`](Self::fetch_timeout) alone decides. It is at most `fetch_timeout`.
    ///
    /// A shorter limit leaves time for the second place of the metadata if the first is not reachable. It has no effect on
    /// [`fetch_with`](Self::fetch_with).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.http.connect_timeout = Some(timeout);
        self
    }

    /// Sets how long a request waits before any key set was fetched. Then the response is 503. Default: 1 s. Maximum:
    /// 1 minute.
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

    /// Fetches metadata and keys of an `http://` issuer without TLS, for an issuer inside a private network, such as
    /// `http://keycloak:8080/realms/acme`. Default: https only, and http on loopback.
    ///
    /// **Anyone who can change the traffic between this service and the issuer can replace the keys, and then sign tokens
    /// of any organization.** It is for listed issuers whose `iss` begins with `http://`; for another one it is an error of
    /// `build()`. The environment cannot set it. [`weak_settings`](crate::Verifier::weak_settings) reports it.
    pub fn dangerous_allow_http(mut self) -> Self {
        self.timing.plain_http = PlainHttp::Anywhere;
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
