//! Settings from the environment.

use std::env;
use std::ffi::OsString;

use super::issuer::{IssuerConfig, StringOrList};
use super::{Config, RawConfig};
use crate::verifier::{ConfigError, SettingSource};

type Setter = fn(&mut IssuerConfig, &str);

/// A setting, the variable that sets it, and how. Where two variables set the same, it must be one of them.
const VARIABLES: [(&str, &str, Setter); 18] = [
    ("kinde", "KINDE_DOMAIN", |issuer, text| {
        issuer.kinde = Some(text.into());
    }),
    ("kinde", "KINDE_ISSUER_URL", |issuer, text| {
        issuer.kinde = Some(text.into());
    }),
    ("audience", "KINDE_AUDIENCE", |issuer, text| {
        issuer.audience = Some(list(text));
    }),
    ("issuer", "M2M_ISSUER", |issuer, text| {
        issuer.issuer = Some(text.into());
    }),
    ("audience", "M2M_AUDIENCE", |issuer, text| {
        issuer.audience = Some(list(text));
    }),
    ("profile", "M2M_PROFILE", |issuer, text| {
        issuer.profile = Some(text.into());
    }),
    ("algorithms", "M2M_ALGORITHMS", |issuer, text| {
        issuer.algorithms = Some(list(text));
    }),
    ("leeway", "M2M_LEEWAY", |issuer, text| {
        issuer.leeway = Some(text.into());
    }),
    ("max_age", "M2M_MAX_AGE", |issuer, text| {
        issuer.max_age = Some(text.into());
    }),
    (
        "organization_claim",
        "M2M_ORGANIZATION_CLAIM",
        |issuer, text| {
            issuer.organization_claim = Some(text.into());
        },
    ),
    (
        "organization_code_pattern",
        "M2M_ORGANIZATION_CODE_PATTERN",
        |issuer, text| issuer.organization_code_pattern = Some(text.into()),
    ),
    ("scope_claim", "M2M_SCOPE_CLAIM", |issuer, text| {
        issuer.scope_claim = Some(text.into());
    }),
    ("client_id_claim", "M2M_CLIENT_ID_CLAIM", |issuer, text| {
        issuer.client_id_claim = Some(text.into());
    }),
    (
        "allow_organizations",
        "M2M_ALLOW_ORGANIZATIONS",
        |issuer, text| {
            issuer.allow_organizations = Some(list(text));
        },
    ),
    ("allow_clients", "M2M_ALLOW_CLIENTS", |issuer, text| {
        issuer.allow_clients = Some(list(text));
    }),
    ("jwks_url", "M2M_JWKS_URL", |issuer, text| {
        issuer.jwks_url = Some(text.into());
    }),
    (
        "keys_time_to_live",
        "M2M_KEYS_TIME_TO_LIVE",
        |issuer, text| {
            issuer.keys_time_to_live = Some(text.into());
        },
    ),
    ("keys_max_stale", "M2M_KEYS_MAX_STALE", |issuer, text| {
        issuer.keys_max_stale = Some(text.into());
    }),
];

impl Config {
    /// The settings of one issuer, from the environment.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `KINDE_DOMAIN` or `KINDE_ISSUER_URL` | the Kinde domain: `acme`, `acme.kinde.com`, `https://acme.kinde.com` |
    /// | `M2M_ISSUER` | any other issuer, exactly as its `iss` says |
    /// | `KINDE_AUDIENCE` or `M2M_AUDIENCE` | the API's audience, or several |
    /// | `M2M_PROFILE` | the name of a [`Profile`](crate::Profile), such as `auth0` |
    /// | `M2M_ALGORITHMS` | such as `RS256` |
    /// | `M2M_LEEWAY`, `M2M_MAX_AGE`, `M2M_KEYS_TIME_TO_LIVE`, `M2M_KEYS_MAX_STALE` | a duration, such as `30s` |
    /// | `M2M_ORGANIZATION_CLAIM`, `M2M_SCOPE_CLAIM` | a JSON Pointer |
    /// | `M2M_CLIENT_ID_CLAIM` | the name of a claim |
    /// | `M2M_ALLOW_ORGANIZATIONS`, `M2M_ALLOW_CLIENTS` | those that are let in |
    /// | `M2M_JWKS_URL` | where the keys are, if the issuer has no metadata |
    ///
    /// Lists are separated by commas or spaces. An empty variable is as good as none, but for the two
    /// that say who is let in, which may not be empty. Another `M2M_` variable is refused,
    /// because it is most likely a typing error; other variables, secrets among them, are not looked at.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming the variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        let mut vars = Vec::new();
        for (name, value) in env::vars_os() {
            let Some(name) = name.to_str().filter(|name| has_known_prefix(name)) else {
                continue;
            };
            vars.push((name.to_owned(), text(name, value)?));
        }
        Self::from_vars(vars)
    }

    /// The same from variables that come from elsewhere: a `.env` file, a test.
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
    /// [`ConfigError`], naming the variable.
    pub fn from_vars<N, V>(vars: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        let mut issuer = IssuerConfig::default();
        let mut given: Vec<(&'static str, &'static str)> = Vec::new();
        for (name, value) in vars {
            let (name, value) = (name.as_ref(), value.into());
            let value = value.trim();
            if name.starts_with("M2M_ALLOW_") && split_list(value).next().is_none() {
                let problem =
                    "is empty: name those that are let in, or do not set it, which lets in all";
                return Err(ConfigError::new(name.to_owned(), problem));
            }
            if !has_known_prefix(name) || value.is_empty() {
                continue;
            }
            let Some((setting, variable, set)) =
                VARIABLES.iter().find(|(_, variable, _)| *variable == name)
            else {
                let names: Vec<&str> = VARIABLES.iter().map(|(_, variable, _)| *variable).collect();
                return Err(ConfigError::new(
                    name.to_owned(),
                    format!("is not known: there are {}", names.join(", ")),
                ));
            };
            if let Some((_, other)) = given.iter().find(|(other, _)| other == setting) {
                return Err(ConfigError::new(
                    *variable,
                    format!("says the same as {other}: set one of the two"),
                ));
            }
            given.push((setting, variable));
            set(&mut issuer, value);
        }
        let audience = match (&issuer.kinde, &issuer.issuer) {
            (Some(_), None) => "KINDE_AUDIENCE",
            (None, Some(_)) => "M2M_AUDIENCE",
            (None, None) => {
                return Err(ConfigError::new(
                    "KINDE_DOMAIN",
                    "is missing: set it, or M2M_ISSUER for another issuer than Kinde",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(
                    "M2M_ISSUER",
                    "is set in addition to a Kinde domain: one of the two",
                ));
            }
        };
        if issuer.audience.is_none() {
            return Err(ConfigError::new(
                audience,
                "is missing: the identifier under which the API is registered at the issuer",
            ));
        }
        let source = SettingSource::Environment(given.into());
        Self::try_from(RawConfig {
            issuers: vec![issuer],
            source: Some(source),
            ..RawConfig::default()
        })
    }
}

/// Whether a variable is looked at at all.
fn has_known_prefix(name: &str) -> bool {
    name.starts_with("M2M_") || VARIABLES.iter().any(|(_, variable, _)| *variable == name)
}

fn text(name: &str, value: OsString) -> Result<String, ConfigError> {
    value
        .into_string()
        .map_err(|_| ConfigError::new(name.to_owned(), "is not UTF-8"))
}

/// A list, separated by commas or spaces.
fn list(text: &str) -> StringOrList {
    StringOrList::Many(split_list(text).map(str::to_owned).collect())
}

fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t', '\n'])
        .filter(|part| !part.is_empty())
}
