//! Settings from a file or from the environment: they pass through the same setters as those in code.

mod duration;
mod environment;
mod issuer;

use serde::Deserialize;

use self::issuer::IssuerConfig;
use crate::verifier::{ConfigError, SettingSource, Verifier, VerifierBuilder};

/// The settings of a verifier, read from a configuration file with serde, or from the environment.
///
/// A setting has the name and the default of the method that sets it. Unknown names are refused, and what cannot be used is
/// found when the configuration is read, with the place of it: `issuers[1].leeway`. Nothing here is a secret.
///
/// | setting | form |
/// |---|---|
/// | `issuers` | a list of at least one, each as below |
/// | `max_token_bytes` | a number |
/// | `token_cache` | `"off"`, or `{ tokens, bytes }` |
/// | `start` | `"background"` or `"lazy"` |
///
/// | setting of an issuer | form |
/// |---|---|
/// | `kinde` or `issuer` | a Kinde domain, or the exact `iss` of any issuer: one of the two |
/// | `audience` | a text or a list of them |
/// | `dangerous_accept_any_audience` | `"yes"`, in place of `audience` |
/// | `profile` | a [name](crate::Profile::name), such as `auth0` |
/// | `algorithms` | a list, such as `["RS256"]` |
/// | `leeway`, `max_age` | a duration, such as `30s` or `1h 30m` |
/// | `require` | `"rfc9068"` |
/// | `grant_type` | `"any"` |
/// | `require_claim` | a map from JSON Pointer to text |
/// | `organization_claim`, `scope_claim` | a JSON Pointer |
/// | `organization_code_pattern` | a prefix followed by `*`, such as `org_*`, or `none` |
/// | `client_id_claim` | the name of a claim |
/// | `allow_organizations`, `allow_clients` | a text or a list of them |
/// | `jwks_url`, `jwk_set` | a URL, or a JWK Set as text |
/// | `keys_time_to_live`, `keys_max_stale`, `unknown_kid_cooldown`, `unknown_kid_max_ttl`, `fetch_timeout`, `initial_keys_timeout` | a duration |
/// | `proxy` | `"none"` |
/// | `ca_certificate_pem` | a certificate as text |
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
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawConfig")]
pub struct Config(RawConfig);

/// What is written, before it is checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    issuers: Vec<IssuerConfig>,
    max_token_bytes: Option<usize>,
    token_cache: Option<TokenCacheSetting>,
    start: Option<StartSetting>,
    /// Where the issuer is written, if not in a list.
    #[serde(skip)]
    source: Option<SettingSource>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected `token_cache` to be \"off\" or { tokens, bytes }"
)]
enum TokenCacheSetting {
    Off(OnlyOff),
    Size(TokenCacheSize),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OnlyOff {
    Off,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenCacheSize {
    tokens: u32,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StartSetting {
    Background,
    Lazy,
}

impl Config {
    /// The builder with these settings, for what only code can say: a clock, saved keys.
    ///
    /// # Errors
    ///
    /// None for a `Config` that was read: its settings were checked then.
    pub fn builder(&self) -> Result<VerifierBuilder, ConfigError> {
        self.0.builder()
    }

    /// The verifier with these settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], where what only building can find cannot be used: a JWK Set, a certificate.
    pub fn build(&self) -> Result<Verifier, ConfigError> {
        self.builder()?.build()
    }
}

impl Verifier {
    /// A verifier with the settings of the environment: `KINDE_DOMAIN` and `KINDE_AUDIENCE`, and those that
    /// [`Config::from_env`] lists.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming the variable.
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

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(settings: RawConfig) -> Result<Self, ConfigError> {
        settings.builder()?.check()?;
        Ok(Self(settings))
    }
}

impl RawConfig {
    fn builder(&self) -> Result<VerifierBuilder, ConfigError> {
        let source = |at| self.source.clone().unwrap_or(SettingSource::Listed(at));
        let issuers: Result<Vec<_>, _> = self
            .issuers
            .iter()
            .enumerate()
            .map(|(at, issuer)| issuer.to_issuer(&source(at)))
            .collect();
        Ok(self.apply(Verifier::builder(issuers?)))
    }

    fn apply(&self, mut builder: VerifierBuilder) -> VerifierBuilder {
        if let Some(bytes) = self.max_token_bytes {
            builder = builder.max_token_bytes(bytes);
        }
        builder = match self.token_cache {
            None => builder,
            Some(TokenCacheSetting::Off(OnlyOff::Off)) => builder.without_token_cache(),
            Some(TokenCacheSetting::Size(capacity)) => {
                builder.token_cache(capacity.tokens, capacity.bytes)
            }
        };
        match self.start {
            None | Some(StartSetting::Background) => builder,
            Some(StartSetting::Lazy) => builder.start_lazily(),
        }
    }
}
