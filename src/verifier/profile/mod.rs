//! How an issuer writes its tokens: data, not code.

mod assumptions;
mod base;
mod condition;
mod known;

use std::borrow::Cow;

pub use condition::ClaimCondition;
pub(crate) use condition::{ClaimMatcher, ClaimRule, RuleLocation};

use crate::token::{Algorithm, OrgCodePattern};

/// Where an issuer puts the client, the organization and the scopes into its tokens, and how its machine-to-machine
/// tokens are told from others.
///
/// [`Verifier::kinde`](crate::Verifier::kinde) and [`Verifier::issuer`](crate::Verifier::issuer) start from
/// [`KINDE`](Self::KINDE) and [`GENERIC`](Self::GENERIC); [`Issuer::profile`](crate::Issuer::profile) takes another one, and
/// other setters change single places, in any order.
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
    /// The claims that contain the client ID: names, or JSON Pointers. The first that is present counts.
    pub(crate) client_id: Cow<'static, [Cow<'static, str>]>,
    /// A JSON Pointer (RFC 6901) to the organization.
    pub(crate) organization: Cow<'static, str>,
    /// JSON Pointers to the scopes; the first that is present counts, and no other.
    pub(crate) scopes: Cow<'static, [Cow<'static, str>]>,
    /// What a machine-to-machine token says of itself.
    pub(crate) machine_claims: Cow<'static, [ClaimRule]>,
    pub(crate) algorithms: &'static [Algorithm],
    pub(crate) kid: KidRequirement,
    /// The form of the organization codes, if it is known.
    pub(crate) org_code_pattern: Option<OrgCodePattern>,
    /// What must be true at the issuer, so that no user's token looks like a machine's. `None` if the issuer's own claims
    /// tell them apart whatever its users do.
    pub(crate) assumption: Option<&'static str>,
}

/// Whether a token must name its key.
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

    /// The profile of this [name](Self::name).
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

    /// The profile's name, for configuration, status pages and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}
