//! Settings from the environment.

use std::env;
use std::ffi::OsString;

#[cfg(feature = "dpop")]
use super::dpop::NONCE_KEY;
use super::issuer::IssuerConfig;
use super::issuer_variables::VARIABLES;
#[cfg(feature = "mtls")]
use super::mtls;
#[cfg(feature = "dpop")]
use super::secret::Secret;
#[cfg(any(feature = "dpop", feature = "introspection"))]
use super::table_variables::{self, TableVariables};
use super::variables::{is_read, is_same_value, split_list, unknown_variable};
use super::words::{OnlyOff, TokenCacheSetting};
use super::{Config, RawConfig};
use crate::verifier::{ConfigError, SettingSource, Verifier};

/// The variables for settings of the verifier itself, not of its issuer.
const TOKEN_CACHE: &str = "M2M_TOKEN_CACHE";
const DENYLIST_STALE_WARNING_AFTER: &str = "M2M_DENYLIST_STALE_WARNING_AFTER";
const DENYLIST_MAX_STALE: &str = "M2M_DENYLIST_MAX_STALE";

impl Config {
    /// Reads the settings of one issuer from the environment.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `KINDE_DOMAIN` or `KINDE_ISSUER_URL` | the Kinde domain: `acme`, `acme.kinde.com`, `https://acme.kinde.com` |
    /// | `M2M_ISSUER` | any other issuer, exactly as in `iss` |
    /// | `KINDE_AUDIENCE` or `M2M_AUDIENCE` | one or more audiences of the API |
    /// | `M2M_PROFILE` | the name of a [`Profile`](crate::Profile), such as `auth0` |
    /// | `M2M_ALGORITHMS` | signature algorithms, such as `RS256` |
    /// | `M2M_LEEWAY`, `M2M_MAX_AGE` | a duration, such as `30s` |
    /// | `M2M_KEYS_TIME_TO_LIVE`, `M2M_KEYS_MAX_STALE`, `M2M_UNKNOWN_KID_COOLDOWN`, `M2M_FETCH_TIMEOUT` | a duration, such as `10m` |
    /// | `M2M_ORGANIZATION_CLAIM`, `M2M_SCOPE_CLAIM` | a JSON Pointer |
    /// | `M2M_CLIENT_ID_CLAIM` | the name of a claim, or a JSON Pointer |
    /// | `M2M_ALLOW_ORGANIZATIONS`, `M2M_ALLOW_CLIENTS` | the only organizations or clients that are allowed |
    /// | `M2M_ORGANIZATION_CODE_PATTERN` | the form of organization codes: a prefix followed by `*`, such as `org_*`, or `none` |
    /// | `M2M_JWKS_URL` | the URL of the keys, if the issuer has no metadata |
    /// | `M2M_TOKEN_CACHE` | `off`: no verified token is cached |
    /// | `M2M_DENYLIST_STALE_WARNING_AFTER`, `M2M_DENYLIST_MAX_STALE` | a duration: when a replicated denylist is stale, and how long it is used then |
    /// | `M2M_DPOP_BASE_URL` | the public base URL of the API (feature `dpop`) |
    /// | `M2M_DPOP_ALGORITHMS`, `M2M_DPOP_MAX_PROOF_AGE` | signature algorithms, and a duration |
    /// | `M2M_DPOP_NONCE_KEY` | a secret of at least 32 bytes: proofs need nonces |
    /// | `M2M_MTLS` | `yes`: tokens can be bound to a client certificate (feature `mtls`) |
    /// | `M2M_MTLS_CLIENT_CERT_HEADER_FROM` | ranges of proxies that send `Client-Cert`, such as `10.0.0.0/8` |
    /// | `M2M_API_KEYS_KINDE`, `M2M_API_KEYS_ALLOW_USER_KEYS` | `yes` (feature `introspection`) |
    /// | `M2M_API_KEYS_CLIENT_ID`, `M2M_API_KEYS_CLIENT_SECRET`, `M2M_API_KEYS_API_ID`, `M2M_API_KEYS_KINDE_DOMAIN`, `M2M_API_KEYS_HEADER` | a string |
    /// | `M2M_API_KEYS_PREFIX`, `M2M_INTROSPECTION_PREFIX` | one or more prefixes |
    /// | `M2M_API_KEYS_TIME_TO_LIVE`, `M2M_API_KEYS_MAX_STALE`, `M2M_API_KEYS_TIMEOUT` | a duration |
    /// | `M2M_INTROSPECTION_ENDPOINT` or `M2M_INTROSPECTION_FROM_METADATA` | a URL, or `yes` |
    /// | `M2M_INTROSPECTION_CLIENT_ID`, `M2M_INTROSPECTION_CLIENT_SECRET` | a string |
    /// | `M2M_INTROSPECTION_CLIENT_AUTHENTICATION` | `basic` or `body` |
    /// | `M2M_INTROSPECTION_ALLOW_MISSING_TOKEN_TYPE` | `yes` |
    /// | `M2M_INTROSPECTION_TIME_TO_LIVE`, `M2M_INTROSPECTION_MAX_STALE`, `M2M_INTROSPECTION_TIMEOUT` | a duration |
    ///
    /// Separate several values with commas or spaces. An empty variable counts as unset, except for
    /// `M2M_ALLOW_ORGANIZATIONS` and `M2M_ALLOW_CLIENTS`, which must not be empty. Two variables of
    /// one setting must have equal values; two forms of one Kinde domain are equal.
    ///
    /// Any other `M2M_` variable is an error, because it is probably misspelled. A `KINDE_`
    /// variable with the name of a setting, such as `KINDE_ALLOW_CLIENTS`, is an error too. Four
    /// kinds of names are ignored: `M2M_CLIENT_ID`, `M2M_CLIENT_SECRET`, the variables that
    /// Kubernetes sets for a Service named `m2m` (`M2M_SERVICE_HOST`, `M2M_SERVICE_PORT`,
    /// `M2M_SERVICE_PORT_HTTP`, `M2M_PORT`, `M2M_PORT_80_TCP` and so on), and all names without
    /// these prefixes. The values of ignored variables are not read.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`], which names the variable, if a variable is missing, unknown or
    /// invalid.
    pub fn from_env() -> Result<Self, ConfigError> {
        let (mut vars, variables) = (Vec::new(), variables());
        for (name, value) in env::vars_os() {
            let Some(name) = name.to_str().filter(|name| is_read(name, &variables)) else {
                continue;
            };
            vars.push((name.to_owned(), text(name, value)?));
        }
        Self::from_vars(vars)
    }

    /// Reads the settings from other variables, for example from a `.env` file or a test.
    ///
    /// ```
    /// use tower_m2m::Config;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = Config::from_vars([("KINDE_DOMAIN", "acme"), ("KINDE_AUDIENCE", "https://api.acme.com")])?;
    /// let verifier = config.build()?;
    ///
    /// let error = Config::from_vars([("KINDE_DOMAIN", "acme")]).unwrap_err();
    /// assert_eq!(error.setting(), "KINDE_AUDIENCE");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`], which names the variable, if a variable is missing, unknown or
    /// invalid.
    pub fn from_vars<N, V>(vars: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        let mut issuer = IssuerConfig::default();
        let mut given: Vec<(&'static str, &'static str, String)> = Vec::new();
        let (mut settings, variables) = (RawConfig::default(), variables());
        #[cfg(any(feature = "dpop", feature = "introspection"))]
        let mut tables = TableVariables::default();
        for (name, value) in vars {
            let (name, value) = (name.as_ref(), value.into());
            let value = value.trim();
            if name.starts_with("M2M_ALLOW_") && split_list(value).next().is_none() {
                let problem =
                    "is empty: list the allowed values, or unset the variable to allow all";
                return Err(ConfigError::new(name.to_owned(), problem));
            }
            if !is_read(name, &variables) || value.is_empty() {
                continue;
            }
            if set_for_verifier(&mut settings, name, value)? {
                continue;
            }
            #[cfg(feature = "dpop")]
            if name == NONCE_KEY {
                settings.dpop_nonce_key = Some(Secret(value.to_owned()));
                given.push(("dpop_nonce_key", NONCE_KEY, String::new()));
                continue;
            }
            #[cfg(feature = "mtls")]
            if mtls::set(&mut issuer.mtls, name, value)? {
                continue;
            }
            #[cfg(any(feature = "dpop", feature = "introspection"))]
            if tables.set(name, value) {
                continue;
            }
            let Some((setting, variable, set)) =
                VARIABLES.iter().find(|(_, variable, _)| *variable == name)
            else {
                return Err(unknown_variable(name, &variables));
            };
            if let Some((_, other, earlier)) = given.iter().find(|(other, ..)| other == setting) {
                if is_same_value(setting, earlier, value) {
                    continue;
                }
                return Err(ConfigError::new(
                    *variable,
                    format!("differs from {other}, which sets the same: set one of the two"),
                ));
            }
            given.push((setting, variable, value.to_owned()));
            set(&mut issuer, value);
        }
        check_issuer(&issuer)?;
        let given = given
            .into_iter()
            .map(|(setting, variable, _)| (setting, variable))
            .chain([
                ("denylist_stale_warning_after", DENYLIST_STALE_WARNING_AFTER),
                ("denylist_max_stale", DENYLIST_MAX_STALE),
            ]);
        #[cfg(feature = "mtls")]
        let given = given.chain(mtls::SETTINGS);
        #[cfg(any(feature = "dpop", feature = "introspection"))]
        let given = {
            tables.read(&mut issuer)?;
            given.chain(table_variables::settings())
        };
        let source = SettingSource::Environment(given.collect());
        Self::try_from(RawConfig {
            issuers: vec![issuer],
            source: Some(source),
            ..settings
        })
    }
}

impl Verifier {
    /// Builds a verifier with the settings of the environment: `KINDE_DOMAIN` and `KINDE_AUDIENCE`,
    /// and those that [`Config::from_env`] lists.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`], which names the variable, if a variable is missing, unknown or
    /// invalid.
    ///
    /// ```no_run
    /// use tower_m2m::Verifier;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::from_env()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_env() -> Result<Self, ConfigError> {
        Config::from_env()?.build()
    }
}

/// Checks that there is one issuer and its audience.
fn check_issuer(issuer: &IssuerConfig) -> Result<(), ConfigError> {
    let audience = match (&issuer.kinde, &issuer.issuer) {
        (Some(_), None) => "KINDE_AUDIENCE",
        (None, Some(_)) => "M2M_AUDIENCE",
        (None, None) => {
            return Err(ConfigError::new(
                "KINDE_DOMAIN",
                "is missing: set it, or set M2M_ISSUER if the issuer is not Kinde",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(ConfigError::new(
                "M2M_ISSUER",
                "is set in addition to a Kinde domain: set only one of the two",
            ));
        }
    };
    if issuer.audience.is_none() {
        return Err(ConfigError::new(
            audience,
            "is missing: the identifier under which the API is registered at the issuer",
        ));
    }
    Ok(())
}

fn text(name: &str, value: OsString) -> Result<String, ConfigError> {
    value
        .into_string()
        .map_err(|_| ConfigError::new(name.to_owned(), "is not UTF-8"))
}

/// Returns every variable of a setting.
fn variables() -> Vec<&'static str> {
    let settings = VARIABLES.iter().map(|(_, variable, _)| *variable);
    #[cfg(any(feature = "dpop", feature = "introspection"))]
    let settings = settings.chain(table_variables::settings().map(|(_, variable)| variable));
    #[cfg(feature = "dpop")]
    let settings = settings.chain([NONCE_KEY]);
    #[cfg(feature = "mtls")]
    let settings = settings.chain(mtls::SETTINGS.map(|(_, variable)| variable));
    let verifier = [
        TOKEN_CACHE,
        DENYLIST_STALE_WARNING_AFTER,
        DENYLIST_MAX_STALE,
    ];
    settings.chain(verifier).collect()
}

/// Sets a setting of the verifier. Returns `false` if the variable is not one of them.
fn set_for_verifier(
    settings: &mut RawConfig,
    name: &str,
    value: &str,
) -> Result<bool, ConfigError> {
    match name {
        TOKEN_CACHE => settings.token_cache = Some(parse_token_cache(value)?),
        DENYLIST_STALE_WARNING_AFTER => {
            settings.denylist_stale_warning_after = Some(value.to_owned());
        }
        DENYLIST_MAX_STALE => settings.denylist_max_stale = Some(value.to_owned()),
        _ => return Ok(false),
    }
    Ok(true)
}

fn parse_token_cache(text: &str) -> Result<TokenCacheSetting, ConfigError> {
    match text {
        "off" => Ok(TokenCacheSetting::Off(OnlyOff::Off)),
        _ => Err(ConfigError::new(
            TOKEN_CACHE,
            "must be `off`, or unset for a cache of the default size",
        )),
    }
}
