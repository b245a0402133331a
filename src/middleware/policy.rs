//! The rules about organizations and scopes: functions of the claims, the route and what the route requires.

use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode, ScopeRequirement};

/// What a route asks for.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) allowed_callers: AllowedCallers,
    pub(crate) requirement: ScopeRequirement,
    pub(crate) mismatch: MismatchResponse,
}

/// Whose tokens are let in.
#[derive(Clone, Debug)]
pub(crate) enum AllowedCallers {
    /// Those of organizations.
    Organization,
    /// Those of organizations, and global ones where the route belongs to no organization.
    OrganizationOrGlobal,
    /// Those of organizations, and global ones with these scopes, which may act for the route's organization.
    OrganizationOrGlobalWith(ScopeRequirement),
    /// Global ones.
    Global,
}

/// How it is answered that the route's organization is not the token's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MismatchResponse {
    Forbidden,
    NotFound,
}

/// What the request says of the organization that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestedOrg<'r> {
    /// Nothing: the route belongs to no organization.
    Absent,
    Organization(&'r str),
    /// Something that names no organization for certain.
    Ambiguous,
}

/// What is let in: for global clients that act for an organization, that organization too.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) acting: Option<OrgCode>,
}

impl AllowedCallers {
    /// A stable name for logs and tables.
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
        }
    }
}

impl Policy {
    /// What extractors assume where no layer told them anything: a global token that came this far may go where no
    /// organization is concerned.
    pub(crate) fn tenant_check_only() -> Self {
        Self {
            allowed_callers: AllowedCallers::OrganizationOrGlobal,
            ..Self::default()
        }
    }

    /// Adds to the scopes that are required.
    pub(crate) fn require(&mut self, scopes: ScopeRequirement) {
        let earlier = std::mem::replace(&mut self.requirement, ScopeRequirement::none());
        self.requirement = earlier.and(scopes);
    }

    /// Any other permission is stricter, so it stays.
    pub(crate) fn allow_global(&mut self) {
        if matches!(self.allowed_callers, AllowedCallers::Organization) {
            self.allowed_callers = AllowedCallers::OrganizationOrGlobal;
        }
    }

    /// If only global tokens are allowed, what is required of global tokens is required of all.
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

    /// Checks the scopes, after the tenant.
    pub(crate) fn check_scopes(&self, claims: &Claims) -> Result<(), Rejection> {
        if self.requirement.is_satisfied_by(claims.scopes()) {
            Ok(())
        } else {
            Err(Rejection::InsufficientScope(self.requirement.clone()))
        }
    }

    /// Checks the tenant. An extractor repeats it, because a layer outside of the router sees no
    /// parameters of the route.
    pub(crate) fn admit_tenant(
        &self,
        claims: &Claims,
        target: &RequestedOrg<'_>,
    ) -> Result<Admitted, Rejection> {
        let acting = match claims.org_code() {
            Some(org) => self.admit_organization(org, target)?,
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

    /// The organization of the route is the caller's, exactly, or the route belongs to none.
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

    /// A global client acts for a route's organization only where a scope is named that allows it.
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
        // What every token meets names no scope that allows anything.
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
