//! How an issuer writes its tokens: data, not code.

use std::borrow::Cow;

use crate::token::Algorithm;

/// Where an issuer puts the client, the organization and the scopes into its tokens, and how its machine-to-machine
/// tokens are told from others.
///
/// [`Verifier::kinde`](crate::Verifier::kinde) and [`Verifier::issuer`](crate::Verifier::issuer) start from
/// [`KINDE`](Self::KINDE) and [`GENERIC`](Self::GENERIC); setters of [`Issuer`](crate::Issuer) change single places.
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
    /// The claims that name the client; the first that is present counts.
    pub(crate) client_id: Cow<'static, [Cow<'static, str>]>,
    /// A JSON Pointer (RFC 6901) to the organization.
    pub(crate) organization: Cow<'static, str>,
    /// JSON Pointers to the scopes; the first that is present counts, and no other.
    pub(crate) scopes: Cow<'static, [Cow<'static, str>]>,
    /// What a machine-to-machine token says of itself.
    pub(crate) marks: Cow<'static, [Mark]>,
    pub(crate) algorithms: &'static [Algorithm],
}

/// A value that a claim must have, or a list in the claim must contain.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) claim: Cow<'static, str>,
    pub(crate) value: Cow<'static, str>,
}

impl Profile {
    /// Kinde: `azp`, `org_code`, `scope`, and the grant type `client_credentials` in `gty`, because users' tokens come
    /// from the same issuer under the same keys, often for the same audience, and carry `org_code` too.
    ///
    /// `scope` says what was granted. `scp` echoes what was asked for and counts only where `scope` is absent.
    pub const KINDE: Self = Self {
        name: "kinde",
        client_id: Cow::Borrowed(&[Cow::Borrowed("azp")]),
        organization: Cow::Borrowed("/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope"), Cow::Borrowed("/scp")]),
        marks: Cow::Borrowed(&[Mark { claim: Cow::Borrowed("/gty"), value: Cow::Borrowed("client_credentials") }]),
        algorithms: &[Algorithm::RS256],
    };

    /// Any issuer that follows RFC 9068: `client_id`, or else `azp`; `scope`, or else `scp`; the organization in
    /// `org_code`. No grant type is asked for, since the RFC names no claim for it.
    pub const GENERIC: Self = Self {
        name: "generic",
        client_id: Cow::Borrowed(&[Cow::Borrowed("client_id"), Cow::Borrowed("azp")]),
        organization: Cow::Borrowed("/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope"), Cow::Borrowed("/scp")]),
        marks: Cow::Borrowed(&[]),
        algorithms: &[Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA],
    };

    /// The profile's name, for status pages and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}
