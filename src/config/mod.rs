//! Settings from a file or from the environment. They use the same setters as settings in code.

mod condition;
#[cfg(feature = "dpop")]
mod dpop;
mod duration;
mod environment;
mod features;
mod issuer;
mod issuer_variables;
#[cfg(feature = "mtls")]
mod mtls;
mod nearest;
#[cfg(feature = "introspection")]
mod opaque;
mod secret;
#[cfg(any(feature = "dpop", feature = "introspection"))]
mod table_variables;
#[cfg(any(feature = "dpop", feature = "introspection", feature = "mtls"))]
mod tables;
mod variables;
mod words;
mod written_values;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[cfg(feature = "dpop")]
use self::dpop::MaxProofsSetting;
use self::duration::duration;
use self::issuer::{IssuerConfig, read_issuer};
use self::words::{OnlyOff, OnlyYes, ReadinessSetting, StartSetting, TokenCacheSetting};
use self::written_values::{WrittenValue, read_settings};
use crate::verifier::{ConfigError, Readiness, SettingSource, Verifier, VerifierBuilder};

/// The settings of a verifier, read from a configuration file with serde, or from the environment.
///
/// A setting has the name and the default of its setter. An unknown name, `null` or an invalid
/// value is an error when the configuration is parsed, and the error names the place:
/// `issuers[1].leeway`. The secrets `client_secret` and `dpop_nonce_key` are in neither `Debug` nor
/// an error. The [guide](crate::guide::configuration) has the same configuration in JSON, TOML and
/// YAML.
///
/// | setting | form |
/// |---|---|
/// | `issuers` | an array of at least one issuer, each as below |
/// | `max_token_bytes`, `max_claim_values` | a number |
/// | `max_rejection_events_per_second` | how many events about rejected requests are recorded, for each reason and client |
/// | `token_cache` | `"off"`, or `{ tokens, bytes }` |
/// | `start` | `"background"` or `"lazy"` |
/// | `max_resolved_issuers`, `max_issuer_resolutions_per_second` | a number |
/// | `denylist_stale_warning_after`, `denylist_max_stale` | a duration |
/// | `caller_check_timeout` | a duration |
/// | `dangerous_caller_check_fail_open` | `"yes"` |
/// | `readiness` | `"all"` or `"any"` |
/// | `dpop_nonce_key` | a secret string of at least 32 bytes (feature `dpop`) |
/// | `max_proofs` | `{ total, per_key }` (feature `dpop`) |
///
/// | setting of an issuer | form |
/// |---|---|
/// | `kinde` or `issuer` | a Kinde domain, or the exact `iss` of any issuer: one of the two |
/// | `audience` | a string or an array of strings |
/// | `dangerous_accept_any_audience` | `"yes"`, in place of `audience` |
/// | `profile` | a [name](crate::Profile::name), such as `auth0` |
/// | `algorithms` | an array, such as `["RS256"]` |
/// | `leeway`, `max_age` | a duration, such as `30s` or `1h 30m` |
/// | `require` | `"rfc9068"` |
/// | `grant_type` | `"any"` |
/// | `require_claim`, `require_header` | a map from JSON Pointer to a condition: a string, a boolean, `{ is_or_absent }`, `{ starts_with }`, `{ same_as }`, `{ condition = "absent" }` or `{ condition = "client" }` |
/// | `organization_claim`, `scope_claim` | a JSON Pointer |
/// | `organization_claim_key` | a JSON Pointer, in place of `organization_claim` |
/// | `organization_may_be_absent_in` | a JSON Pointer or a list of them |
/// | `organization_code_pattern` | a prefix followed by `*`, such as `org_*`, or `none` |
/// | `client_id_claim` | the name of a claim, or a JSON Pointer |
/// | `allow_organizations`, `allow_clients` | a string or an array of strings |
/// | `require_kid` | `"yes"` |
/// | `max_keys_without_kid` | a number |
/// | `jwks_url`, `jwk_set` | a URL, or a JWK Set as a string |
/// | `public_key_pem` | `{ algorithm, pem }`: the name of an algorithm, and a public key as a string |
/// | `keys_time_to_live`, `keys_max_stale`, `unknown_kid_cooldown`, `unknown_kid_max_ttl`, `fetch_timeout`, `connect_timeout`, `initial_keys_timeout` | a duration |
/// | `max_key_set_bytes`, `max_usable_keys` | a number |
/// | `proxy` | `"none"` |
/// | `dangerous_allow_http` | `"yes"` |
/// | `dangerous_allow_private_addresses` | `"yes"` |
/// | `ca_certificate_pem` | a certificate as a string |
/// | `dpop` | `{ base_url, algorithms, max_proof_age }`, of which only the base URL is required (feature `dpop`) |
/// | `mtls` | `{ client_cert_header_from }`: a range such as `10.0.0.0/8`, an array of them, or none (feature `mtls`) |
/// | `api_keys`, `introspection` | a table, as below (feature `introspection`) |
///
/// | setting of `api_keys` | form |
/// |---|---|
/// | `kinde` | `"yes"` |
/// | `client_id`, `client_secret` | a string: the client credentials |
/// | `api_id`, `kinde_domain`, `header` | a string |
/// | `allow_user_keys` | `"yes"` |
/// | `prefix` | a string or an array of strings |
/// | `time_to_live`, `max_stale`, `timeout` | a duration |
///
/// | setting of `introspection` | form |
/// |---|---|
/// | `endpoint` or `from_metadata` | a URL, or `"yes"`: one of the two |
/// | `client_id`, `client_secret` | a string: the client credentials |
/// | `client_authentication` | `"basic"` (default) or `"body"`: where the client credentials are sent |
/// | `allow_missing_token_type` | `"yes"` |
/// | `prefix` | a string or an array of strings |
/// | `time_to_live`, `max_stale`, `timeout` | a duration |
///
/// ```
/// use tower_m2m::Config;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config: Config = serde_json::from_str(
///     r#"{ "issuers": [{ "kinde": "acme", "audience": "https://api.acme.com", "leeway": "10s" }] }"#,
/// )?;
/// let verifier = config.builder()?.build()?;
///
/// let error = serde_json::from_str::<Config>(
///     r#"{ "issuers": [{ "kinde": "acme", "audience": "https://api.acme.com", "leeway": "1 fortnight" }] }"#,
/// );
/// assert!(error.unwrap_err().to_string().starts_with("issuers[0].leeway: "));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Config(RawConfig);

/// The configuration before it is checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(skip)]
    issuers: Vec<IssuerConfig>,
    max_token_bytes: Option<usize>,
    max_claim_values: Option<u32>,
    token_cache: Option<TokenCacheSetting>,
    start: Option<StartSetting>,
    max_resolved_issuers: Option<usize>,
    max_issuer_resolutions_per_second: Option<u32>,
    denylist_stale_warning_after: Option<String>,
    denylist_max_stale: Option<String>,
    caller_check_timeout: Option<String>,
    dangerous_caller_check_fail_open: Option<OnlyYes>,
    max_rejection_events_per_second: Option<u32>,
    readiness: Option<ReadinessSetting>,
    #[cfg(feature = "dpop")]
    dpop_nonce_key: Option<secret::Secret>,
    #[cfg(feature = "dpop")]
    max_proofs: Option<MaxProofsSetting>,
    /// The source of the issuer, if it is not in an array.
    #[serde(skip)]
    source: Option<SettingSource>,
}

impl Config {
    /// Returns a builder with these settings. Use it for settings that only code has: a clock,
    /// saved keys.
    ///
    /// # Errors
    ///
    /// Returns no error for a `Config` that was parsed, because its settings are already checked.
    pub fn builder(&self) -> Result<VerifierBuilder, ConfigError> {
        self.0.builder()
    }

    /// Builds the verifier with these settings.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a value that is checked only here is invalid: a JWK Set, a
    /// certificate, a setting about DPoP although no issuer has it.
    pub fn build(&self) -> Result<Verifier, ConfigError> {
        self.builder()?.build()
    }
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(settings: RawConfig) -> Result<Self, ConfigError> {
        settings
            .builder()
            .and_then(|builder| builder.check())
            .map_err(|error| error.at(&settings.source()))?;
        Ok(Self(settings))
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WrittenValue(written) = WrittenValue::deserialize(deserializer)?;
        RawConfig::from_written(written)
            .and_then(Self::try_from)
            .map_err(D::Error::custom)
    }
}

impl RawConfig {
    fn from_written(written: Value) -> Result<Self, ConfigError> {
        let Value::Object(mut settings) = written else {
            return Err(ConfigError::new(
                "configuration",
                "must be a table of settings that has the list `issuers`",
            ));
        };
        let Some(Value::Array(issuers)) = settings.remove("issuers") else {
            return Err(ConfigError::new(
                "issuers",
                "must be a list: in TOML `[[issuers]]` with two brackets, in JSON and YAML a list of objects",
            ));
        };
        let issuers: Result<_, _> = issuers
            .into_iter()
            .enumerate()
            .map(|(at, issuer)| {
                let source = SettingSource::Listed(at);
                match issuer {
                    Value::Object(issuer) => read_issuer(issuer),
                    _ => Err(ConfigError::new("issuer", "must be a table of settings")),
                }
                .map_err(|error| error.at(&source))
            })
            .collect();
        #[cfg(feature = "dpop")]
        dpop::check_max_proofs(&settings)?;
        let rest: Self = read_settings(settings)?;
        Ok(Self {
            issuers: issuers?,
            ..rest
        })
    }

    fn builder(&self) -> Result<VerifierBuilder, ConfigError> {
        let source = |at| self.source.clone().unwrap_or(SettingSource::Listed(at));
        let issuers: Result<Vec<_>, _> = self
            .issuers
            .iter()
            .enumerate()
            .map(|(at, issuer)| issuer.to_issuer(&source(at)))
            .collect();
        self.apply(Verifier::builder(issuers?))
    }

    /// Returns the source of the verifier's own settings.
    fn source(&self) -> SettingSource {
        self.source.clone().unwrap_or(SettingSource::File)
    }

    fn apply(&self, mut builder: VerifierBuilder) -> Result<VerifierBuilder, ConfigError> {
        if let Some(bytes) = self.max_token_bytes {
            builder = builder.max_token_bytes(bytes);
        }
        if let Some(values) = self.max_claim_values {
            builder = builder.max_claim_values(values);
        }
        if let Some(events) = self.max_rejection_events_per_second {
            builder = builder.max_rejection_events_per_second(events);
        }
        builder = match self.token_cache {
            None => builder,
            Some(TokenCacheSetting::Off(OnlyOff::Off)) => builder.without_token_cache(),
            Some(TokenCacheSetting::Size(capacity)) => {
                builder.token_cache(capacity.tokens, capacity.bytes)
            }
        };
        if let Some(issuers) = self.max_resolved_issuers {
            builder = builder.max_resolved_issuers(issuers);
        }
        if let Some(resolutions) = self.max_issuer_resolutions_per_second {
            builder = builder.max_issuer_resolutions_per_second(resolutions);
        }
        if let Some(text) = &self.denylist_stale_warning_after {
            let after = duration(text, "denylist_stale_warning_after")?;
            builder = builder.denylist_stale_warning_after(after);
        }
        if let Some(text) = &self.denylist_max_stale {
            builder = builder.denylist_max_stale(duration(text, "denylist_max_stale")?);
        }
        if let Some(text) = &self.caller_check_timeout {
            builder = builder.caller_check_timeout(duration(text, "caller_check_timeout")?);
        }
        if let Some(OnlyYes::Yes) = self.dangerous_caller_check_fail_open {
            builder = builder.dangerous_caller_check_fail_open();
        }
        #[cfg(feature = "dpop")]
        let mut builder = dpop::apply(builder, self.dpop_nonce_key.as_ref(), self.max_proofs)?
            .with_dpop_source(self.source());
        builder = match self.readiness {
            None => builder,
            Some(ReadinessSetting::All) => builder.readiness(Readiness::All),
            Some(ReadinessSetting::Any) => builder.readiness(Readiness::Any),
        };
        Ok(match self.start {
            None | Some(StartSetting::Background) => builder,
            Some(StartSetting::Lazy) => builder.start_lazily(),
        })
    }
}
