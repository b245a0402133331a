//! Settings that are valid but weaken the checks.

use std::fmt;
use std::time::Duration;

use super::Verifier;
use super::issuers::trusted::TrustedIssuer;
use super::rules::Rules;
use crate::http_client::PrivateAddresses;
#[cfg(feature = "introspection")]
use crate::introspection::{OpaqueCredentials, Weakness};
use crate::jwks::KeySource;
use crate::token::AllowLists;

const LONG_LEEWAY: i64 = 60;
const LONG_STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// A valid setting that weakens the checks: see [`Verifier::weak_settings`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WeakSetting {
    /// The issuer, exactly as configured.
    pub issuer: String,
    /// The method that sets it, or that would make it stricter.
    pub setting: &'static str,
    /// The consequence, and what to do.
    pub problem: &'static str,
}

impl Verifier {
    /// Returns the settings of the listed issuers that weaken the checks. They are not errors,
    /// because each can be intended. Log them at start.
    ///
    /// ```
    /// use tower_m2m::Verifier;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::issuer("https://issuer.example").audience("https://api.acme.com").build()?;
    /// let weak = verifier.weak_settings();
    /// assert_eq!(weak[0].setting, "require_claim");
    /// assert!(weak[0].to_string().contains("user tokens are accepted too"));
    ///
    /// assert!(Verifier::kinde("acme").audience("https://api.acme.com").build()?.weak_settings().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn weak_settings(&self) -> Vec<WeakSetting> {
        let listed = self.0.issuers.listed().iter();
        let found = listed.flat_map(weak_settings_of);
        #[cfg(feature = "introspection")]
        let found = found.chain(self.weak_opaque_settings());
        found.collect()
    }

    #[cfg(feature = "introspection")]
    fn weak_opaque_settings(&self) -> impl Iterator<Item = WeakSetting> {
        let opaque = self.0.opaque.as_ref();
        let found = opaque.map(OpaqueCredentials::weaknesses);
        found.into_iter().flatten().map(|(issuer, weakness)| {
            let (setting, problem) = describe(weakness);
            WeakSetting {
                issuer: issuer.to_owned(),
                setting,
                problem,
            }
        })
    }
}

#[cfg(feature = "introspection")]
fn describe(weakness: Weakness) -> (&'static str, &'static str) {
    match weakness {
        Weakness::AnyApi => (
            "api_id",
            "API keys of every API of the business are accepted: set api_id (until then, a layer without a required scope \
             rejects API keys)",
        ),
        Weakness::MissingTokenType => (
            "allow_missing_token_type",
            "refresh tokens are accepted if the issuer reports them as active without a type: remove this setting if its \
             responses have token_type or token_use",
        ),
        Weakness::UnknownKeys => (
            "client_credentials",
            "unknown API keys get 503 and not 401, because the issuer reports them like a rejection of this service's own \
             credentials: set the client credentials of an application with the scope read:api_keys",
        ),
    }
}

fn weak_settings_of(trusted: &TrustedIssuer) -> impl Iterator<Item = WeakSetting> {
    let rules = &trusted.rules;
    let lists = rules.allow_lists.as_deref();
    let anybody = lists.and_then(AllowLists::clients).is_none();
    let found = [
        (rules.audiences.is_none() && anybody).then_some((
            "dangerous_accept_any_audience",
            "tokens for every other API of this issuer are accepted: name an audience, or list the clients with allow_clients",
        )),
        (rules.profile.machine_claims.is_empty() && anybody).then_some((
            "require_claim",
            "user tokens are accepted too, because no claim distinguishes them: require a claim that only machine tokens \
             have, or list the clients with allow_clients",
        )),
        rules.profile.assumption.filter(|_| anybody).map(|assumption| ("profile", assumption)),
        trusted.keys.is_insecure().then_some((
            "dangerous_allow_http",
            "anyone on the path to the issuer can replace its keys, and then sign tokens of any organization: use https",
        )),
        (rules.profile.org_code_pattern.is_some() && rules.org_code_pattern.is_none()).then_some((
            "without_organization_code_pattern",
            "a path may contain another organization's code: remove this setting, or name the exceptions with \
             allow_other_organizations_in",
        )),
        (rules.leeway > LONG_LEEWAY)
            .then_some(("leeway", "tokens are accepted for more than a minute after they expire: synchronize clocks and use a smaller leeway")),
        (trusted.private_addresses == PrivateAddresses::Allowed
            && matches!(trusted.keys, KeySource::Remote(_)))
        .then_some((
            "dangerous_allow_private_addresses",
            "the issuer's metadata and DNS names can make this process send requests into its own network: remove this \
             setting if the keys are at a public address",
        )),
        sends_proofs_without_tls(rules).then_some((
            "proof_of_possession",
            "clients send tokens and proofs over http: use https",
        )),
        trusts_many_peers(rules).then_some((
            "client_cert_header_from",
            "many more peers than the proxies can name any client's certificate: list the addresses of the proxies",
        )),
        (trusted.keys.max_stale() > LONG_STALE).then_some((
            "keys_max_stale",
            "a leaked key is trusted for more than a day if the issuer does not respond: use a smaller value",
        )),
    ];
    found
        .into_iter()
        .flatten()
        .map(|(setting, problem)| WeakSetting {
            issuer: trusted.issuer.to_string(),
            setting,
            problem,
        })
}

/// Returns `true` if the base URL of DPoP is http on another host than loopback.
fn sends_proofs_without_tls(rules: &Rules) -> bool {
    #[cfg(feature = "dpop")]
    if let Some(dpop) = &rules.possession.dpop {
        return !crate::jwks::is_secure_url(dpop.base_url());
    }
    let _ = rules;
    false
}

/// Returns `true` if the header `Client-Cert` of more peers than a private network counts.
fn trusts_many_peers(rules: &Rules) -> bool {
    #[cfg(feature = "mtls")]
    if let Some(mtls) = &rules.possession.mtls {
        return mtls.has_broad_range();
    }
    let _ = rules;
    false
}

impl fmt::Display for WeakSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}
