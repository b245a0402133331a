//! The settings about the organization of a token.

use super::Issuer;
use super::pointer::{object_problem, string_problem};
use super::token_settings::TokenSettings;
use super::validate::ensure;
use crate::verifier::config_error::ConfigError;
use crate::verifier::organization::{OrganizationClaim, OrganizationForm};

impl Issuer {
    /// Allows only these organizations, in addition to those of earlier calls. Default: every
    /// organization of the issuer.
    pub fn allow_organizations<T: Into<String>>(
        mut self,
        codes: impl IntoIterator<Item = T>,
    ) -> Self {
        let codes = codes.into_iter().map(Into::into);
        self.organizations.get_or_insert_default().extend(codes);
        self
    }

    /// Sets the JSON Pointer (RFC 6901) to the organization. Default: `/org_code`, or as the
    /// profile defines.
    ///
    /// The pointer leads through objects and arrays. If there is an array on the way, it must have
    /// exactly one element, and its index in the pointer must be `0`, because an array never
    /// selects an organization by position. A token is global only if the first member of the
    /// pointer is absent. Otherwise the pointer must lead to a valid organization.
    ///
    /// If the organization is absent, no second place is read. Some Kinde setups write the
    /// organization to `/orgCode`, `/x-hasura-org-code` or `/application_properties/org_code/v`.
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// // Maskinporten: an array with the one organization that the system belongs to.
    /// let issuer = Verifier::issuer("https://issuer.example")
    ///     .audience("api")
    ///     .organization_claim("/authorization_details/0/systemuser_org/ID");
    /// ```
    pub fn organization_claim(mut self, pointer: impl Into<String>) -> Self {
        self.tokens.organization = Some(pointer.into());
        self
    }

    /// Sets the JSON Pointer (RFC 6901) to an object whose only member has the organization as its
    /// name. Default: the organization is a value, see
    /// [`organization_claim`](Self::organization_claim).
    ///
    /// Keycloak writes the claim `organization` in this form. If the object has no member or
    /// several, the token is rejected. It cannot be combined with `organization_claim`.
    ///
    /// ```
    /// # use tower_m2m::{Profile, Verifier};
    /// // "organization": { "acme": { "id": "5f2a…" } }
    /// let issuer = Verifier::issuer("https://keycloak.acme.com/realms/acme")
    ///     .audience("invoices-api")
    ///     .profile(Profile::KEYCLOAK)
    ///     .organization_claim_key("/organization");
    /// ```
    pub fn organization_claim_key(mut self, pointer: impl Into<String>) -> Self {
        self.tokens.organization_key = Some(pointer.into());
        self
    }

    /// Accepts a token as global if the object at this pointer lacks the next member on the way to
    /// the organization. Default: such a token is rejected.
    ///
    /// The pointer must be the beginning of [`organization_claim`](Self::organization_claim). Each
    /// call adds one object.
    ///
    /// ```
    /// # use tower_m2m::{Profile, Verifier};
    /// // Hydra writes `ext` into every token, and the hook adds `org_code` to it for some clients only.
    /// let issuer = Verifier::issuer("https://hydra.acme.com/")
    ///     .audience("invoices-api")
    ///     .profile(Profile::HYDRA)
    ///     .organization_may_be_absent_in("/ext");
    /// ```
    pub fn organization_may_be_absent_in(mut self, pointer: impl Into<String>) -> Self {
        let objects = &mut self.tokens.organization_may_be_absent_in;
        objects.push(pointer.into());
        self
    }

    pub(super) fn check_organization_claim(&self) -> Result<(), ConfigError> {
        let (setting, problem): (_, fn(&str) -> _) =
            match (&self.tokens.organization, &self.tokens.organization_key) {
                (Some(_), Some(_)) => {
                    return Err(ConfigError::new(
                        "organization_claim_key",
                        "contradicts `organization_claim`: set one of the two",
                    ));
                }
                (None, Some(_)) => ("organization_claim_key", object_problem),
                _ => ("organization_claim", string_problem),
            };
        let organization = self.tokens.organization_claim();
        if let Some(problem) = problem(&organization.pointer) {
            return Err(ConfigError::new(setting, problem));
        }
        ensure(
            organization.has_valid_absences(),
            "organization_may_be_absent_in",
            "must be the beginning of the pointer to the organization, such as /ext for /ext/org_code",
        )
    }
}

impl TokenSettings {
    /// Returns the place of the organization. Two places are an error of
    /// [`check_organization_claim`].
    ///
    /// [`check_organization_claim`]: Issuer::check_organization_claim
    pub(super) fn organization_claim(&self) -> OrganizationClaim {
        let (pointer, form) = match (&self.organization_key, &self.organization) {
            (Some(pointer), _) => (pointer.clone().into(), OrganizationForm::MemberName),
            (None, Some(pointer)) => (pointer.clone().into(), OrganizationForm::Value),
            (None, None) => {
                let pointer = self.base_profile().organization.clone();
                (pointer, OrganizationForm::Value)
            }
        };
        OrganizationClaim {
            pointer,
            form,
            may_be_absent_in: self.organization_may_be_absent_in.clone(),
        }
    }
}
