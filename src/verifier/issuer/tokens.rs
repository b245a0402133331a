//! The settings about the form of an issuer's tokens.

use serde::de::DeserializeOwned;

use super::Issuer;
use super::token_settings::{GrantTypes, PatternCheck};
use crate::verifier::custom_claims::CustomDecoder;
use crate::verifier::profile::{ClaimCondition, ClaimRule, Profile, RuleLocation};
use crate::verifier::rules::Strictness;

/// Settings about the form of the issuer's tokens.
impl Issuer {
    /// Sets the profile, which defines the form of the issuer's tokens. Default: [`Profile::KINDE`]
    /// for [`Verifier::kinde`](crate::Verifier::kinde), [`Profile::GENERIC`] for
    /// [`Verifier::issuer`](crate::Verifier::issuer).
    ///
    /// Other setters change single parts of it, whether they are called before or after this one.
    /// An issuer of [`Verifier::kinde`](crate::Verifier::kinde) can only have [`Profile::KINDE`].
    /// Any other profile is an error of `build()`, because tokens of users would be accepted.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.tokens.profile = Some(profile);
        self
    }

    /// Allows tokens of any grant type, including tokens of users. Default: as the profile defines.
    /// For Kinde, only client credentials.
    ///
    /// Claims that [`require_claim`](Self::require_claim) names stay required.
    pub fn allow_any_grant_type(mut self) -> Self {
        self.tokens.grant_types = GrantTypes::Any;
        self
    }

    /// Adds a condition on a claim, in addition to those of the profile and of earlier calls. The
    /// claim is a JSON Pointer (RFC 6901). Default: the conditions of the profile.
    ///
    /// A string requires that the claim is this string or an array that contains it. For other
    /// conditions, see [`ClaimCondition`].
    ///
    /// ```
    /// # use tower_m2m::{ClaimCondition, Verifier};
    /// // Entra ID marks application tokens so.
    /// let issuer = Verifier::issuer("https://login.example/v2.0").audience("api").require_claim("/idtyp", "app");
    /// // Tokens of machines have no subject.
    /// let issuer = Verifier::issuer("https://id.example").audience("api").require_claim("/sub", ClaimCondition::absent());
    /// ```
    pub fn require_claim(
        mut self,
        pointer: impl Into<String>,
        condition: impl Into<ClaimCondition>,
    ) -> Self {
        self.tokens.required_claims.push(ClaimRule {
            location: RuleLocation::Claims,
            claim: pointer.into().into(),
            matcher: condition.into().0,
        });
        self
    }

    /// Adds a condition on a member of the JOSE header (RFC 7515 §4), in addition to those of
    /// earlier calls. The member is a JSON Pointer (RFC 6901). Default: only `alg`, `typ`, `kid`,
    /// `crit` and `b64` of the header are read.
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// // FusionAuth writes the grant type into the header.
    /// let issuer = Verifier::issuer("https://auth.example").audience("api").require_header("/gty", "client_credentials");
    /// ```
    pub fn require_header(
        mut self,
        pointer: impl Into<String>,
        condition: impl Into<ClaimCondition>,
    ) -> Self {
        self.tokens.required_headers.push(ClaimRule {
            location: RuleLocation::Header,
            claim: pointer.into().into(),
            matcher: condition.into().0,
        });
        self
    }

    /// Sets the form of the issuer's organization codes. Default: `org_*` for Kinde, none for
    /// others.
    ///
    /// The form is a prefix followed by `*`, which means one or more ASCII letters or digits. If
    /// any parameter of a route has a value of this form that is not the token's organization, the
    /// layer rejects the request. If no route matched, the layer checks each segment of the path.
    /// It cannot be combined with
    /// [`without_organization_code_pattern`](Self::without_organization_code_pattern).
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// let issuer = Verifier::issuer("https://issuer.example").audience("api").organization_code_pattern("org-*");
    /// ```
    pub fn organization_code_pattern(mut self, pattern: impl Into<String>) -> Self {
        self.tokens.pattern = Some(pattern.into());
        self
    }

    /// Accepts values that have the form of another organization's code. Default: they are rejected
    /// for Kinde.
    pub fn without_organization_code_pattern(mut self) -> Self {
        self.tokens.pattern_check = PatternCheck::Disabled;
        self
    }

    /// Sets the JSON Pointer (RFC 6901) to the scopes. Default: as the profile defines. For Kinde
    /// and `generic`, `/scope`, or `/scp` if `/scope` is absent.
    ///
    /// The value is a space-separated string or an array. If an entry of an array cannot be a scope
    /// (RFC 6749 §3.3), such as a role name with a space, it is ignored. If a string contains a
    /// character that is invalid in scopes, the token is invalid.
    pub fn scope_claim(mut self, pointer: impl Into<String>) -> Self {
        self.tokens.scopes = Some(pointer.into());
        self
    }

    /// Sets the claim that contains the client ID: its name, or a JSON Pointer (RFC 6901). Default:
    /// as the profile defines. `azp` for Kinde, `client_id` or else `azp` for `generic`.
    pub fn client_id_claim(mut self, claim: impl Into<String>) -> Self {
        self.tokens.client_id = Some(claim.into());
        self
    }

    /// Requires tokens exactly as RFC 9068 defines them: `typ` is `at+jwt`, and `iss`, `exp`,
    /// `aud`, `sub`, `client_id`, `iat` and `jti` are present. Default: `typ` may also be absent or
    /// `JWT`, as in Kinde's tokens.
    pub fn require_rfc9068(mut self) -> Self {
        self.strictness = Strictness::Rfc9068;
        self
    }

    /// Decodes the claims into a type of the application too, once per verification. If a token
    /// does not fit the type, it is rejected. [`Claims::custom`](crate::Claims::custom) returns the
    /// value. Two different types are an error of `build()`.
    pub fn custom_claims<T: DeserializeOwned + Send + Sync + 'static>(mut self) -> Self {
        self.custom = self.custom.and(CustomDecoder::new::<T>());
        self
    }
}
