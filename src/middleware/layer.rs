//! The layer: what a route asks for.

use std::fmt;
use std::sync::Arc;

use super::OrganizationSource;
#[cfg(feature = "axum")]
use super::policy::AllowedCallers;
use super::policy::{MismatchResponse, Policy};
use super::settings::{ExtractorSettings, LayerSettings, Preflights, Presence};
use crate::response::Protocol;
#[cfg(feature = "axum")]
use crate::token::Scope;
use crate::token::ScopeRequirement;
use crate::verifier::Verifier;

/// Puts a [`Verifier`] in front of a service, and says who may come in.
///
/// The order of the setters makes no difference: requirements add up, and of permissions the strictest counts. If a setter
/// of a single value is called again, the last value counts.
///
/// Unless told otherwise it lets in tokens of organizations only, and on an axum route with the parameter `{org_code}`
/// only those of that organization. Layers only narrow: an inner layer of the same verifier takes the claims that an outer
/// one verified and applies its own rules to them, and one that finds none verifies by itself.
///
/// CORS preflights pass, since browsers send them without credentials (Fetch §3.2.2): `OPTIONS` with `Origin` and
/// `Access-Control-Request-Method` and without `Authorization`. A handler that answers `OPTIONS` itself, such as one of
/// `axum::routing::any`, is therefore reached without a token, and has no claims then: its extractors refuse with 401. In
/// front of a service that does not look at the method, [refuse them](Self::reject_preflights).
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_m2m::{OrgCode, Scope, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// const READ_INVOICES: Scope = Scope::from_static("read:invoices");
///
/// let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
/// let app: Router = Router::new()
///     .route("/orgs/{org_code}/invoices", get(|org: OrgCode| async move { format!("invoices of {org}") }))
///     .route_layer(verifier.layer().require(READ_INVOICES));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a layer protects nothing until it is added to a service"]
pub struct AuthorizeLayer {
    pub(crate) verifier: Verifier,
    pub(crate) settings: Arc<LayerSettings>,
}

impl Verifier {
    /// A layer that demands an acceptable token of an organization. Its methods change what is demanded.
    pub fn layer(&self) -> AuthorizeLayer {
        AuthorizeLayer::new(self, Presence::Required)
    }

    /// A layer that lets in requests without a token too; then there are no claims for the handler. A token that is not
    /// acceptable is always refused.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use tower_m2m::{Claims, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
    /// let app: Router = Router::new()
    ///     .route("/prices", get(|claims: Option<Claims>| async move { if claims.is_some() { "yours" } else { "everybody's" } }))
    ///     .route_layer(verifier.optional_layer().allow_global());
    /// # Ok(())
    /// # }
    /// ```
    pub fn optional_layer(&self) -> AuthorizeLayer {
        AuthorizeLayer::new(self, Presence::Optional)
    }
}

impl AuthorizeLayer {
    fn new(verifier: &Verifier, presence: Presence) -> Self {
        let settings = LayerSettings {
            presence,
            ..LayerSettings::default()
        };
        Self {
            verifier: verifier.clone(),
            settings: Arc::new(settings),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut LayerSettings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// A change that extractors have to know of.
    pub(crate) fn with_visible_setting(self, change: impl FnOnce(&mut LayerSettings)) -> Self {
        self.with(|settings| {
            change(settings);
            settings.extractors = ExtractorSettings::Custom;
        })
    }

    /// Demands scopes, in addition to those demanded before. Default: none.
    pub fn require(self, scopes: impl Into<ScopeRequirement>) -> Self {
        self.with(|settings| settings.policy.require(scopes.into()))
    }

    /// Allows global tokens too, on routes that belong to no organization. Default: tokens of organizations only.
    ///
    /// If [`allow_global_with`](Self::allow_global_with) or [`only_global`](Self::only_global) is called too, before or
    /// after, the stricter one counts.
    pub fn allow_global(self) -> Self {
        self.with(|settings| settings.policy.allow_global())
    }

    /// Allows global tokens with these scopes too, also on routes that belong to an organization: there the handler's
    /// [`OrgCode`](crate::OrgCode) is the route's, and says that a global client [acts](crate::OrgCode::is_acting).
    /// Default: tokens of organizations only.
    ///
    /// A further call adds to the scopes. With [`only_global`](Self::only_global), the layer requires these scopes of every
    /// token.
    pub fn allow_global_with(self, scopes: impl Into<ScopeRequirement>) -> Self {
        self.with_visible_setting(|settings| settings.policy.allow_global_with(scopes.into()))
    }

    /// Allows global tokens only. On a route that belongs to an organization a scope must be [required](Self::require) as
    /// well. Default: tokens of organizations only.
    ///
    /// [`allow_global`](Self::allow_global) before or after it has no effect.
    pub fn only_global(self) -> Self {
        self.with_visible_setting(|settings| settings.policy.only_global())
    }

    /// Where else the request says which organization it is about, in addition to the places named before: it must be the
    /// token's everywhere. Default: nowhere.
    pub fn organization_from(self, source: OrganizationSource) -> Self {
        self.with_visible_setting(|settings| settings.organization_sources.push(source))
    }

    /// Refuses CORS preflights as any request without a token. For services that do not look at the method, such as gRPC's:
    /// a request that looks like a preflight would reach them. Default: preflights pass.
    pub fn reject_preflights(self) -> Self {
        self.with(|settings| settings.preflights = Preflights::Reject)
    }

    /// Answers 404 to a token of another organization, as if the route's did not exist. Default: 403.
    pub fn hide_organizations(self) -> Self {
        self.with_visible_setting(|settings| settings.policy.mismatch = MismatchResponse::NotFound)
    }

    /// Sets the form of rejections to that of gRPC: HTTP 200 with `grpc-status` and no body. Default:
    /// HTTP statuses, which gRPC clients map to codes of their own.
    ///
    /// The setting is for services whose clients all speak gRPC. The request's content type does not
    /// choose the form, because load balancers and proxies would read 200 for a rejected request.
    /// gRPC services do not look at the method, so also call
    /// [`reject_preflights`](Self::reject_preflights).
    ///
    /// ```
    /// # use tower_m2m::Verifier;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
    /// let layer = verifier.layer().grpc().reject_preflights();
    /// # Ok(())
    /// # }
    /// ```
    pub fn grpc(self) -> Self {
        self.with_visible_setting(|settings| settings.responses.protocol = Protocol::Grpc)
    }
}

/// The layers that extractors have to know of, all of one verifier, the outermost first. An inner layer adds to what an outer
/// one demands and takes nothing away.
#[derive(Clone, Default)]
pub(crate) struct AppliedLayers(pub(crate) Vec<AuthorizeLayer>);

/// What is said of a layer in an inventory of routes.
#[cfg(feature = "axum")]
impl AuthorizeLayer {
    pub(crate) fn access(&self) -> &'static str {
        match (
            self.settings.presence,
            &self.settings.policy.allowed_callers,
        ) {
            (Presence::Required, who) => who.name(),
            (Presence::Optional, AllowedCallers::Organization) => "optional: organization",
            (Presence::Optional, AllowedCallers::OrganizationOrGlobal) => {
                "optional: organization_or_global"
            }
            (Presence::Optional, AllowedCallers::OrganizationOrGlobalWith(_)) => {
                "optional: organization_or_global_with_scope"
            }
            (Presence::Optional, AllowedCallers::Global) => "optional: global",
        }
    }

    /// Returns `true` if a CORS preflight passes although the layer requires a token.
    pub(crate) fn passes_preflights(&self) -> bool {
        self.settings.presence == Presence::Required && self.settings.preflights == Preflights::Pass
    }

    pub(crate) fn requirement(&self) -> &ScopeRequirement {
        &self.settings.policy.requirement
    }

    /// Every scope that the layer names.
    pub(crate) fn scopes(&self) -> Vec<&Scope> {
        let mut scopes = self.requirement().scopes();
        if let AllowedCallers::OrganizationOrGlobalWith(allowing) =
            &self.settings.policy.allowed_callers
        {
            scopes.extend(allowing.scopes());
        }
        scopes
    }
}

impl AuthorizeLayer {
    /// What these settings demand of a route's organization, and no more: for layers whose other demands were met.
    pub(super) fn tenant_check_only(&self, settings: &LayerSettings) -> Self {
        let policy = Policy {
            mismatch: settings.policy.mismatch,
            ..Policy::tenant_check_only()
        };
        Self {
            verifier: self.verifier.clone(),
            settings: Arc::new(LayerSettings {
                policy,
                ..settings.clone()
            }),
        }
    }
}

impl fmt::Debug for AuthorizeLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizeLayer")
            .field("verifier", &self.verifier)
            .field("policy", &self.settings.policy)
            .field("presence", &self.settings.presence)
            .finish_non_exhaustive()
    }
}
