//! Claims: the proof that a token was verified (RFC 7519 §4, RFC 9068 §2.2).

mod kinde;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::credential::{
    ApiBinding, CredentialFacts, CredentialHolder, CredentialKind, CredentialProof,
};
use super::{AllowLists, ClaimStrings, Confirmation, NotAllowed, OrgCode, OrgCodePattern, Scopes};

/// The claims of a verified access token.
///
/// There is no constructor and no `Deserialize`. If code has `Claims`, a verifier checked the
/// credential: its signature or the issuer's response about it, time, issuer, audience and grant
/// type. A layer also compares the tenant. Cloning is cheap. In axum, `Claims` is a handler
/// argument. Elsewhere, get it from [`RequestExt`](crate::RequestExt) or
/// [`Verifier::verify`](crate::Verifier::verify).
///
/// ```
/// use tower_m2m::Claims;
///
/// async fn whoami(claims: Claims) -> String {
///     match claims.org_code() {
///         Some(org) => format!("{} of {org}", claims.client_id()),
///         None => format!("{}, a global client", claims.client_id()),
///     }
/// }
/// ```
///
/// ```compile_fail
/// let claims: tower_m2m::Claims = serde_json::from_str("{}").unwrap();
/// ```
///
/// ```compile_fail
/// let claims = tower_m2m::Claims::default();
/// ```
#[derive(Clone)]
pub struct Claims(Arc<ClaimsInner>);

/// The application's own claims type, decoded at verification.
pub(crate) type Custom = Arc<dyn Any + Send + Sync>;

/// The data of [`Claims`], created by the verification.
#[derive(Clone)]
pub(crate) struct ClaimsInner {
    /// The number of the verifier, so that a second layer of the same verifier does not verify
    /// again.
    pub(crate) verified_by: u64,
    pub(crate) credential: CredentialFacts,
    pub(crate) proof: CredentialProof,
    pub(crate) issuer: Arc<str>,
    pub(crate) strings: ClaimStrings,
    pub(crate) org_code: Option<OrgCode>,
    /// The form of the issuer's organization codes, if it is known.
    pub(crate) org_code_pattern: Option<OrgCodePattern>,
    pub(crate) scopes: Scopes,
    /// The audiences after the first. Few tokens have them.
    pub(crate) further_audiences: Box<[Box<str>]>,
    pub(crate) expires_at: i64,
    /// The first second in which the token is not accepted: `exp` or the maximum age, with leeway.
    pub(crate) valid_until: i64,
    pub(crate) issued_at: Option<i64>,
    /// `application_properties` and `feature_flags`, if the token has them.
    pub(crate) kinde: Option<Box<serde_json::Map<String, serde_json::Value>>>,
    pub(crate) custom: Option<Custom>,
    /// What the token is bound to, or `None` if it is a bearer token.
    pub(crate) confirmation: Option<Box<Confirmation>>,
    /// Those of the issuer when the token was verified, so that no later check looks the issuer up.
    pub(crate) allow_lists: Option<Arc<AllowLists>>,
    pub(crate) unlisted_in: super::UnlistedIn,
}

impl Claims {
    pub(crate) fn new_verified(facts: ClaimsInner) -> Self {
        Self(Arc::new(facts))
    }

    /// Returns the same claims in separate memory, so that threads do not share a reference count.
    pub(crate) fn deep_clone(&self) -> Self {
        let mut facts = ClaimsInner::clone(&self.0);
        facts.issuer = Arc::from(&*facts.issuer);
        facts.org_code = facts
            .org_code
            .and_then(|org| OrgCode::from_token(&facts.issuer, org.as_str()));
        Self(Arc::new(facts))
    }

    /// Returns `true` if the claims are for tests of handlers and come from no verifier.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) fn is_fake(&self) -> bool {
        self.0.verified_by == 0
    }

    /// Returns `true` if both come from the same verification.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns `true` if the issuer has a list of allowed clients or organizations.
    pub(crate) fn has_allow_lists(&self) -> bool {
        self.0.allow_lists.is_some()
    }

    /// Checks the issuer's lists of allowed clients and organizations, for a client that acts for
    /// an organization or for none.
    pub(crate) fn check_allow_lists(&self, acting: Option<&OrgCode>) -> Result<(), NotAllowed> {
        let Some(lists) = &self.0.allow_lists else {
            return Ok(());
        };
        let organization = self.org_code().or(acting).map(OrgCode::as_str);
        lists.check(self.client_id(), organization)
    }

    pub(crate) fn unlisted_in(&self) -> &super::UnlistedIn {
        &self.0.unlisted_in
    }

    pub(crate) fn valid_until(&self) -> i64 {
        self.0.valid_until
    }

    /// Returns what proved that the credential is valid.
    pub(crate) fn proof(&self) -> CredentialProof {
        self.0.proof
    }

    pub(crate) fn verified_by(&self) -> u64 {
        self.0.verified_by
    }

    /// Returns the issuer, exactly as configured (`iss`, RFC 7519 §4.1.1).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    pub(crate) fn shared_issuer(&self) -> &Arc<str> {
        &self.0.issuer
    }

    /// Returns the form of the issuer's organization codes, if it is known.
    pub(crate) fn org_code_pattern(&self) -> Option<&OrgCodePattern> {
        self.0.org_code_pattern.as_ref()
    }

    /// Returns the client that the token was issued to: `azp` at Kinde, `client_id` elsewhere (RFC
    /// 9068 §2.2).
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.0.strings.as_strs().client_id
    }

    /// Returns `sub`, which Kinde's machine-to-machine tokens do not have (RFC 7519 §4.1.2). It is
    /// unique only together with the [issuer](Self::issuer).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.strings.as_strs().subject
    }

    /// Returns the organization of this token, or `None` if the token is *global*.
    ///
    /// If a handler works on an organization's data, use [`OrgCode`] as its argument instead. Then
    /// a global token cannot reach the handler unless it acts for the organization.
    #[must_use]
    pub fn org_code(&self) -> Option<&OrgCode> {
        self.0.org_code.as_ref()
    }

    /// Returns `true` if the token belongs to no organization. The API key of a user is never
    /// global.
    #[must_use]
    pub fn is_global(&self) -> bool {
        self.0.org_code.is_none() && !self.is_user()
    }

    /// Returns the kind of credential that the caller sent.
    #[must_use]
    pub fn credential_kind(&self) -> CredentialKind {
        self.0.credential.kind
    }

    /// Returns `true` if the credential belongs to a user.
    pub(crate) fn is_user(&self) -> bool {
        self.0.credential.holder == CredentialHolder::User
    }

    /// Returns `true` if the token is bound to a key or a certificate that its sender proved to
    /// have (RFC 9449, RFC 8705).
    ///
    /// With `require_proof_of_possession`, a layer admits only such tokens (features `dpop` and
    /// `mtls`).
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.0.confirmation.is_some()
    }

    #[cfg_attr(not(any(feature = "dpop", feature = "mtls")), allow(dead_code))]
    pub(crate) fn confirmation(&self) -> Option<&Confirmation> {
        self.0.confirmation.as_deref()
    }

    /// Returns `true` if the credential can be for another API of the same issuer.
    pub(crate) fn is_for_any_api(&self) -> bool {
        self.0.credential.api == ApiBinding::Unchecked
    }

    /// Returns the granted scopes (RFC 6749 §3.3).
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// Returns the audiences of the token (`aud`, RFC 7519 §4.1.3). At least one of them is an
    /// accepted audience, unless the verifier accepts any.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        let further = self.0.further_audiences.iter().map(AsRef::as_ref);
        self.0.strings.as_strs().audience.into_iter().chain(further)
    }

    /// Returns the token's unique ID (`jti`, RFC 7519 §4.1.7).
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.0.strings.as_strs().jti
    }

    /// Returns the time at which the token expires, in seconds since the Unix epoch (`exp`, RFC
    /// 7519 §4.1.4).
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.0.expires_at
    }

    /// Returns the time at which the token was issued, in seconds since the Unix epoch (`iat`, RFC
    /// 7519 §4.1.6).
    #[must_use]
    pub fn issued_at(&self) -> Option<i64> {
        self.0.issued_at
    }

    /// Returns the claims of the application's own type. Configure the type at the issuer with
    /// [`custom_claims`](crate::Issuer::custom_claims). Returns `None` if the issuer is configured
    /// with another type or none.
    ///
    /// ```
    /// use tower_m2m::{Claims, Verifier};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Plan {
    ///     plan: String,
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::kinde("acme").audience("https://api.acme.com").custom_claims::<Plan>().build()?;
    ///
    /// fn plan(claims: &Claims) -> Option<&str> {
    ///     claims.custom::<Plan>().map(|custom| custom.plan.as_str())
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn custom<T: 'static>(&self) -> Option<&T> {
        self.0.custom.as_ref()?.downcast_ref()
    }
}

impl fmt::Debug for Claims {
    // Client, organization and `jti` may be logged. The values of all other claims may not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("client_id", &self.client_id())
            .field("org_code", &self.org_code())
            .field("jti", &self.jti())
            .finish_non_exhaustive()
    }
}
