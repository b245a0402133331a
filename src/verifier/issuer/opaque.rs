//! The opaque credentials of an issuer: API keys, or access tokens that it introspects.

use std::sync::Arc;
use std::time::Duration;

use super::Issuer;
use super::kinde::kinde_api;
use super::validate::ensure;
use crate::clock::Clock;
use crate::http_client::ClientSecret;
use crate::http_client::HttpClients;
use crate::introspection::{
    ApiKeys, CredentialKeys, Introspection, IntrospectionBackend, IntrospectionTiming,
    IssuerIntrospection, MissingTokenType, prefix_problem,
};
use crate::jwks::{Fetchers, JwksLocation, Registration, is_allowed_url};
use crate::util::Changes;
use crate::verifier::config_error::ConfigError;
use crate::verifier::introspection_rules::ResponseRules;
use crate::verifier::issuers::trusted::TrustedIssuer;

/// An issuer's introspection, without its rules.
pub(in crate::verifier) struct IntrospectionSetup {
    backend: IntrospectionBackend,
    missing_token_type: MissingTokenType,
}

impl Issuer {
    /// Accepts API keys of this issuer, which is queried about each key. Default: API keys are
    /// rejected.
    ///
    /// It cannot be combined with [`introspection`](Self::introspection).
    ///
    /// ```
    /// use tower_m2m::{ApiKeys, Verifier};
    ///
    /// # fn secret() -> String { "secret".to_owned() }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::kinde("acme")
    ///     .audience("https://api.acme.com")
    ///     .api_keys(ApiKeys::kinde().client_credentials("m2m-client-id", secret()).api_id("api_0195"))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_keys(mut self, keys: ApiKeys) -> Self {
        self.opaque.api_keys = Some(keys);
        self
    }

    /// Accepts opaque access tokens of this issuer, which is queried about each token (RFC 7662).
    /// Default: opaque tokens are rejected.
    ///
    /// The claims of the response must satisfy the same rules as those of a JWT. It cannot be
    /// combined with [`api_keys`](Self::api_keys).
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.opaque.introspection = Some(introspection);
        self
    }

    /// Returns the prefixes of the issuer's opaque credentials: none if each credential without
    /// another prefix is its own. `None` if it has no opaque credentials.
    pub(in crate::verifier) fn opaque_prefixes(&self) -> Option<Vec<String>> {
        let settings = &self.opaque;
        let keys = settings.api_keys.as_ref().map(ApiKeys::prefixes);
        keys.or_else(|| {
            settings
                .introspection
                .as_ref()
                .map(|tokens| tokens.prefixes.clone())
        })
    }

    /// Returns the header that API keys are read from, besides `Authorization`.
    pub(in crate::verifier) fn api_key_header(&self) -> Option<&str> {
        self.opaque.api_keys.as_ref()?.header.as_deref()
    }

    pub(super) fn check_opaque(&self, issuer: &str) -> Result<(), ConfigError> {
        let settings = &self.opaque;
        ensure(
            settings.api_keys.is_none() || settings.introspection.is_none(),
            "introspection",
            "contradicts `api_keys`: an issuer has one kind of opaque credentials",
        )?;
        let Some((table, timing)) = self.opaque_setting() else {
            return Ok(());
        };
        ensure(
            self.timing.registration == Registration::Listed,
            table,
            "needs a listed issuer: an opaque credential does not name its issuer",
        )?;
        self.check_opaque_values(issuer, timing)
            .map_err(|error| error.in_table(table))
    }

    /// Checks the values of the issuer's only kind of opaque credentials.
    fn check_opaque_values(
        &self,
        issuer: &str,
        timing: IntrospectionTiming,
    ) -> Result<(), ConfigError> {
        let (second, minute, hour) = (
            Duration::from_secs(1),
            Duration::from_secs(60),
            Duration::from_secs(60 * 60),
        );
        ensure(
            (second..=hour).contains(&timing.time_to_live),
            "time_to_live",
            "must be from 1 s to 1 h",
        )?;
        ensure(
            timing.max_stale <= 24 * hour,
            "max_stale",
            "must be at most 1 day",
        )?;
        ensure(
            !timing.timeout.is_zero() && timing.timeout <= minute,
            "timeout",
            "must be more than zero and at most 1 minute",
        )?;
        for prefix in self.opaque_prefixes().iter().flatten() {
            if let Some(problem) = prefix_problem(prefix) {
                return Err(ConfigError::new("prefix", format!("{prefix:?} {problem}")));
            }
        }
        if let Some(keys) = &self.opaque.api_keys {
            check_api_keys(issuer, keys)?;
        }
        if let Some(tokens) = &self.opaque.introspection {
            let (basic, body) = (tokens.basic.as_ref(), tokens.body.as_ref());
            check_credentials("client_credentials", basic)?;
            check_credentials("client_credentials_in_body", body)?;
            ensure(
                !tokens.has_two_authentications(),
                "client_credentials_in_body",
                "contradicts client_credentials: a request has one authentication",
            )?;
            let url = tokens.endpoint.as_deref().unwrap_or(issuer);
            ensure(
                is_allowed_url(url, self.timing.plain_http),
                "endpoint",
                "must be an https URL (http is accepted on loopback only); without an endpoint, the issuer must be one",
            )?;
        }
        Ok(())
    }

    /// Returns how the issuer's opaque credentials are verified, or `None` if it has none.
    pub(in crate::verifier) fn introspection_setup(
        &self,
        clients: &HttpClients,
        max_values: u32,
    ) -> Result<Option<IntrospectionSetup>, ConfigError> {
        let Some((_, timing)) = self.opaque_setting() else {
            return Ok(None);
        };
        let issuer: Arc<str> = self.validated_name()?.into();
        self.opaque_backend(&issuer, timing, clients, max_values)
            .map_err(|error| error.at(&self.source))
    }

    fn opaque_setting(&self) -> Option<(&'static str, IntrospectionTiming)> {
        let settings = &self.opaque;
        let keys = settings
            .api_keys
            .as_ref()
            .map(|keys| ("api_keys", keys.timing));
        let tokens = settings.introspection.as_ref();
        keys.or_else(|| tokens.map(|tokens| ("introspection", tokens.timing)))
    }

    fn opaque_backend(
        &self,
        issuer: &Arc<str>,
        timing: IntrospectionTiming,
        clients: &HttpClients,
        max_values: u32,
    ) -> Result<Option<IntrospectionSetup>, ConfigError> {
        if let Some(keys) = &self.opaque.api_keys {
            let base = kinde_base(issuer, keys)?;
            let location = JwksLocation::Url(base.clone());
            let fetchers = self.opaque_fetchers(
                &base,
                issuer,
                &location,
                timing,
                keys.send.as_ref(),
                clients,
            )?;
            return Ok(Some(IntrospectionSetup {
                backend: keys.backend(issuer, base, fetchers, max_values),
                missing_token_type: MissingTokenType::Rejected,
            }));
        }
        let Some(tokens) = &self.opaque.introspection else {
            return Ok(None);
        };
        let (url, location) = match &tokens.endpoint {
            Some(url) => (url.as_str(), JwksLocation::Url(url.clone())),
            None => (&**issuer, JwksLocation::Discovery),
        };
        let fetchers = self.opaque_fetchers(
            url,
            issuer,
            &location,
            timing,
            tokens.send.as_ref(),
            clients,
        )?;
        Ok(Some(IntrospectionSetup {
            backend: tokens.backend(issuer, self.timing.plain_http, fetchers, max_values),
            missing_token_type: tokens.missing_token_type,
        }))
    }

    fn opaque_fetchers(
        &self,
        url: &str,
        issuer: &str,
        location: &JwksLocation,
        timing: IntrospectionTiming,
        send: Option<&crate::http_client::Fetcher>,
        clients: &HttpClients,
    ) -> Result<Fetchers, ConfigError> {
        let addresses = self.allowed_addresses(issuer, location);
        if let Some(function) = send {
            return Ok(Fetchers::function(function.clone(), addresses));
        }
        let mut http = self.http_for(url)?;
        http.timeout = timing.timeout;
        Fetchers::http(clients, &http, addresses)
            .map_err(|problem| ConfigError::new("http client", problem))
    }
}

impl IntrospectionSetup {
    /// Adds the issuer's rules.
    pub(in crate::verifier) fn with_rules(
        self,
        trusted: &TrustedIssuer,
        verifier: u64,
        max_values: u32,
        keys: &CredentialKeys,
        clock: &Clock,
        changes: &Changes,
    ) -> IssuerIntrospection {
        let accept = ResponseRules {
            rules: Arc::clone(&trusted.rules),
            issuer: Arc::clone(&trusted.issuer),
            verifier,
            max_values,
            missing_token_type: self.missing_token_type,
        };
        self.backend
            .start(accept.into_accept(), keys, clock, changes)
    }
}

fn check_api_keys(issuer: &str, keys: &ApiKeys) -> Result<(), ConfigError> {
    check_credentials("client_credentials", keys.client.as_ref())?;
    kinde_base(issuer, keys)?;
    let header = keys.header.as_deref().map(http::HeaderName::try_from);
    ensure(
        header.is_none_or(|name| name.is_ok_and(|name| !has_other_meaning(&name))),
        "header",
        "must be the name of a header other than Authorization, Proxy-Authorization, DPoP, Client-Cert and Client-Cert-Chain",
    )
}

/// Returns `true` for headers with another kind of credential (RFC 9110 §11, RFC 9449 §4.1, RFC
/// 9440 §2). A value of them must never be sent to an issuer as an API key.
fn has_other_meaning(name: &http::HeaderName) -> bool {
    const OTHER: [&str; 5] = [
        "authorization",
        "proxy-authorization",
        "dpop",
        "client-cert",
        "client-cert-chain",
    ];
    OTHER.contains(&name.as_str())
}

/// Rejects empty credentials, such as those of a variable that is not set.
fn check_credentials(
    setting: &'static str,
    client: Option<&ClientSecret>,
) -> Result<(), ConfigError> {
    ensure(
        client.is_none_or(|client| !client.client_id.is_empty() && !client.secret.is_empty()),
        setting,
        "must have a client ID and a secret: one of them is empty",
    )
}

fn kinde_base(issuer: &str, keys: &ApiKeys) -> Result<String, ConfigError> {
    kinde_api(issuer, keys.kinde_domain.as_deref())
}
