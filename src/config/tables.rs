//! The tables in an issuer's settings.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

#[cfg(feature = "dpop")]
use super::dpop::DpopConfig;
#[cfg(feature = "mtls")]
use super::mtls::MtlsConfig;
#[cfg(feature = "introspection")]
use super::opaque::{ApiKeysConfig, IntrospectionConfig};
use super::written_values::read_settings;
use crate::verifier::ConfigError;

/// Checks the settings of one table.
type Check = fn(Map<String, Value>) -> Result<(), ConfigError>;

const TABLES: &[(&str, Check)] = &[
    #[cfg(feature = "introspection")]
    ("api_keys", check::<ApiKeysConfig>),
    #[cfg(feature = "introspection")]
    ("introspection", check::<IntrospectionConfig>),
    #[cfg(feature = "dpop")]
    ("dpop", check::<DpopConfig>),
    #[cfg(feature = "mtls")]
    ("mtls", check::<MtlsConfig>),
];

/// Checks the tables, so that an error names the setting in the table.
pub(super) fn check_tables(settings: &Map<String, Value>) -> Result<(), ConfigError> {
    for (table, check) in TABLES {
        match settings.get(*table) {
            // `null` is an error of every setting.
            None | Some(Value::Null) => {}
            Some(Value::Object(settings)) => {
                check(settings.clone()).map_err(|error| error.in_table(table))?;
            }
            Some(_) => return Err(ConfigError::new(*table, "must be a table of settings")),
        }
    }
    Ok(())
}

fn check<T: DeserializeOwned>(settings: Map<String, Value>) -> Result<(), ConfigError> {
    read_settings::<T>(settings).map(|_| ())
}
