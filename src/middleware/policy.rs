//! The rules about organizations and scopes: functions of the claims, the route and the route's
//! requirements.

use crate::rejection::Rejection;
use crate::token::{Claims, CredentialKind, OrgCode, ScopeRequirement};

/// The requirements of a route.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) allowed_callers: AllowedCallers,
    pub(crate) requirement: ScopeRequirement,
    pub(crate) mismatch: MismatchResponse,
    pub(crate) users: UserAccess,
    pub(crate) credentials: CredentialAccess,
    pub(crate) possession: PossessionRequirement,
}

/// Whether the credentials of users are admitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UserAccess {
    #[default]
    Rejected,
    Allowed,
}

/// Which kinds of credentials are admitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CredentialAccess {
    #[default]
    Any,
    OnlyJwt,
}

/// Whether the sender must have proved that it has what its token is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PossessionRequirement {
    /// Bearer tokens are admitted too.
    #[default]
    BoundTokensOnly,
    #[cfg_attr(not(any(feature = "dpop", feature = "mtls")), allow(dead_code))]
    EveryToken,
}

/// The callers that a layer admits.
#[derive(Clone, Debug)]
pub(crate) enum AllowedCallers {
    /// Tokens of organizations.
    Organization,
    /// Tokens of organizations, and global tokens if the route belongs to no organization.
    OrganizationOrGlobal,
    /// Tokens of organizations, and global tokens with these scopes. Global clients may act for the
    /// route's organization.
    OrganizationOrGlobalWith(ScopeRequirement),
    /// Global tokens.
    Global,
}

/// The response if the route's organization is not the token's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MismatchResponse {
    Forbidden,
    NotFound,
}

/// The organization that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestedOrg<'r> {
    /// The route belongs to no organization.
    Absent,
    Organization(&'r str),
    /// The request names an organization, but not clearly.
    Ambiguous,
}

/// The result of an admission. If a global client acts for an organization, it has that
/// organization.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) acting: Option<OrgCode>,
}

impl AllowedCallers {
    /// Returns a stable name for logs and tables.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::OrganizationOrGlobal => "organization_or_global",
            Self::OrganizationOrGlobalWith(_) => "organization_or_global_with_scope",
            Self::Global => "global",
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allowed_callers: AllowedCallers::Organization,
            requirement: ScopeRequirement::none(),
            mismatch: MismatchResponse::Forbidden,
            users: UserAccess::Rejected,
            credentials: CredentialAccess::Any,
            possession: PossessionRequirement::default(),
        }
    }
}

impl Policy {
    /// Returns the policy that extractors use if no layer recorded its settings. Global tokens are
    /// then allowed on routes without an organization.
    pub(crate) fn tenant_check_only() -> Self {
        Self {
            allowed_callers: AllowedCallers::OrganizationOrGlobal,
            ..Self::default()
        }
    }

    /// Adds to the required scopes.
    pub(crate) fn require(&mut self, scopes: ScopeRequirement) {
        let earlier = std::mem::replace(&mut self.requirement, ScopeRequirement::none());
        self.requirement = earlier.and(scopes);
    }

    /// Allows global tokens. Any other permission is stricter, so it stays.
    pub(crate) fn allow_global(&mut self) {
        if matches!(self.allowed_callers, AllowedCallers::Organization) {
            self.allowed_callers = AllowedCallers::OrganizationOrGlobal;
        }
    }

    /// Allows global tokens with scopes. If only global tokens are allowed, the scopes are required
    /// of every token.
    pub(crate) fn allow_global_with(&mut self, scopes: ScopeRequirement) {
        match &mut self.allowed_callers {
            AllowedCallers::Global => self.require(scopes),
            AllowedCallers::OrganizationOrGlobalWith(earlier) => {
                let both = std::mem::replace(earlier, ScopeRequirement::none()).and(scopes);
                *earlier = both;
            }
            AllowedCallers::Organization | AllowedCallers::OrganizationOrGlobal => {
                self.allowed_callers = AllowedCallers::OrganizationOrGlobalWith(scopes);
            }
        }
    }

    pub(crate) fn only_global(&mut self) {
        let earlier = std::mem::replace(&mut self.allowed_callers, AllowedCallers::Global);
        if let AllowedCallers::OrganizationOrGlobalWith(scopes) = earlier {
            self.require(scopes);
        }
    }

    /// Checks what kind of credential it is and whose, before the tenant.
    pub(crate) fn check_credential(&self, claims: &Claims) -> Result<(), Rejection> {
        if self.possession == PossessionRequirement::EveryToken && !claims.is_bound() {
            return Err(Rejection::ProofOfPossessionRequired);
        }
        let is_jwt = claims.credential_kind() == CredentialKind::Jwt;
        if self.credentials == CredentialAccess::OnlyJwt && !is_jwt {
            return Err(Rejection::JwtRequired);
        }
        if self.users == UserAccess::Rejected && claims.is_user() {
            return Err(Rejection::UserNotAllowed);
        }
        // Without a scope, nothing ties such a credential to this API.
        if claims.is_for_any_api() && !self.requires_scope_of(claims) {
            return Err(Rejection::JwtRequired);
        }
        Ok(())
    }

    fn requires_scope_of(&self, claims: &Claims) -> bool {
        let of_global = match &self.allowed_callers {
            AllowedCallers::OrganizationOrGlobalWith(scopes) => {
                claims.is_global() && !scopes.is_none()
            }
            _ => false,
        };
        of_global || !self.requirement.is_none()
    }

    /// Checks the scopes. The tenant check runs first.
    #[inline]
    pub(crate) fn check_scopes(&self, claims: &Claims) -> Result<(), Rejection> {
        if self.requirement.is_satisfied_by(claims.scopes()) {
            Ok(())
        } else {
            Err(Rejection::InsufficientScope(self.requirement.clone()))
        }
    }

    /// Checks the tenant. An extractor repeats it, because a layer outside of the router sees no
    /// parameters of the route.
    ///
    /// The rules for users and global clients are functions of their own, so that the check of an
    /// organization's token is short.
    #[inline]
    pub(crate) fn admit_tenant(
        &self,
        claims: &Claims,
        target: &RequestedOrg<'_>,
    ) -> Result<Admitted, Rejection> {
        let acting = match claims.org_code() {
            Some(org) => self.admit_organization(org, target)?,
            None if claims.is_user() => self.admit_user(target)?,
            None => self.admit_global(claims, target)?,
        };
        Ok(Admitted { acting })
    }

    fn admit_organization(
        &self,
        org: &OrgCode,
        target: &RequestedOrg<'_>,
    ) -> Result<Option<OrgCode>, Rejection> {
        if matches!(self.allowed_callers, AllowedCallers::Global) {
            return Err(Rejection::GlobalRequired);
        }
        self.compare(org, target).map(|()| None)
    }

    /// Checks that the organization of the route is exactly the caller's, or that the route belongs
    /// to none.
    pub(crate) fn compare(
        &self,
        org: &OrgCode,
        target: &RequestedOrg<'_>,
    ) -> Result<(), Rejection> {
        match target {
            RequestedOrg::Absent => Ok(()),
            RequestedOrg::Organization(code) if *code == org.as_str() => Ok(()),
            RequestedOrg::Organization(_) | RequestedOrg::Ambiguous => Err(self.mismatch()),
        }
    }

    /// Admits a user without an organization only if the route belongs to none. A user never acts.
    #[inline(never)]
    fn admit_user(&self, target: &RequestedOrg<'_>) -> Result<Option<OrgCode>, Rejection> {
        match (&self.allowed_callers, target) {
            (AllowedCallers::Global, _) => Err(Rejection::GlobalRequired),
            (_, RequestedOrg::Absent) => Ok(None),
            (_, RequestedOrg::Organization(_)) => Err(Rejection::OrganizationRequired),
            (_, RequestedOrg::Ambiguous) => Err(self.mismatch()),
        }
    }

    /// Admits a global client. It may act for a route's organization only if the layer names a
    /// scope that allows it.
    #[inline(never)]
    fn admit_global(
        &self,
        claims: &Claims,
        target: &RequestedOrg<'_>,
    ) -> Result<Option<OrgCode>, Rejection> {
        let allowing = match &self.allowed_callers {
            AllowedCallers::Organization => return Err(Rejection::OrganizationRequired),
            AllowedCallers::OrganizationOrGlobal => None,
            AllowedCallers::OrganizationOrGlobalWith(allowing) => Some(allowing),
            AllowedCallers::Global => Some(&self.requirement),
        };
        // A requirement that every token satisfies does not grant permission to act.
        let allowing = allowing.filter(|allowing| !allowing.is_none());
        if let Some(allowing) =
            allowing.filter(|allowing| !allowing.is_satisfied_by(claims.scopes()))
        {
            return Err(Rejection::InsufficientScope(allowing.clone()));
        }
        match (target, allowing) {
            (RequestedOrg::Absent, _) => Ok(None),
            (RequestedOrg::Ambiguous, _) => Err(self.mismatch()),
            (RequestedOrg::Organization(_), None) => Err(Rejection::OrganizationRequired),
            (RequestedOrg::Organization(code), Some(_)) => {
                OrgCode::acting(claims.shared_issuer(), code)
                    .map(Some)
                    .ok_or_else(|| self.mismatch())
            }
        }
    }

    pub(crate) fn mismatch(&self) -> Rejection {
        match self.mismatch {
            MismatchResponse::Forbidden => Rejection::WrongOrganization,
            MismatchResponse::NotFound => Rejection::HiddenOrganization,
        }
    }
}
