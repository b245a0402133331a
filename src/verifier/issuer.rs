//! One issuer that is trusted, and for what.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use http::Request;
use serde::de::DeserializeOwned;

use super::issuers::trusted::Trusted;
use super::profile::{Mark, Test};
use super::rules::{CustomDecoder, Form, Rules};
use super::{ConfigError, Place, Profile, StartError, Verifier};
use crate::clock::{Clock, seconds};
use crate::jwks::{
    Endpoint, FetchFuture, Fetcher, HttpClients, HttpSettings, KeyError, KeySet, Keys, Proxy,
    RemoteKeys, Timing, is_secure_url,
};
use crate::token::{Algorithm, org_code};
use crate::util::BoxError;

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
/// It starts with [`Verifier::kinde`] or [`Verifier::issuer`]. [`build`](Self::build) makes a [`Verifier`] of one issuer;
/// [`Verifier::trusting`] one of several.
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
    form: Form,
    custom: Option<CustomDecoder>,
    organizations: Option<HashSet<String>>,
    clients: Option<HashSet<String>>,
    keys: KeySource,
    fetch_function: Option<Fetcher>,
    http: HttpSettings,
    timing: Timing,
    place: Place,
}

#[derive(Debug)]
enum KeySource {
    Discovery,
    Url(String),
    Set(String),
    Pem(Algorithm, String),
}

const LEEWAY_MAX: Duration = Duration::from_secs(5 * 60);

impl Issuer {
    fn new(trusted: NeedsAudience, audiences: Option<Vec<String>>) -> Self {
        Self {
            issuer: trusted.issuer,
            audiences,
            profile: trusted.profile,
            algorithms: None,
            leeway: Duration::from_secs(30),
            max_age: None,
            form: Form::Lenient,
            custom: None,
            organizations: None,
            clients: None,
            keys: KeySource::Discovery,
            fetch_function: None,
            http: HttpSettings {
                timeout: Duration::from_secs(3),
                proxy: Proxy::Environment,
                ca_certificate_pem: None,
            },
            timing: Timing {
                time_to_live: Duration::from_secs(600),
                issuer_decides: true,
                max_stale: Duration::from_secs(3600),
                cooldown: Duration::from_secs(10),
                longest_pause: Duration::from_secs(10),
                timeout: Duration::from_secs(3),
                max_wait: Duration::from_secs(1),
                jitter_seed: None,
            },
            place: Place::Code,
        }
    }

    /// Where the settings are written, for errors.
    pub(crate) fn written_at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// A verifier that trusts this issuer alone, all else as [`Verifier::trusting`] sets it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming the setting that cannot be used.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        Verifier::trusting([self]).build()
    }

    /// The same, once the issuer's keys are at hand: for services that had rather not start than start without, and to
    /// hear at start what is wrong with a mistyped issuer.
    ///
    /// # Errors
    ///
    /// As [`VerifierBuilder::build_ready`](crate::VerifierBuilder::build_ready).
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = tower_m2m::Verifier::kinde("acme").audience("https://api.acme.com").build_ready().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn build_ready(self) -> Result<Verifier, StartError> {
        Verifier::trusting([self]).build_ready().await
    }

    // ── the form of tokens ────────────────────────────────────────────────────────────────────────────────────────

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
        self.form = Form::Rfc9068;
        self
    }

    /// Lets in tokens of any grant type, users' tokens among them. Default: as the profile says, which for Kinde is client
    /// credentials only.
    pub fn allow_any_grant_type(mut self) -> Self {
        self.profile.marks = Cow::Borrowed(&[]);
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
        self.profile.marks.to_mut().push(Mark {
            claim: pointer.into().into(),
            test: Test::Is(value.into().into()),
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
        self.custom = Some(CustomDecoder::of::<T>());
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

    // ── where keys come from ──────────────────────────────────────────────────────────────────────────────────────

    /// Fetches the keys from here. Default: where the issuer's metadata says (RFC 8414).
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.keys = KeySource::Url(url.into());
        self
    }

    /// Uses the keys of this JWK Set (RFC 7517 §5), and fetches nothing.
    pub fn jwk_set(mut self, json: impl Into<String>) -> Self {
        self.keys = KeySource::Set(json.into());
        self
    }

    /// Uses this one public key in PEM form, and fetches nothing.
    pub fn public_key_pem(mut self, algorithm: Algorithm, pem: impl Into<String>) -> Self {
        self.keys = KeySource::Pem(algorithm, pem.into());
        self
    }

    /// Fetches metadata and keys with a function of the application's instead of the HTTP client of this crate: for egress
    /// through something special, or for a build without the client.
    ///
    /// The function must not follow redirects, and should not read more than 256 KiB; more than that is refused. It runs
    /// within [`fetch_timeout`](Self::fetch_timeout).
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// let issuer = Verifier::kinde("acme").audience("https://api.acme.com").fetch_with(|request| async move {
    ///     println!("GET {}", request.uri());
    ///     Ok(http::Response::new(br#"{"keys":[]}"#.to_vec()))
    /// });
    /// ```
    pub fn fetch_with<F, R>(mut self, fetch: F) -> Self
    where
        F: Fn(Request<()>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<http::Response<Vec<u8>>, BoxError>> + Send + 'static,
    {
        self.fetch_function = Some(Fetcher::function(move |request| -> FetchFuture {
            Box::pin(fetch(request))
        }));
        self
    }

    // ── how keys are kept fresh ───────────────────────────────────────────────────────────────────────────────────

    /// How long a fetched key set is fresh, whatever the issuer says. Default: as its `Cache-Control` or `Expires` says
    /// within 1 min to 1 h, or else 10 min. A refresh is made at 75 to 85 % of it.
    pub fn keys_time_to_live(mut self, time_to_live: Duration) -> Self {
        self.timing.time_to_live = time_to_live;
        self.timing.issuer_decides = false;
        self
    }

    /// How long past its life a key set may serve while the issuer does not answer; then its tokens are answered 503.
    /// Default: 1 h. Zero is allowed.
    pub fn keys_max_stale(mut self, max_stale: Duration) -> Self {
        self.timing.max_stale = max_stale;
        self
    }

    /// How often an unknown `kid` may cause a fetch: two at once, then one per so much time. Also the longest pause between
    /// tries while no keys are held. Default: 10 s.
    pub fn unknown_kid_cooldown(mut self, cooldown: Duration) -> Self {
        self.timing.cooldown = cooldown;
        self.timing.longest_pause = cooldown;
        self
    }

    /// How long one fetch may take, from connect to last byte. Default: 3 s.
    pub fn fetch_timeout(mut self, timeout: Duration) -> Self {
        self.timing.timeout = timeout;
        self.http.timeout = timeout;
        self
    }

    /// How long a request waits for a first key set before it is answered 503. Default: 1 s.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.timing.max_wait = max_wait;
        self
    }

    /// Makes the jitter of refreshes and pauses repeatable, for tests with a paused clock. Default: different for each
    /// verifier.
    #[cfg(feature = "test-util")]
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.timing.jitter_seed = Some(seed);
        self
    }

    /// Ignores the proxy that the environment names (`HTTPS_PROXY` and its kin). Default: it is used, except for an issuer on
    /// loopback.
    pub fn without_proxy(mut self) -> Self {
        self.http.proxy = Proxy::None;
        self
    }

    /// Trusts this certificate authority too when fetching, in PEM form. Default: those of the system.
    pub fn ca_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.http.ca_certificate_pem = Some(pem.into());
        self
    }

    pub(super) fn into_trusted(
        self,
        clock: &Clock,
        clients: &HttpClients,
    ) -> Result<Trusted, ConfigError> {
        let issuer: Arc<str> = self.checked()?.into();
        let algorithms = self.allowed();
        let keys = self
            .keys(&issuer, &algorithms, clock, clients)
            .map_err(|error| error.at(&self.place))?;
        let rules = Rules {
            audiences: self.audiences,
            profile: self.profile,
            algorithms,
            leeway: seconds(self.leeway),
            max_age: self.max_age.map(seconds),
            form: self.form,
            custom: self.custom,
            organizations: self.organizations,
            clients: self.clients,
        };
        Ok(Trusted {
            issuer,
            keys,
            rules,
            until: None,
            vouched: AtomicI64::new(i64::MIN),
        })
    }

    fn allowed(&self) -> Vec<Algorithm> {
        self.algorithms
            .clone()
            .unwrap_or_else(|| self.profile.algorithms.to_vec())
    }

    /// The issuer's name, if its settings can be used. What they name, keys and certificates, is not looked at yet.
    pub(super) fn checked(&self) -> Result<String, ConfigError> {
        let name = self
            .issuer
            .clone()
            .and_then(|issuer| self.check(&issuer, &self.allowed()).map(|()| issuer));
        name.map_err(|error| error.at(&self.place))
    }

    fn check(&self, issuer: &str, algorithms: &[Algorithm]) -> Result<(), ConfigError> {
        let unless = |fine: bool, setting, problem: &'static str| {
            if fine {
                Ok(())
            } else {
                Err(ConfigError::new(setting, problem))
            }
        };
        unless(
            is_secure_url(issuer) && !issuer.contains('?'),
            "issuer",
            "must be an https URL without query and fragment (http is accepted on loopback only), character for character what `iss` says",
        )?;
        if let Some(audiences) = &self.audiences {
            unless(
                !audiences.is_empty(),
                "audience",
                "at least one is needed: the identifier under which the API is registered at the issuer",
            )?;
            unless(
                audiences.iter().all(|audience| !audience.trim().is_empty()),
                "audience",
                "must not be empty",
            )?;
        }
        unless(
            !algorithms.is_empty(),
            "algorithms",
            "at least one is needed",
        )?;
        unless(
            self.leeway <= LEEWAY_MAX,
            "leeway",
            "must be at most 5 minutes",
        )?;
        unless(
            self.max_age != Some(Duration::ZERO),
            "max_age",
            "must not be zero",
        )?;
        unless(
            is_pointer(&self.profile.organization),
            "organization_claim",
            POINTER,
        )?;
        unless(
            self.profile
                .scopes
                .iter()
                .all(|pointer| is_pointer(pointer)),
            "scope_claim",
            POINTER,
        )?;
        unless(
            self.profile
                .marks
                .iter()
                .all(|mark| is_pointer(&mark.claim)),
            "require_claim",
            POINTER,
        )?;
        unless(
            self.profile
                .client_id
                .iter()
                .all(|name| !name.is_empty() && !name.starts_with('/')),
            "client_id_claim",
            "must be the name of a claim",
        )?;
        unless(
            self.organizations
                .iter()
                .flatten()
                .all(|code| org_code::check(code)),
            "allow_organizations",
            "holds what is not an organization code",
        )?;
        unless(
            self.clients
                .iter()
                .flatten()
                .all(|client| !client.is_empty()),
            "allow_clients",
            "holds an empty client id",
        )?;
        unless(
            self.timing.time_to_live >= Duration::from_secs(1),
            "keys_time_to_live",
            "must be at least 1 second",
        )?;
        unless(
            self.timing.time_to_live <= A_DAY,
            "keys_time_to_live",
            "must be at most 1 day: a removed key is trusted that long",
        )?;
        unless(
            self.timing.max_stale <= A_WEEK,
            "keys_max_stale",
            "must be at most 7 days",
        )?;
        unless(
            !self.timing.cooldown.is_zero() && self.timing.cooldown <= A_DAY,
            "unknown_kid_cooldown",
            "must be more than zero and at most 1 day",
        )?;
        unless(
            !self.timing.timeout.is_zero() && self.timing.timeout <= A_MINUTE,
            "fetch_timeout",
            "must be more than zero and at most 1 minute",
        )?;
        unless(
            self.timing.max_wait <= A_MINUTE,
            "max_wait",
            "must be at most 1 minute",
        )
    }

    fn keys(
        &self,
        issuer: &Arc<str>,
        algorithms: &[Algorithm],
        clock: &Clock,
        clients: &HttpClients,
    ) -> Result<Keys, ConfigError> {
        let endpoint = match &self.keys {
            KeySource::Set(json) => {
                return Ok(Keys::fixed(
                    Arc::clone(issuer),
                    static_set(json, algorithms)?,
                ));
            }
            KeySource::Pem(algorithm, pem) => {
                if !algorithms.contains(algorithm) {
                    return Err(ConfigError::new(
                        "public_key_pem",
                        "its algorithm is not among the allowed ones",
                    ));
                }
                let set = KeySet::from_pem(*algorithm, pem)
                    .map_err(|error| ConfigError::new("public_key_pem", error.to_string()))?;
                return Ok(Keys::fixed(Arc::clone(issuer), set));
            }
            KeySource::Url(url) if !is_secure_url(url) => {
                return Err(ConfigError::new(
                    "jwks_url",
                    "must be an https URL (http is accepted on loopback only)",
                ));
            }
            KeySource::Url(url) => Endpoint::Url(url.clone()),
            KeySource::Discovery => Endpoint::Discovery,
        };
        let mut http = self.http.clone();
        let first = if let Endpoint::Url(url) = &endpoint {
            url
        } else {
            &**issuer
        };
        if first.starts_with("http://") {
            // That is loopback, which no proxy of the network can reach on this machine's behalf.
            http.proxy = Proxy::None;
        }
        let tls = cfg!(any(
            feature = "tls-rustls",
            feature = "tls-native",
            feature = "tls-rustls-no-provider"
        ));
        let url = if let Endpoint::Url(url) = &endpoint {
            url
        } else {
            &**issuer
        };
        let fetcher = match &self.fetch_function {
            Some(function) => function.clone(),
            None if cfg!(feature = "reqwest") && !tls && url.starts_with("https:") => {
                let problem = "the crate was built without TLS, which an https issuer needs: switch on the feature `tls-rustls`";
                return Err(ConfigError::new("http client", problem));
            }
            None => clients
                .client(&http)
                .map_err(|problem| ConfigError::new("http client", problem))?,
        };
        let timing = self.timing.clone();
        let remote = RemoteKeys::new(
            Arc::clone(issuer),
            endpoint,
            algorithms.to_vec(),
            fetcher,
            timing,
            clock.clone(),
        );
        Ok(Keys::Remote(remote))
    }
}

const A_MINUTE: Duration = Duration::from_secs(60);
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
const A_WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const POINTER: &str = "must be a JSON Pointer such as /org_code or /tenant/id (RFC 6901)";

fn is_pointer(text: &str) -> bool {
    text.starts_with('/') && text.len() > 1
}

/// A set that is given, not fetched, is right as a whole or an error: what is weak or broken in it was put there by hand.
fn static_set(json: &str, algorithms: &[Algorithm]) -> Result<KeySet, ConfigError> {
    let set = KeySet::parse(json.as_bytes(), algorithms)
        .map_err(|_| ConfigError::new("jwk_set", "is not a JWK Set (RFC 7517 §5)"))?;
    let harmless = |reason| {
        matches!(
            reason,
            KeyError::UnknownType
                | KeyError::NotForSignatures
                | KeyError::Algorithm
                | KeyError::AlgorithmNotAllowed
        )
    };
    if let Some(key) = set.left_out().iter().find(|key| !harmless(key.reason)) {
        return Err(ConfigError::new(
            "jwk_set",
            format!("a key cannot be used: {}", key.reason),
        ));
    }
    if set.is_empty() {
        return Err(ConfigError::new(
            "jwk_set",
            "has no key that can be used with the allowed algorithms",
        ));
    }
    Ok(set)
}

/// The issuer behind what people write for a Kinde domain.
pub(super) fn kinde_issuer(domain: &str) -> Result<String, ConfigError> {
    let host = domain.strip_prefix("https://").unwrap_or(domain);
    let host = host.strip_suffix('/').unwrap_or(host);
    let labels = |host: &str| {
        !host.is_empty()
            && host.split('.').all(|label| {
                !label.is_empty()
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    let loopback = domain.starts_with("http://") && is_secure_url(domain);
    if loopback {
        return Ok(domain.strip_suffix('/').unwrap_or(domain).to_owned());
    }
    if !labels(host) {
        return Err(ConfigError::new(
            "kinde",
            "must be a Kinde domain such as acme, acme.kinde.com or https://acme.kinde.com",
        ));
    }
    let host = host.to_ascii_lowercase();
    if !host.contains('.') {
        return Ok(format!("https://{host}.kinde.com"));
    }
    if !host.ends_with(".kinde.com") {
        return Err(ConfigError::new(
            "kinde",
            "is not under kinde.com: machine-to-machine tokens come from the Kinde domain even where users see a custom one (for a custom issuer: Verifier::issuer(url) and .profile(Profile::KINDE))",
        ));
    }
    Ok(format!("https://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinde_domain_is_parsed_in_every_form() {
        for (domain, issuer) in [
            ("acme", "https://acme.kinde.com"),
            ("acme.kinde.com", "https://acme.kinde.com"),
            ("Acme.Kinde.com", "https://acme.kinde.com"),
            ("https://acme.kinde.com", "https://acme.kinde.com"),
            ("https://acme.kinde.com/", "https://acme.kinde.com"),
            ("acme.au.kinde.com", "https://acme.au.kinde.com"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000"),
        ] {
            assert_eq!(kinde_issuer(domain).as_deref(), Ok(issuer), "{domain}");
        }
        for domain in [
            "",
            "/",
            "http://acme.kinde.com",
            "auth.acme.com",
            "acme.kinde.com.evil.example",
            "evilkinde.com",
            "a b",
            "acme/x",
            "acme@x",
            ".kinde.com",
            "https://",
        ] {
            assert!(kinde_issuer(domain).is_err(), "{domain}");
        }
    }
}
