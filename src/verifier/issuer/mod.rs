//! The settings of one trusted issuer.

mod keys;
pub(super) mod kinde;
#[cfg(feature = "security-events")]
mod kinde_connection;
mod limit_settings;
mod limits;
mod name;
#[cfg(feature = "introspection")]
pub(super) mod opaque;
#[cfg(feature = "introspection")]
mod opaque_settings;
mod organization;
mod pointer;
#[cfg(any(feature = "dpop", feature = "mtls"))]
mod possession;
mod refresh;
mod token_settings;
mod tokens;
mod validate;

pub(super) use self::validate::LEEWAY_MAX;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::time::Duration;

use super::config_error::{ConfigError, SettingSource};
use super::custom_claims::CustomSetting;
use super::issuers::organizations_seen::OrganizationsSeen;
use super::issuers::trusted::TrustedIssuer;
use super::profile::Profile;
use super::rules::{Rules, Strictness};
use crate::clock::{Clock, seconds};
use crate::http_client::{Addresses, Fetcher, HttpClients, HttpSettings, PrivateAddresses, Proxy};
use crate::jwks::{KeySetLimits, MAX_KEYS_WITHOUT_KID, PlainHttp, RefreshConfig, Registration};
#[cfg(any(feature = "dpop", feature = "mtls"))]
use crate::proof_of_possession::PossessionSettings;
use crate::token::{Algorithm, AllowLists};
use crate::util::Changes;
use limit_settings::LimitSettings;
use token_settings::TokenSettings;

/// An issuer without an audience. [`audience`](Self::audience) completes it, so that you cannot
/// forget it.
#[derive(Clone, Debug)]
#[must_use = "an issuer is trusted only once it has an audience"]
pub struct NeedsAudience {
    issuer: Result<String, ConfigError>,
    profile: Profile,
}

impl NeedsAudience {
    pub(super) fn new(issuer: Result<String, ConfigError>, profile: Profile) -> Self {
        Self { issuer, profile }
    }

    /// Sets the API's own audience. Every token's `aud` must contain exactly this string (RFC 9068
    /// §4).
    pub fn audience(self, audience: impl Into<String>) -> Issuer {
        self.audiences([audience])
    }

    /// Sets several audiences. A token's `aud` must contain at least one of them.
    pub fn audiences<T: Into<String>>(self, audiences: impl IntoIterator<Item = T>) -> Issuer {
        Issuer::new(self, Some(audiences.into_iter().map(Into::into).collect()))
    }

    /// Accepts tokens for any audience, and tokens without one.
    ///
    /// A client with a token for *another* API of the same issuer can then call this API. Almost no
    /// API needs this.
    pub fn dangerous_accept_any_audience(self) -> Issuer {
        Issuer::new(self, None)
    }
}

/// The settings of one trusted issuer: its keys, algorithms, audience, and the form of its tokens.
///
/// Create it with [`Verifier::kinde`](crate::Verifier::kinde) or
/// [`Verifier::issuer`](crate::Verifier::issuer). [`build`](Self::build) creates a
/// [`Verifier`](crate::Verifier) of this issuer, and
/// [`Verifier::builder`](crate::Verifier::builder) one of several issuers.
///
/// The order of the setters makes no difference. If two setters contradict each other, `build()`
/// returns an error. If a setter of a single value is called again, the last value counts.
///
/// ```
/// use std::time::Duration;
/// use tower_m2m::{Algorithm, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::issuer("https://issuer.example/tenant")
///     .audience("https://api.acme.com")
///     .algorithms([Algorithm::ES256])
///     .leeway(Duration::from_secs(10))
///     .organization_claim("/tenant/id")
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[allow(
    clippy::struct_field_names,
    reason = "`issuer` is what the RFCs call the string in `iss`"
)]
#[must_use = "an issuer does nothing until a verifier is built of it"]
pub struct Issuer {
    issuer: Result<String, ConfigError>,
    audiences: Option<Vec<String>>,
    tokens: TokenSettings,
    algorithms: Option<Vec<Algorithm>>,
    leeway: Duration,
    max_age: Option<Duration>,
    strictness: Strictness,
    max_keys_without_kid: usize,
    custom: CustomSetting,
    organizations: Option<BTreeSet<String>>,
    clients: Option<BTreeSet<String>>,
    keys: KeyConfig,
    fetch_function: Option<Fetcher>,
    private_addresses: PrivateAddresses,
    http: HttpSettings,
    timing: RefreshConfig,
    limits: LimitSettings,
    #[cfg(any(feature = "dpop", feature = "mtls"))]
    possession: PossessionSettings,
    #[cfg(feature = "introspection")]
    opaque: Box<opaque_settings::OpaqueSettings>,
    source: SettingSource,
}

/// The source of the keys. More than one source is an error of `build()`.
#[derive(Debug, Default)]
struct KeyConfig {
    url: Option<String>,
    set: Option<String>,
    pem: Option<(Algorithm, String)>,
}

impl Issuer {
    fn new(trusted: NeedsAudience, audiences: Option<Vec<String>>) -> Self {
        Self {
            issuer: trusted.issuer,
            audiences,
            tokens: TokenSettings::new(trusted.profile),
            algorithms: None,
            leeway: Duration::from_secs(30),
            max_age: None,
            strictness: Strictness::Lenient,
            max_keys_without_kid: MAX_KEYS_WITHOUT_KID,
            custom: CustomSetting::Unset,
            organizations: None,
            clients: None,
            keys: KeyConfig::default(),
            fetch_function: None,
            private_addresses: PrivateAddresses::Restricted,
            http: HttpSettings {
                timeout: Duration::from_secs(3),
                connect_timeout: None,
                proxy: Proxy::Environment,
                ca_certificates_pem: Vec::new(),
                addresses: Addresses::Any,
            },
            timing: RefreshConfig {
                time_to_live: Duration::from_secs(600),
                honor_cache_control: true,
                max_stale: Duration::from_secs(3600),
                cooldown: Duration::from_secs(10),
                max_retry_delay: Duration::from_secs(10),
                timeout: Duration::from_secs(3),
                initial_keys_timeout: Duration::from_secs(1),
                unknown_kid_max_ttl: Duration::from_secs(30),
                registration: Registration::Listed,
                plain_http: PlainHttp::OnLoopback,
                limits: KeySetLimits::LISTED,
                jitter_seed: None,
            },
            limits: LimitSettings::default(),
            #[cfg(any(feature = "dpop", feature = "mtls"))]
            possession: PossessionSettings::default(),
            #[cfg(feature = "introspection")]
            opaque: Box::default(),
            source: SettingSource::Code,
        }
    }

    /// Sets the source of the settings, for errors.
    pub(crate) fn with_source(mut self, source: SettingSource) -> Self {
        self.source = source;
        self
    }

    /// Sets the algorithms that the issuer may use. Default: those of the profile, which is only
    /// RS256 for Kinde.
    ///
    /// If the JWK of a key has no `alg`, the key is used with the first of these algorithms that
    /// fits its type.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Sets the allowed clock skew for `exp`, `nbf` and `iat`. Default: 30 s. Maximum: 5 min.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Rejects tokens that were issued longer ago than this, regardless of `exp`, and tokens
    /// without `iat`. Default: any age.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Allows only these clients, in addition to those of earlier calls. Default: every client of
    /// the issuer.
    pub fn allow_clients<T: Into<String>>(
        mut self,
        client_ids: impl IntoIterator<Item = T>,
    ) -> Self {
        let client_ids = client_ids.into_iter().map(Into::into);
        self.clients.get_or_insert_default().extend(client_ids);
        self
    }

    /// Marks an issuer as resolved by the application. There can be thousands of them.
    pub(super) fn into_resolved(mut self) -> Self {
        self.timing.registration = Registration::Resolved;
        self
    }

    pub(super) fn into_trusted_issuer(
        mut self,
        clock: &Clock,
        clients: &HttpClients,
        changes: &Changes,
    ) -> Result<TrustedIssuer, ConfigError> {
        self.timing.limits = self.limits.or(match self.timing.registration {
            Registration::Listed => KeySetLimits::LISTED,
            Registration::Resolved => KeySetLimits::RESOLVED,
        });
        let issuer: Arc<str> = self.validated_name()?.into();
        let algorithms = self.allowed_algorithms();
        let keys = self
            .keys(&issuer, &algorithms, clock, clients, changes)
            .map_err(|error| error.at(&self.source))?;
        #[cfg(any(feature = "dpop", feature = "mtls"))]
        let bindings = self.possession.methods();
        #[cfg(not(any(feature = "dpop", feature = "mtls")))]
        let bindings = Vec::new();
        let rules = Rules {
            org_code_pattern: self.tokens.org_code_pattern(),
            audiences: self.audiences,
            profile: self.tokens.merged_profile(),
            organization: self.tokens.organization_claim(),
            algorithms,
            leeway: seconds(self.leeway),
            max_age: self.max_age.map(seconds),
            strictness: self.strictness,
            max_keys_without_kid: self.max_keys_without_kid,
            custom: self.custom.decoder(),
            bindings,
            #[cfg(any(feature = "dpop", feature = "mtls"))]
            possession: self.possession.into_rules(),
            allow_lists: AllowLists::new(
                self.clients.map(HashSet::from_iter),
                self.organizations.map(HashSet::from_iter),
            )
            .map(Arc::new),
        };
        Ok(TrustedIssuer {
            issuer,
            private_addresses: self.private_addresses,
            keys,
            rules: Arc::new(rules),
            expires_at: None,
            last_used: AtomicI64::new(i64::MIN),
            last_awaited: AtomicI64::new(i64::MIN),
            is_retired: AtomicBool::new(false),
            organizations_seen: OrganizationsSeen::default(),
        })
    }

    pub(super) fn allows_plain_http(&self) -> bool {
        self.timing.plain_http == PlainHttp::Anywhere
    }

    fn allowed_algorithms(&self) -> Vec<Algorithm> {
        self.algorithms
            .clone()
            .unwrap_or_else(|| self.tokens.default_algorithms().to_vec())
    }
}
