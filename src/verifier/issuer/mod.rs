//! One issuer that is trusted, and for what.

mod keys;
pub(super) mod kinde;
mod refresh;
mod validate;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::config_error::{ConfigError, SettingSource};
use super::custom_claims::CustomDecoder;
use super::issuers::trusted::TrustedIssuer;
use super::profile::{ClaimMatcher, ClaimRule, Profile};
use super::rules::{Rules, Strictness};
use crate::clock::{Clock, seconds};
use crate::jwks::{Fetcher, HttpClients, HttpSettings, Proxy, RefreshConfig};
use crate::token::{Algorithm, OrgCodePattern};

/// An issuer without an audience yet: [`audience`](Self::audience) makes it whole, so that neither can be forgotten.
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

    /// The API's own audience, which every token's `aud` must name, exactly (RFC 9068 §4).
    pub fn audience(self, audience: impl Into<String>) -> Issuer {
        self.audiences([audience])
    }

    /// Several audiences of which a token's `aud` must name at least one.
    pub fn audiences<T: Into<String>>(self, audiences: impl IntoIterator<Item = T>) -> Issuer {
        Issuer::new(self, Some(audiences.into_iter().map(Into::into).collect()))
    }

    /// Accepts tokens for any audience and for none.
    ///
    /// Whoever gets a token for *another* API of the same issuer can call this one then. There is hardly a reason to.
    pub fn dangerous_accept_any_audience(self) -> Issuer {
        Issuer::new(self, None)
    }
}

/// One issuer that is trusted, and for what: its keys, algorithms, audience, and the form of its tokens.
///
/// It starts with [`Verifier::kinde`](crate::Verifier::kinde) or [`Verifier::issuer`](crate::Verifier::issuer). [`build`](Self::build) makes a [`Verifier`](crate::Verifier) of one issuer;
/// [`Verifier::builder`](crate::Verifier::builder) one of several.
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
    reason = "`issuer` is what the RFCs call the text in `iss`"
)]
#[must_use = "an issuer does nothing until a verifier is built of it"]
pub struct Issuer {
    issuer: Result<String, ConfigError>,
    audiences: Option<Vec<String>>,
    profile: Profile,
    algorithms: Option<Vec<Algorithm>>,
    leeway: Duration,
    max_age: Option<Duration>,
    strictness: Strictness,
    custom: Option<CustomDecoder>,
    code_pattern: CodePatternSetting,
    organizations: Option<HashSet<String>>,
    clients: Option<HashSet<String>>,
    keys: KeyConfig,
    fetch_function: Option<Fetcher>,
    http: HttpSettings,
    timing: RefreshConfig,
    source: SettingSource,
}

/// Where the form of organization codes comes from.
#[derive(Debug)]
enum CodePatternSetting {
    Profile,
    Disabled,
    Custom(String),
}

#[derive(Debug)]
enum KeyConfig {
    Discovery,
    Url(String),
    Set(String),
    Pem(Algorithm, String),
}

impl Issuer {
    fn new(trusted: NeedsAudience, audiences: Option<Vec<String>>) -> Self {
        Self {
            issuer: trusted.issuer,
            audiences,
            profile: trusted.profile,
            algorithms: None,
            leeway: Duration::from_secs(30),
            max_age: None,
            strictness: Strictness::Lenient,
            custom: None,
            code_pattern: CodePatternSetting::Profile,
            organizations: None,
            clients: None,
            keys: KeyConfig::Discovery,
            fetch_function: None,
            http: HttpSettings {
                timeout: Duration::from_secs(3),
                proxy: Proxy::Environment,
                ca_certificate_pem: None,
            },
            timing: RefreshConfig {
                time_to_live: Duration::from_secs(600),
                honor_cache_control: true,
                max_stale: Duration::from_secs(3600),
                cooldown: Duration::from_secs(10),
                max_retry_delay: Duration::from_secs(10),
                timeout: Duration::from_secs(3),
                initial_keys_timeout: Duration::from_secs(1),
                jitter_seed: None,
            },
            source: SettingSource::Code,
        }
    }

    /// Where the settings are written, for errors.
    pub(crate) fn with_source(mut self, source: SettingSource) -> Self {
        self.source = source;
        self
    }

    /// Another profile; setters that come after it change single places of it.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The algorithms that the issuer may sign with. Default: the profile's, which is RS256 alone for Kinde.
    ///
    /// A key whose JWK names no `alg` is used with the first of these that its type is for.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// How far the issuer's clock may be off for `exp`, `nbf` and `iat`. Default: 30 s; at most 5 min.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Refuses tokens that were issued longer ago than this, whatever their `exp`, and tokens that do not say when.
    /// Default: any age.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Demands tokens exactly as RFC 9068 has them: `typ` is `at+jwt`, and `iss`, `exp`, `aud`, `sub`, `client_id`, `iat`
    /// and `jti` are all there. Default: `typ` may be absent or `JWT` too, as at Kinde.
    pub fn require_rfc9068(mut self) -> Self {
        self.strictness = Strictness::Rfc9068;
        self
    }

    /// Lets in tokens of any grant type, users' tokens among them. Default: as the profile says, which for Kinde is client
    /// credentials only.
    pub fn allow_any_grant_type(mut self) -> Self {
        self.profile.machine_claims = Cow::Borrowed(&[]);
        self
    }

    /// Demands that a claim has a value, or that the list in it contains the value. The claim is a JSON Pointer (RFC 6901).
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// // Entra ID marks application tokens so.
    /// let issuer = Verifier::issuer("https://login.example/v2.0").audience("api").require_claim("/idtyp", "app");
    /// ```
    pub fn require_claim(mut self, pointer: impl Into<String>, value: impl Into<String>) -> Self {
        self.profile.machine_claims.to_mut().push(ClaimRule {
            claim: pointer.into().into(),
            matcher: ClaimMatcher::Is(value.into().into()),
        });
        self
    }

    /// Where the organization is in the token, as a JSON Pointer (RFC 6901). Default: `/org_code`.
    ///
    /// There is no second place that is looked at when the first is empty: `/orgCode`, `/x-hasura-org-code` and
    /// `/application_properties/org_code/v` are where some Kinde set-ups put it.
    pub fn organization_claim(mut self, pointer: impl Into<String>) -> Self {
        self.profile.organization = pointer.into().into();
        self
    }

    /// Sets the form of the issuer's organization codes. Default: `org_*` for Kinde, none for
    /// others.
    ///
    /// The form is a prefix followed by `*`, which means one or more ASCII letters or digits. If
    /// any parameter of a route has a value of this form that is not the token's organization, the
    /// layer rejects the request. Without a matched route, the layer checks each segment of the
    /// path.
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// let issuer = Verifier::issuer("https://issuer.example").audience("api").organization_code_pattern("org-*");
    /// ```
    pub fn organization_code_pattern(mut self, pattern: impl Into<String>) -> Self {
        self.code_pattern = CodePatternSetting::Custom(pattern.into());
        self
    }

    /// Lets values that have the form of another organization's code pass. Default: they are
    /// rejected for Kinde.
    pub fn without_organization_code_pattern(mut self) -> Self {
        self.code_pattern = CodePatternSetting::Disabled;
        self
    }

    /// Where the scopes are, as a JSON Pointer (RFC 6901), be it a list or a space-separated text. Default: `/scope`, or
    /// `/scp` where `/scope` is absent.
    pub fn scope_claim(mut self, pointer: impl Into<String>) -> Self {
        self.profile.scopes = vec![Cow::from(pointer.into())].into();
        self
    }

    /// The claim that names the client. Default: `azp` for Kinde, `client_id` or else `azp` for others.
    pub fn client_id_claim(mut self, name: impl Into<String>) -> Self {
        self.profile.client_id = vec![Cow::from(name.into())].into();
        self
    }

    /// Decodes the claims into a type of the application's too, once per verification; a token that does not fit it is
    /// refused. [`Claims::custom`](crate::Claims::custom) reads it.
    pub fn custom_claims<T: DeserializeOwned + Send + Sync + 'static>(mut self) -> Self {
        self.custom = Some(CustomDecoder::new::<T>());
        self
    }

    /// Lets in these organizations only. Default: every organization of the issuer.
    pub fn allow_organizations<T: Into<String>>(
        mut self,
        codes: impl IntoIterator<Item = T>,
    ) -> Self {
        self.organizations = Some(codes.into_iter().map(Into::into).collect());
        self
    }

    /// Lets in these clients only. Default: every client of the issuer.
    pub fn allow_clients<T: Into<String>>(
        mut self,
        client_ids: impl IntoIterator<Item = T>,
    ) -> Self {
        self.clients = Some(client_ids.into_iter().map(Into::into).collect());
        self
    }

    pub(super) fn into_trusted_issuer(
        self,
        clock: &Clock,
        clients: &HttpClients,
    ) -> Result<TrustedIssuer, ConfigError> {
        let issuer: Arc<str> = self.validated_name()?.into();
        let algorithms = self.allowed_algorithms();
        let keys = self
            .keys(&issuer, &algorithms, clock, clients)
            .map_err(|error| error.at(&self.source))?;
        let org_code_pattern = self.org_code_pattern();
        let rules = Rules {
            org_code_pattern,
            audiences: self.audiences,
            profile: self.profile,
            algorithms,
            leeway: seconds(self.leeway),
            max_age: self.max_age.map(seconds),
            strictness: self.strictness,
            custom: self.custom,
            organizations: self.organizations,
            clients: self.clients,
        };
        Ok(TrustedIssuer {
            issuer,
            keys,
            rules,
            expires_at: None,
            last_used: AtomicI64::new(i64::MIN),
        })
    }

    /// Returns the form of organization codes, or `None` if it is unknown, disabled or invalid.
    fn org_code_pattern(&self) -> Option<OrgCodePattern> {
        match &self.code_pattern {
            CodePatternSetting::Profile => self.profile.org_code_pattern.clone(),
            CodePatternSetting::Disabled => None,
            CodePatternSetting::Custom(pattern) => OrgCodePattern::parse(pattern),
        }
    }

    fn has_invalid_code_pattern(&self) -> bool {
        matches!(self.code_pattern, CodePatternSetting::Custom(_))
            && self.org_code_pattern().is_none()
    }

    fn allowed_algorithms(&self) -> Vec<Algorithm> {
        self.algorithms
            .clone()
            .unwrap_or_else(|| self.profile.algorithms.to_vec())
    }
}
