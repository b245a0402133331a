//! The form of an issuer's tokens: a profile, and the settings that override it.

use std::borrow::Cow;

use crate::token::{Algorithm, OrgCodePattern};
use crate::verifier::profile::{ClaimRule, KidRequirement, Profile};

/// A profile and the settings that override it. They are kept apart, so that the order of the
/// setters makes no difference.
#[derive(Debug)]
pub(super) struct TokenSettings {
    default_profile: Profile,
    pub(super) profile: Option<Profile>,
    pub(super) organization: Option<String>,
    pub(super) organization_key: Option<String>,
    pub(super) organization_may_be_absent_in: Vec<String>,
    pub(super) scopes: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) kid: Option<KidRequirement>,
    pub(super) required_claims: Vec<ClaimRule>,
    pub(super) required_headers: Vec<ClaimRule>,
    pub(super) grant_types: GrantTypes,
    pub(super) pattern: Option<String>,
    pub(super) pattern_check: PatternCheck,
}

/// The accepted grant types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrantTypes {
    Profile,
    Any,
}

/// The check of values that have the form of organization codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternCheck {
    Enabled,
    Disabled,
}

impl TokenSettings {
    pub(super) fn new(default_profile: Profile) -> Self {
        Self {
            default_profile,
            profile: None,
            organization: None,
            organization_key: None,
            organization_may_be_absent_in: Vec::new(),
            scopes: None,
            client_id: None,
            kid: None,
            required_claims: Vec::new(),
            required_headers: Vec::new(),
            grant_types: GrantTypes::Profile,
            pattern: None,
            pattern_check: PatternCheck::Enabled,
        }
    }

    /// Returns the profile with the overriding settings. Required claims add to those of the
    /// profile.
    pub(super) fn merged_profile(&self) -> Profile {
        let mut profile = self.base_profile().clone();
        if self.grant_types == GrantTypes::Any {
            profile.machine_claims = Cow::Borrowed(&[]);
            profile.assumption = None;
        }
        let mut required = self
            .required_claims
            .iter()
            .chain(&self.required_headers)
            .peekable();
        if required.peek().is_some() {
            profile.assumption = None;
            profile.machine_claims.to_mut().extend(required.cloned());
        }
        if let Some(pointer) = &self.scopes {
            profile.scopes = vec![Cow::from(pointer.clone())].into();
        }
        if let Some(name) = &self.client_id {
            profile.client_id = vec![Cow::from(name.clone())].into();
        }
        profile.kid = self.kid.unwrap_or(profile.kid);
        profile
    }

    pub(super) fn base_profile(&self) -> &Profile {
        self.profile.as_ref().unwrap_or(&self.default_profile)
    }

    /// Returns `true` if the issuer is a Kinde domain and has another profile.
    pub(super) fn has_contradicting_profile(&self) -> bool {
        let kinde = Profile::KINDE.name;
        self.default_profile.name == kinde && self.base_profile().name != kinde
    }

    pub(super) fn default_algorithms(&self) -> &'static [Algorithm] {
        self.base_profile().algorithms
    }

    /// Returns the form of organization codes, or `None` if it is unknown, disabled or invalid.
    pub(super) fn org_code_pattern(&self) -> Option<OrgCodePattern> {
        match (self.pattern_check, &self.pattern) {
            (PatternCheck::Disabled, _) => None,
            (PatternCheck::Enabled, Some(pattern)) => OrgCodePattern::parse(pattern),
            (PatternCheck::Enabled, None) => self.base_profile().org_code_pattern.clone(),
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
