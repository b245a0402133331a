//! The settings about the source of an issuer's keys.

use std::sync::Arc;

use http::Request;

use super::Issuer;
use crate::clock::Clock;
use crate::http_client::{
    AddressRule, Fetcher, HttpClients, HttpSettings, PrivateAddresses, Proxy,
};
use crate::jwks::{
    Fetchers, JwksLocation, KeyError, KeySet, KeySetScope, KeySource, Registration, RemoteKeySet,
    UnusableKey, is_allowed_url, is_secure_url,
};
use crate::token::Algorithm;
use crate::util::{BoxError, Changes};
use crate::verifier::config_error::ConfigError;
use crate::verifier::profile::KidRequirement;

impl Issuer {
    /// Sets the https URL of the key set. Default: the `jwks_uri` of the issuer's metadata (RFC
    /// 8414).
    ///
    /// No metadata is fetched. The issuer's name is only compared with `iss`, so it can be any
    /// string of 1 to 512 characters without control characters.
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.keys.url = Some(url.into());
        self
    }

    /// Uses the keys of this JWK Set (RFC 7517 §5), without any fetch. If it has a single key
    /// without a `kid`, the key verifies tokens of any `kid`.
    pub fn jwk_set(mut self, json: impl Into<String>) -> Self {
        self.keys.set = Some(json.into());
        self
    }

    /// Uses this public key in PEM form, without any fetch.
    pub fn public_key_pem(mut self, algorithm: Algorithm, pem: impl Into<String>) -> Self {
        self.keys.pem = Some((algorithm, pem.into()));
        self
    }

    /// Rejects tokens without `kid` before signature verification. Default: as the profile defines.
    /// For Kinde, such tokens are rejected.
    pub fn require_kid(mut self) -> Self {
        self.tokens.kid = Some(KidRequirement::Required);
        self
    }

    /// Sets how many keys a token without `kid` is checked against, at most. Default: 16. Minimum:
    /// 1. Maximum: 64.
    ///
    /// Only keys of the token's algorithm count, and the key that verified the last such token is
    /// the first. A forged token costs this many signature checks.
    pub fn max_keys_without_kid(mut self, keys: usize) -> Self {
        self.max_keys_without_kid = keys;
        self
    }

    /// Allows metadata and keys at loopback, link-local, private and reserved addresses. Default:
    /// they are allowed only if the issuer is listed, at the issuer's own host, at the configured
    /// [`jwks_url`](Self::jwks_url), and if the issuer itself is on loopback.
    ///
    /// With this, any party that controls the issuer's metadata or DNS names can make this process
    /// send requests into its own network. For a resolved issuer, that can be a customer.
    pub fn dangerous_allow_private_addresses(mut self) -> Self {
        self.private_addresses = PrivateAddresses::Allowed;
        self
    }

    /// Sets a function that fetches metadata and keys. Default: the HTTP client of this crate.
    ///
    /// Use it if requests must leave through a special path, or in a build without the client. The
    /// function must not follow redirects. It should not read more than
    /// [`max_key_set_bytes`](Self::max_key_set_bytes); a larger response is rejected. It runs
    /// within [`fetch_timeout`](Self::fetch_timeout).
    ///
    /// The function resolves host names, so only addresses that are written in URLs are checked. If
    /// the issuer is not yours, the function must not connect to private addresses.
    ///
    /// The messages of its errors, and of the errors below them, are in events and in
    /// [`FetchError`](crate::jwks::FetchError), so they must not contain secrets.
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// let issuer = Verifier::kinde("acme").audience("https://api.acme.com").fetch_with(|request| async move {
    ///     println!("GET {}", request.uri());
    ///     Ok(http::Response::new(br#"{"keys":[]}"#.to_vec()))
    /// });
    /// ```
    pub fn fetch_with<F, R>(mut self, fetch: F) -> Self
    where
        F: Fn(Request<()>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<http::Response<Vec<u8>>, BoxError>> + Send + 'static,
    {
        self.fetch_function = Some(Fetcher::function(move |request| fetch(request.map(drop))));
        self
    }

    pub(super) fn keys(
        &self,
        issuer: &Arc<str>,
        algorithms: &[Algorithm],
        clock: &Clock,
        clients: &HttpClients,
        changes: &Changes,
    ) -> Result<KeySource, ConfigError> {
        if let Some(json) = &self.keys.set {
            let scope = KeySetScope {
                allowed_algorithms: algorithms,
                issuer: Some(issuer),
                limits: self.timing.limits,
            };
            let set = parse_static_keys(json, scope)?;
            return Ok(KeySource::from_static(Arc::clone(issuer), set));
        }
        if let Some((algorithm, pem)) = &self.keys.pem {
            let set = parse_public_key(*algorithm, pem, algorithms)?;
            return Ok(KeySource::from_static(Arc::clone(issuer), set));
        }
        let endpoint = match &self.keys.url {
            Some(url) if !is_allowed_url(url, self.timing.plain_http) => {
                return Err(ConfigError::new(
                    "jwks_url",
                    "must be an https URL (http is accepted on loopback only)",
                ));
            }
            Some(url) => JwksLocation::Url(url.clone()),
            None => JwksLocation::Discovery,
        };
        let first_url = match &endpoint {
            JwksLocation::Url(url) => url,
            JwksLocation::Discovery => &**issuer,
        };
        let addresses = self.allowed_addresses(issuer, &endpoint);
        if !addresses.allows(first_url, issuer) {
            let setting = match &endpoint {
                JwksLocation::Url(_) => "jwks_url",
                JwksLocation::Discovery => "issuer",
            };
            return Err(ConfigError::new(
                setting,
                "must have a public address, because the issuer was resolved (see dangerous_allow_private_addresses)",
            ));
        }
        let fetchers = match &self.fetch_function {
            Some(function) => Fetchers::function(function.clone(), addresses),
            None => Fetchers::http(clients, &self.http_for(first_url)?, addresses)
                .map_err(|problem| ConfigError::new("http client", problem))?,
        };
        let timing = self.timing.clone();
        let remote = RemoteKeySet::new(
            Arc::clone(issuer),
            endpoint,
            algorithms.to_vec(),
            fetchers,
            timing,
            clock.clone(),
            changes.clone(),
        );
        Ok(KeySource::Remote(remote))
    }

    /// Returns the settings of the HTTP client for this URL.
    pub(super) fn http_for(&self, url: &str) -> Result<HttpSettings, ConfigError> {
        let mut http = self.http.clone();
        if url.starts_with("http://") && is_secure_url(url) {
            // The URL is on loopback, and a proxy elsewhere cannot reach it.
            http.proxy = Proxy::Disabled;
        }
        let tls = cfg!(any(
            feature = "tls-rustls",
            feature = "tls-native",
            feature = "tls-rustls-no-provider"
        ));
        if cfg!(feature = "reqwest") && !tls && url.starts_with("https:") {
            let problem = "the crate was built without TLS, which an https issuer requires: enable the feature `tls-rustls`";
            return Err(ConfigError::new("http client", problem));
        }
        Ok(http)
    }

    /// Returns the allowed addresses. The application configures `jwks_url` itself, so it may have
    /// any address. The settings of a resolved issuer may come from a customer.
    pub(super) fn allowed_addresses(&self, issuer: &str, location: &JwksLocation) -> AddressRule {
        match (self.private_addresses, self.timing.registration, location) {
            (PrivateAddresses::Allowed, _, _) | (_, Registration::Listed, JwksLocation::Url(_)) => {
                AddressRule::Any
            }
            (_, Registration::Resolved, _) => AddressRule::Public,
            (_, Registration::Listed, JwksLocation::Discovery) => AddressRule::for_listed(issuer),
        }
    }
}

/// Parses a static key set. A weak or broken key is an error, because an operator added it by hand.
fn parse_static_keys(json: &str, scope: KeySetScope<'_>) -> Result<KeySet, ConfigError> {
    let set = KeySet::parse_for(json.as_bytes(), scope)
        .map_err(|_| ConfigError::new("jwk_set", "is not a JWK Set (RFC 7517 §5)"))?;
    let harmless = |reason| {
        matches!(
            reason,
            KeyError::UnsupportedKeyType
                | KeyError::NotForSignatures
                | KeyError::UnsupportedAlgorithm
                | KeyError::AlgorithmNotAllowed
                | KeyError::OtherIssuer
        )
    };
    if let Some(key) = set.unusable_keys().iter().find(|key| !harmless(key.reason)) {
        return Err(ConfigError::new(
            "jwk_set",
            format!("contains an unusable key: {}", key.reason),
        ));
    }
    if set.is_empty() {
        let of_other_issuer = |key: &UnusableKey| key.reason == KeyError::OtherIssuer;
        let problem = if set.unusable_keys().iter().any(of_other_issuer) {
            "has no usable key: the `issuer` member of its keys names another issuer"
        } else {
            "has no usable key for the allowed algorithms"
        };
        return Err(ConfigError::new("jwk_set", problem));
    }
    Ok(set.with_nameless_key())
}

fn parse_public_key(
    algorithm: Algorithm,
    pem: &str,
    algorithms: &[Algorithm],
) -> Result<KeySet, ConfigError> {
    if !algorithms.contains(&algorithm) {
        return Err(ConfigError::new(
            "public_key_pem",
            "its algorithm is not allowed",
        ));
    }
    KeySet::from_pem(algorithm, pem)
        .map_err(|error| ConfigError::new("public_key_pem", error.to_string()))
}
