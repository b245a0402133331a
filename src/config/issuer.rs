//! The settings of one issuer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::condition::Condition;
#[cfg(feature = "dpop")]
use super::dpop::DpopConfig;
use super::duration::duration;
#[cfg(feature = "mtls")]
use super::mtls::MtlsConfig;
#[cfg(feature = "introspection")]
use super::opaque::{self, ApiKeysConfig, IntrospectionConfig};
#[cfg(any(feature = "dpop", feature = "introspection", feature = "mtls"))]
use super::tables::check_tables;
use super::words::{OnlyAny, OnlyRfc9068, OnlyYes, Proxy, StringOrList};
use super::written_values::read_settings;
use crate::token::Algorithm;
use crate::verifier::{ConfigError, Issuer, Profile, SettingSource, Verifier};

/// One issuer in a configuration file, unchecked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IssuerConfig {
    pub(super) kinde: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<StringOrList>,
    pub(super) dangerous_accept_any_audience: Option<OnlyYes>,
    pub(super) profile: Option<String>,
    pub(super) algorithms: Option<StringOrList>,
    pub(super) leeway: Option<String>,
    pub(super) max_age: Option<String>,
    pub(super) require: Option<OnlyRfc9068>,
    pub(super) grant_type: Option<OnlyAny>,
    pub(super) require_claim: Option<BTreeMap<String, Condition>>,
    pub(super) require_header: Option<BTreeMap<String, Condition>>,
    pub(super) organization_claim: Option<String>,
    pub(super) organization_claim_key: Option<String>,
    pub(super) organization_may_be_absent_in: Option<StringOrList>,
    pub(super) organization_code_pattern: Option<String>,
    pub(super) scope_claim: Option<String>,
    pub(super) client_id_claim: Option<String>,
    pub(super) allow_organizations: Option<StringOrList>,
    pub(super) allow_clients: Option<StringOrList>,
    pub(super) require_kid: Option<OnlyYes>,
    pub(super) max_keys_without_kid: Option<usize>,
    pub(super) jwks_url: Option<String>,
    pub(super) jwk_set: Option<String>,
    pub(super) public_key_pem: Option<PublicKey>,
    pub(super) keys_time_to_live: Option<String>,
    pub(super) keys_max_stale: Option<String>,
    pub(super) unknown_kid_cooldown: Option<String>,
    pub(super) unknown_kid_max_ttl: Option<String>,
    pub(super) fetch_timeout: Option<String>,
    pub(super) connect_timeout: Option<String>,
    pub(super) initial_keys_timeout: Option<String>,
    pub(super) max_key_set_bytes: Option<usize>,
    pub(super) max_usable_keys: Option<usize>,
    pub(super) proxy: Option<Proxy>,
    pub(super) dangerous_allow_http: Option<OnlyYes>,
    pub(super) dangerous_allow_private_addresses: Option<OnlyYes>,
    pub(super) ca_certificate_pem: Option<String>,
    #[cfg(feature = "dpop")]
    pub(super) dpop: Option<DpopConfig>,
    #[cfg(feature = "mtls")]
    pub(super) mtls: Option<MtlsConfig>,
    #[cfg(feature = "introspection")]
    pub(super) api_keys: Option<ApiKeysConfig>,
    #[cfg(feature = "introspection")]
    pub(super) introspection: Option<IntrospectionConfig>,
}

/// A public key and its algorithm.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicKey {
    algorithm: String,
    pem: String,
}

/// Parses the settings of one issuer, so that an error names the setting.
pub(super) fn read_issuer(settings: Map<String, Value>) -> Result<IssuerConfig, ConfigError> {
    #[cfg(any(feature = "dpop", feature = "introspection", feature = "mtls"))]
    check_tables(&settings)?;
    read_settings(settings)
}

impl IssuerConfig {
    /// Creates the issuer with these settings, through the public setters.
    pub(super) fn to_issuer(&self, source: &SettingSource) -> Result<Issuer, ConfigError> {
        self.read()
            .map(|issuer| issuer.with_source(source.clone()))
            .map_err(|error| error.at(source))
    }

    fn read(&self) -> Result<Issuer, ConfigError> {
        let mut issuer = self.tokens(self.trusted()?)?;
        if let Some(OnlyYes::Yes) = self.require_kid {
            issuer = issuer.require_kid();
        }
        if let Some(keys) = self.max_keys_without_kid {
            issuer = issuer.max_keys_without_kid(keys);
        }
        if let Some(url) = &self.jwks_url {
            issuer = issuer.jwks_url(url);
        }
        if let Some(json) = &self.jwk_set {
            issuer = issuer.jwk_set(json);
        }
        if let Some(PublicKey { algorithm, pem }) = &self.public_key_pem {
            let algorithm = algorithm.parse().map_err(|_| {
                let names = Algorithm::ALL.map(Algorithm::name).join(", ");
                ConfigError::new(
                    "public_key_pem",
                    format!("its algorithm must be one of {names}"),
                )
            })?;
            issuer = issuer.public_key_pem(algorithm, pem);
        }
        if let Some(pem) = &self.ca_certificate_pem {
            issuer = issuer.ca_certificate_pem(pem.as_bytes());
        }
        if let Some(OnlyYes::Yes) = self.dangerous_allow_http {
            issuer = issuer.dangerous_allow_http();
        }
        if let Some(bytes) = self.max_key_set_bytes {
            issuer = issuer.max_key_set_bytes(bytes);
        }
        if let Some(keys) = self.max_usable_keys {
            issuer = issuer.max_usable_keys(keys);
        }
        if let Some(Proxy::Disabled) = self.proxy {
            issuer = issuer.without_proxy();
        }
        if let Some(OnlyYes::Yes) = self.dangerous_allow_private_addresses {
            issuer = issuer.dangerous_allow_private_addresses();
        }
        let durations = [
            (
                &self.leeway,
                "leeway",
                Issuer::leeway as fn(Issuer, _) -> Issuer,
            ),
            (&self.max_age, "max_age", Issuer::max_age),
            (
                &self.keys_time_to_live,
                "keys_time_to_live",
                Issuer::keys_time_to_live,
            ),
            (
                &self.keys_max_stale,
                "keys_max_stale",
                Issuer::keys_max_stale,
            ),
            (
                &self.unknown_kid_cooldown,
                "unknown_kid_cooldown",
                Issuer::unknown_kid_cooldown,
            ),
            (
                &self.unknown_kid_max_ttl,
                "unknown_kid_max_ttl",
                Issuer::unknown_kid_max_ttl,
            ),
            (&self.fetch_timeout, "fetch_timeout", Issuer::fetch_timeout),
            (
                &self.connect_timeout,
                "connect_timeout",
                Issuer::connect_timeout,
            ),
            (
                &self.initial_keys_timeout,
                "initial_keys_timeout",
                Issuer::initial_keys_timeout,
            ),
        ];
        for (text, setting, set) in durations {
            if let Some(text) = text {
                issuer = set(issuer, duration(text, setting)?);
            }
        }
        #[cfg(feature = "dpop")]
        let issuer = match &self.dpop {
            Some(dpop) => dpop.apply(issuer)?,
            None => issuer,
        };
        #[cfg(feature = "mtls")]
        let issuer = match &self.mtls {
            Some(mtls) => mtls.apply(issuer)?,
            None => issuer,
        };
        #[cfg(feature = "introspection")]
        let issuer = opaque::apply(issuer, self.api_keys.as_ref(), self.introspection.as_ref())?;
        Ok(issuer)
    }

    /// Creates the issuer from its URL, audience and profile.
    fn trusted(&self) -> Result<Issuer, ConfigError> {
        let needs_audience = match (&self.kinde, &self.issuer) {
            (Some(domain), None) => Verifier::kinde(domain),
            (None, Some(issuer)) => Verifier::issuer(issuer),
            (None, None) => {
                return Err(ConfigError::new(
                    "issuer",
                    "is missing: set it, or set `kinde` to a Kinde domain",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(
                    "issuer",
                    "is set in addition to `kinde`: set only one of the two",
                ));
            }
        };
        let issuer = match (&self.audience, self.dangerous_accept_any_audience) {
            (Some(audiences), None) => needs_audience.audiences(audiences.iter()),
            (None, Some(OnlyYes::Yes)) => needs_audience.dangerous_accept_any_audience(),
            (None, None) => {
                return Err(ConfigError::new(
                    "audience",
                    "is missing: the identifier under which the API is registered at the issuer",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(
                    "dangerous_accept_any_audience",
                    "contradicts `audience`: set only one of the two",
                ));
            }
        };
        match self.profile.as_deref() {
            None => Ok(issuer),
            Some(name) => Profile::from_name(name)
                .map(|profile| issuer.profile(profile))
                .ok_or_else(|| {
                    let names: Vec<&str> = Profile::ALL.iter().map(Profile::name).collect();
                    ConfigError::new("profile", format!("must be one of {}", names.join(", ")))
                }),
        }
    }

    /// Applies the settings of the issuer's tokens.
    fn tokens(&self, mut issuer: Issuer) -> Result<Issuer, ConfigError> {
        if let Some(names) = &self.algorithms {
            let algorithms: Result<Vec<Algorithm>, _> = names.iter().map(str::parse).collect();
            let names = || Algorithm::ALL.map(Algorithm::name).join(", ");
            issuer = issuer.algorithms(algorithms.map_err(|_| {
                ConfigError::new("algorithms", format!("must be one or more of {}", names()))
            })?);
        }
        if let Some(OnlyRfc9068::Rfc9068) = self.require {
            issuer = issuer.require_rfc9068();
        }
        if let Some(OnlyAny::Any) = self.grant_type {
            issuer = issuer.allow_any_grant_type();
        }
        for (claim, condition) in self.require_claim.iter().flatten() {
            issuer = issuer.require_claim(claim, condition.to_condition());
        }
        for (member, condition) in self.require_header.iter().flatten() {
            issuer = issuer.require_header(member, condition.to_condition());
        }
        if let Some(claim) = &self.organization_claim {
            issuer = issuer.organization_claim(claim);
        }
        if let Some(pointer) = &self.organization_claim_key {
            issuer = issuer.organization_claim_key(pointer);
        }
        for pointer in self
            .organization_may_be_absent_in
            .iter()
            .flat_map(StringOrList::iter)
        {
            issuer = issuer.organization_may_be_absent_in(pointer);
        }
        match self.organization_code_pattern.as_deref() {
            Some("none") => issuer = issuer.without_organization_code_pattern(),
            Some(pattern) => issuer = issuer.organization_code_pattern(pattern),
            None => {}
        }
        if let Some(claim) = &self.scope_claim {
            issuer = issuer.scope_claim(claim);
        }
        if let Some(claim) = &self.client_id_claim {
            issuer = issuer.client_id_claim(claim);
        }
        if let Some(codes) = &self.allow_organizations {
            issuer = issuer.allow_organizations(codes.iter());
        }
        if let Some(clients) = &self.allow_clients {
            issuer = issuer.allow_clients(clients.iter());
        }
        Ok(issuer)
    }
}
