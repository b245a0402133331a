//! The form of an issuer's tokens, as data.

mod assumptions;
mod base;
mod condition;
mod known;
mod self_hosted;

use std::borrow::Cow;

pub use condition::ClaimCondition;
pub(crate) use condition::{ClaimMatcher, ClaimRule, RuleLocation};

use crate::token::{Algorithm, OrgCodePattern};

/// The names of the claims for the client, the organization and the scopes in an issuer's tokens,
/// and the conditions that distinguish its machine tokens from other tokens.
///
/// [`Verifier::kinde`](crate::Verifier::kinde) and [`Verifier::issuer`](crate::Verifier::issuer)
/// start with [`KINDE`](Self::KINDE) and [`GENERIC`](Self::GENERIC).
/// [`Issuer::profile`](crate::Issuer::profile) sets another one, and other setters change single
/// parts, in any order.
///
/// ```
/// use tower_m2m::{Profile, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Kinde's token shape from a local issuer.
/// let verifier = Verifier::issuer("http://127.0.0.1:4000").audience("https://api.acme.com").profile(Profile::KINDE).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Profile {
    pub(crate) name: &'static str,
    /// The claims that contain the client ID: names, or JSON Pointers. The first that is present
    /// counts.
    pub(crate) client_id: Cow<'static, [Cow<'static, str>]>,
    /// A JSON Pointer (RFC 6901) to the organization.
    pub(crate) organization: Cow<'static, str>,
    /// JSON Pointers to the scopes. Only the first that is present counts.
    pub(crate) scopes: Cow<'static, [Cow<'static, str>]>,
    /// The conditions that a machine token satisfies.
    pub(crate) machine_claims: Cow<'static, [ClaimRule]>,
    pub(crate) algorithms: &'static [Algorithm],
    pub(crate) kid: KidRequirement,
    /// The form of the organization codes, if it is known.
    pub(crate) org_code_pattern: Option<OrgCodePattern>,
    /// The assumption about the issuer that is necessary to distinguish machine tokens from user
    /// tokens. `None` if the issuer's own claims distinguish them in all cases.
    pub(crate) assumption: Option<&'static str>,
}

/// The rule about tokens without `kid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KidRequirement {
    Optional,
    Required,
}

impl Profile {
    /// Every profile.
    pub const ALL: &[Self] = &[
        Self::KINDE,
        Self::GENERIC,
        Self::AUTH0,
        Self::OKTA,
        Self::ENTRA,
        Self::KEYCLOAK,
        Self::COGNITO,
        Self::WORKOS,
        Self::HYDRA,
        Self::ZITADEL,
        Self::STYTCH,
        Self::CLERK,
        Self::SCALEKIT,
    ];

    /// Returns `true` for the profile of Kinde, also with other settings.
    #[cfg(feature = "security-events")]
    pub(crate) fn is_kinde(&self) -> bool {
        self.name == Self::KINDE.name
    }

    /// Returns the profile with this [name](Self::name).
    ///
    /// ```
    /// use tower_m2m::Profile;
    ///
    /// assert_eq!(Profile::from_name("entra").map(|profile| profile.name()), Some("entra"));
    /// assert!(Profile::from_name("azure").is_none());
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|profile| profile.name == name)
            .cloned()
    }

    /// Returns the profile's name, for configuration, status pages and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}
