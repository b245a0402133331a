//! What an issuer's tokens are like: a profile, and the places that differ from it.

use std::borrow::Cow;

use super::Issuer;
use crate::token::{Algorithm, OrgCodePattern};
use crate::verifier::profile::{ClaimMatcher, ClaimRule, Profile};

/// A profile and the places that differ from it. They are kept apart, so that the order in which they are set makes no
/// difference.
#[derive(Debug)]
pub(super) struct TokenSettings {
    profile: Profile,
    organization: Option<String>,
    scopes: Option<String>,
    client_id: Option<String>,
    required_claims: Vec<ClaimRule>,
    grant_types: GrantTypes,
    pattern: Option<String>,
    pattern_check: PatternCheck,
}

/// Which grant types the tokens may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GrantTypes {
    Profile,
    Any,
}

/// Whether values that have the form of organization codes are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PatternCheck {
    Enabled,
    Disabled,
}

impl TokenSettings {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            profile,
            organization: None,
            scopes: None,
            client_id: None,
            required_claims: Vec::new(),
            grant_types: GrantTypes::Profile,
            pattern: None,
            pattern_check: PatternCheck::Enabled,
        }
    }

    /// Returns the profile with all places that differ from it. Required claims add to those of the profile.
    pub(super) fn profile(&self) -> Profile {
        let mut profile = self.profile.clone();
        if self.grant_types == GrantTypes::Any {
            profile.machine_claims = Cow::Borrowed(&[]);
        }
        if !self.required_claims.is_empty() {
            let required = self.required_claims.iter().cloned();
            profile.machine_claims.to_mut().extend(required);
        }
        if let Some(pointer) = &self.organization {
            profile.organization = pointer.clone().into();
        }
        if let Some(pointer) = &self.scopes {
            profile.scopes = vec![Cow::from(pointer.clone())].into();
        }
        if let Some(name) = &self.client_id {
            profile.client_id = vec![Cow::from(name.clone())].into();
        }
        profile
    }

    pub(super) fn default_algorithms(&self) -> &'static [Algorithm] {
        self.profile.algorithms
    }

    /// Returns the form of organization codes, or `None` if it is unknown, disabled or invalid.
    pub(super) fn org_code_pattern(&self) -> Option<OrgCodePattern> {
        match (self.pattern_check, &self.pattern) {
            (PatternCheck::Disabled, _) => None,
            (PatternCheck::Enabled, Some(pattern)) => OrgCodePattern::parse(pattern),
            (PatternCheck::Enabled, None) => self.profile.org_code_pattern.clone(),
        }
    }

    pub(super) fn has_invalid_code_pattern(&self) -> bool {
        self.pattern
            .as_ref()
            .is_some_and(|pattern| OrgCodePattern::parse(pattern).is_none())
    }

    /// Returns `true` if a form is set and its check is disabled.
    pub(super) fn has_contradicting_code_pattern(&self) -> bool {
        self.pattern.is_some() && self.pattern_check == PatternCheck::Disabled
    }
}

/// What its tokens are like.
impl Issuer {
    /// Sets the profile, which says how the issuer writes its tokens. Default: [`Profile::KINDE`] for
    /// [`Verifier::kinde`](crate::Verifier::kinde), [`Profile::GENERIC`] for [`Verifier::issuer`](crate::Verifier::issuer).
    ///
    /// Other setters change single places of it, whether they are called before or after this one.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.tokens.profile = profile;
        self
    }

    /// Allows tokens of any grant type, tokens of users among them. Default: as the profile says, which for Kinde is client
    /// credentials only.
    ///
    /// Claims that [`require_claim`](Self::require_claim) names stay required.
    pub fn allow_any_grant_type(mut self) -> Self {
        self.tokens.grant_types = GrantTypes::Any;
        self
    }

    /// Requires that a claim has a value, or that the array in it contains the value, in addition to what the profile and
    /// earlier calls require. The claim is a JSON Pointer (RFC 6901). Default: as the profile says.
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// // Entra ID marks application tokens so.
    /// let issuer = Verifier::issuer("https://login.example/v2.0").audience("api").require_claim("/idtyp", "app");
    /// ```
    pub fn require_claim(mut self, pointer: impl Into<String>, value: impl Into<String>) -> Self {
        self.tokens.required_claims.push(ClaimRule {
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
        self.tokens.organization = Some(pointer.into());
        self
    }

    /// Sets the form of the issuer's organization codes. Default: `org_*` for Kinde, none for
    /// others.
    ///
    /// The form is a prefix followed by `*`, which means one or more ASCII letters or digits. If
    /// any parameter of a route has a value of this form that is not the token's organization, the
    /// layer rejects the request. Without a matched route, the layer checks each segment of the
    /// path. It cannot be combined with
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

    /// Lets values that have the form of another organization's code pass. Default: they are
    /// rejected for Kinde.
    pub fn without_organization_code_pattern(mut self) -> Self {
        self.tokens.pattern_check = PatternCheck::Disabled;
        self
    }

    /// Where the scopes are, as a JSON Pointer (RFC 6901), in an array or in a string with spaces. Default: `/scope`, or
    /// `/scp` where `/scope` is absent.
    pub fn scope_claim(mut self, pointer: impl Into<String>) -> Self {
        self.tokens.scopes = Some(pointer.into());
        self
    }

    /// The claim that names the client. Default: `azp` for Kinde, `client_id` or else `azp` for others.
    pub fn client_id_claim(mut self, name: impl Into<String>) -> Self {
        self.tokens.client_id = Some(name.into());
        self
    }
}
