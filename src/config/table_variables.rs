//! The settings of opaque credentials in the environment. A variable has the name of its setting:
//! `api_keys.api_id` is `M2M_API_KEYS_API_ID`.

use serde_json::{Map, Value};

use super::issuer::IssuerConfig;
use super::variables::split_list;
use super::written_values::read_settings;
use crate::verifier::{ConfigError, SettingSource};

const API_KEYS: [(&str, &str); 11] = [
    ("api_keys.kinde", "M2M_API_KEYS_KINDE"),
    ("api_keys.client_id", "M2M_API_KEYS_CLIENT_ID"),
    ("api_keys.client_secret", "M2M_API_KEYS_CLIENT_SECRET"),
    ("api_keys.api_id", "M2M_API_KEYS_API_ID"),
    ("api_keys.allow_user_keys", "M2M_API_KEYS_ALLOW_USER_KEYS"),
    ("api_keys.kinde_domain", "M2M_API_KEYS_KINDE_DOMAIN"),
    ("api_keys.prefix", "M2M_API_KEYS_PREFIX"),
    ("api_keys.header", "M2M_API_KEYS_HEADER"),
    ("api_keys.time_to_live", "M2M_API_KEYS_TIME_TO_LIVE"),
    ("api_keys.max_stale", "M2M_API_KEYS_MAX_STALE"),
    ("api_keys.timeout", "M2M_API_KEYS_TIMEOUT"),
];

const INTROSPECTION: [(&str, &str); 10] = [
    (
        "introspection.from_metadata",
        "M2M_INTROSPECTION_FROM_METADATA",
    ),
    ("introspection.endpoint", "M2M_INTROSPECTION_ENDPOINT"),
    ("introspection.client_id", "M2M_INTROSPECTION_CLIENT_ID"),
    (
        "introspection.client_secret",
        "M2M_INTROSPECTION_CLIENT_SECRET",
    ),
    (
        "introspection.client_authentication",
        "M2M_INTROSPECTION_CLIENT_AUTHENTICATION",
    ),
    ("introspection.prefix", "M2M_INTROSPECTION_PREFIX"),
    (
        "introspection.allow_missing_token_type",
        "M2M_INTROSPECTION_ALLOW_MISSING_TOKEN_TYPE",
    ),
    (
        "introspection.time_to_live",
        "M2M_INTROSPECTION_TIME_TO_LIVE",
    ),
    ("introspection.max_stale", "M2M_INTROSPECTION_MAX_STALE"),
    ("introspection.timeout", "M2M_INTROSPECTION_TIMEOUT"),
];

/// Returns each setting and its variable.
pub(super) fn settings() -> impl Iterator<Item = (&'static str, &'static str)> {
    API_KEYS.into_iter().chain(INTROSPECTION)
}

/// The settings of opaque credentials that the environment has.
#[derive(Default)]
pub(super) struct OpaqueVariables {
    api_keys: Map<String, Value>,
    introspection: Map<String, Value>,
}

impl OpaqueVariables {
    /// Sets the setting of a variable. Returns `false` if the variable is of another kind.
    pub(super) fn set(&mut self, variable: &str, value: &str) -> bool {
        let found = settings().find(|(_, name)| *name == variable);
        let Some((table, setting)) = found.and_then(|(path, _)| path.split_once('.')) else {
            return false;
        };
        let value = match setting {
            "prefix" => split_list(value).map(Value::from).collect(),
            _ => Value::from(value),
        };
        let settings = match table {
            "api_keys" => &mut self.api_keys,
            _ => &mut self.introspection,
        };
        settings.insert(setting.to_owned(), value);
        true
    }

    /// Parses the settings. An error names the variable.
    pub(super) fn read(self, issuer: &mut IssuerConfig) -> Result<(), ConfigError> {
        let source = SettingSource::Environment(settings().collect());
        let at = |error: ConfigError, table| error.in_table(table).at(&source);
        if !self.api_keys.is_empty() {
            let read = read_settings(self.api_keys);
            issuer.api_keys = Some(read.map_err(|error| at(error, "api_keys"))?);
        }
        if !self.introspection.is_empty() {
            let read = read_settings(self.introspection);
            issuer.introspection = Some(read.map_err(|error| at(error, "introspection"))?);
        }
        Ok(())
    }
}
