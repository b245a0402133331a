//! The settings of an issuer's opaque credentials: API keys and introspection (RFC 7662).

use std::time::Duration;

use serde::Deserialize;

use super::duration::duration;
use super::secret::Secret;
use super::words::{ClientAuthenticationWord, OnlyYes, StringOrList};
use crate::introspection::{ApiKeys, Introspection};
use crate::verifier::{ConfigError, Issuer};

/// The API keys of an issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeysConfig {
    kinde: Option<OnlyYes>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    api_id: Option<String>,
    allow_user_keys: Option<OnlyYes>,
    kinde_domain: Option<String>,
    prefix: Option<StringOrList>,
    header: Option<String>,
    time_to_live: Option<String>,
    max_stale: Option<String>,
    timeout: Option<String>,
}

/// The introspection of an issuer's opaque access tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IntrospectionConfig {
    from_metadata: Option<OnlyYes>,
    endpoint: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    client_authentication: Option<ClientAuthenticationWord>,
    prefix: Option<StringOrList>,
    allow_missing_token_type: Option<OnlyYes>,
    time_to_live: Option<String>,
    max_stale: Option<String>,
    timeout: Option<String>,
}

/// Applies the settings of the issuer's opaque credentials.
pub(super) fn apply(
    mut issuer: Issuer,
    api_keys: Option<&ApiKeysConfig>,
    introspection: Option<&IntrospectionConfig>,
) -> Result<Issuer, ConfigError> {
    if let Some(keys) = api_keys {
        let keys = keys.to_settings();
        issuer = issuer.api_keys(keys.map_err(|error| error.in_table("api_keys"))?);
    }
    if let Some(tokens) = introspection {
        let tokens = tokens.to_settings();
        issuer = issuer.introspection(tokens.map_err(|error| error.in_table("introspection"))?);
    }
    Ok(issuer)
}

impl ApiKeysConfig {
    fn to_settings(&self) -> Result<ApiKeys, ConfigError> {
        let Some(OnlyYes::Yes) = self.kinde else {
            return Err(ConfigError::new(
                "kinde",
                "is missing: set it to \"yes\" for the API keys of Kinde",
            ));
        };
        let mut keys = ApiKeys::kinde();
        if let Some((client_id, secret)) =
            credentials(self.client_id.as_ref(), self.client_secret.as_ref())?
        {
            keys = keys.client_credentials(client_id, secret);
        }
        if let Some(api_id) = &self.api_id {
            keys = keys.api_id(api_id);
        }
        if let Some(OnlyYes::Yes) = self.allow_user_keys {
            keys = keys.allow_user_keys();
        }
        if let Some(domain) = &self.kinde_domain {
            keys = keys.kinde_domain(domain);
        }
        for prefix in self.prefix.iter().flat_map(StringOrList::iter) {
            keys = keys.prefix(prefix);
        }
        if let Some(header) = &self.header {
            keys = keys.header(header);
        }
        if let Some(time) = parsed(self.time_to_live.as_ref(), "time_to_live")? {
            keys = keys.time_to_live(time);
        }
        if let Some(time) = parsed(self.max_stale.as_ref(), "max_stale")? {
            keys = keys.max_stale(time);
        }
        if let Some(time) = parsed(self.timeout.as_ref(), "timeout")? {
            keys = keys.timeout(time);
        }
        Ok(keys)
    }
}

impl IntrospectionConfig {
    fn to_settings(&self) -> Result<Introspection, ConfigError> {
        let mut tokens = match (&self.endpoint, self.from_metadata) {
            (Some(url), None) => Introspection::endpoint(url),
            (None, Some(OnlyYes::Yes)) => Introspection::from_metadata(),
            (None, None) => {
                return Err(ConfigError::new(
                    "endpoint",
                    "is missing: set it to a URL, or set from_metadata to \"yes\"",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(
                    "from_metadata",
                    "contradicts endpoint: set only one of the two",
                ));
            }
        };
        let credentials = credentials(self.client_id.as_ref(), self.client_secret.as_ref())?;
        tokens = match (credentials, self.client_authentication) {
            (Some((id, secret)), None | Some(ClientAuthenticationWord::Basic)) => {
                tokens.client_credentials(id, secret)
            }
            (Some((id, secret)), Some(ClientAuthenticationWord::Body)) => {
                tokens.client_credentials_in_body(id, secret)
            }
            (None, None) => tokens,
            (None, Some(_)) => {
                return Err(ConfigError::new(
                    "client_authentication",
                    "needs client_id and client_secret",
                ));
            }
        };
        for prefix in self.prefix.iter().flat_map(StringOrList::iter) {
            tokens = tokens.prefix(prefix);
        }
        if let Some(OnlyYes::Yes) = self.allow_missing_token_type {
            tokens = tokens.allow_missing_token_type();
        }
        if let Some(time) = parsed(self.time_to_live.as_ref(), "time_to_live")? {
            tokens = tokens.time_to_live(time);
        }
        if let Some(time) = parsed(self.max_stale.as_ref(), "max_stale")? {
            tokens = tokens.max_stale(time);
        }
        if let Some(time) = parsed(self.timeout.as_ref(), "timeout")? {
            tokens = tokens.timeout(time);
        }
        Ok(tokens)
    }
}

/// Returns the client ID and the secret, which are set together.
fn credentials<'c>(
    client_id: Option<&'c String>,
    secret: Option<&'c Secret>,
) -> Result<Option<(&'c str, &'c str)>, ConfigError> {
    let problem = "is missing: client_id and client_secret are set together";
    match (client_id, secret) {
        (None, None) => Ok(None),
        (Some(client_id), Some(secret)) => Ok(Some((client_id, secret.as_str()))),
        (Some(_), None) => Err(ConfigError::new("client_secret", problem)),
        (None, Some(_)) => Err(ConfigError::new("client_id", problem)),
    }
}

fn parsed(text: Option<&String>, setting: &'static str) -> Result<Option<Duration>, ConfigError> {
    text.map(|text| duration(text, setting)).transpose()
}
