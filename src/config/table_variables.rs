//! The settings of an issuer's tables in the environment. A variable has the name of its setting:
//! `api_keys.api_id` is `M2M_API_KEYS_API_ID`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::issuer::IssuerConfig;
use super::variables::split_list;
use super::written_values::read_settings;
use crate::verifier::{ConfigError, SettingSource};

/// A setting in a table, and its variable.
type TableVariable = (&'static str, &'static str);

#[cfg(feature = "dpop")]
const DPOP: [TableVariable; 3] = [
    ("dpop.base_url", "M2M_DPOP_BASE_URL"),
    ("dpop.algorithms", "M2M_DPOP_ALGORITHMS"),
    ("dpop.max_proof_age", "M2M_DPOP_MAX_PROOF_AGE"),
];

#[cfg(feature = "introspection")]
const API_KEYS: [TableVariable; 11] = [
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

#[cfg(feature = "introspection")]
const INTROSPECTION: [TableVariable; 10] = [
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
pub(super) fn settings() -> impl Iterator<Item = TableVariable> {
    let tables: [&[TableVariable]; _] = [
        #[cfg(feature = "dpop")]
        &DPOP,
        #[cfg(feature = "introspection")]
        &API_KEYS,
        #[cfg(feature = "introspection")]
        &INTROSPECTION,
    ];
    tables.into_iter().flatten().copied()
}

/// The settings of an issuer's tables that the environment has.
#[derive(Default)]
pub(super) struct TableVariables(BTreeMap<&'static str, Map<String, Value>>);

impl TableVariables {
    /// Sets the setting of a variable. Returns `false` if the variable is of another kind.
    pub(super) fn set(&mut self, variable: &str, value: &str) -> bool {
        let found = settings().find(|(_, name)| *name == variable);
        let Some((table, setting)) = found.and_then(|(path, _)| path.split_once('.')) else {
            return false;
        };
        let value = match setting {
            "prefix" | "algorithms" => split_list(value).map(Value::from).collect(),
            _ => Value::from(value),
        };
        let settings = self.0.entry(table).or_default();
        settings.insert(setting.to_owned(), value);
        true
    }

    /// Parses the settings. An error names the variable.
    pub(super) fn read(mut self, issuer: &mut IssuerConfig) -> Result<(), ConfigError> {
        #[cfg(feature = "dpop")]
        self.read_table("dpop", &mut issuer.dpop)?;
        #[cfg(feature = "introspection")]
        self.read_table("api_keys", &mut issuer.api_keys)?;
        #[cfg(feature = "introspection")]
        self.read_table("introspection", &mut issuer.introspection)?;
        Ok(())
    }

    fn read_table<T: DeserializeOwned>(
        &mut self,
        table: &str,
        config: &mut Option<T>,
    ) -> Result<(), ConfigError> {
        if let Some(settings) = self.0.remove(table) {
            let source = SettingSource::Environment(self::settings().collect());
            let read = read_settings(settings);
            *config = Some(read.map_err(|error| error.in_table(table).at(&source))?);
        }
        Ok(())
    }
}
