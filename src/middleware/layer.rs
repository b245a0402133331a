//! The layer and its settings.

use std::fmt;
use std::sync::Arc;

use super::OrganizationSource;
#[cfg(feature = "axum")]
use super::policy::AllowedCallers;
#[cfg(any(feature = "dpop", feature = "mtls"))]
use super::policy::PossessionRequirement;
use super::policy::{CredentialAccess, MismatchResponse, Policy, UserAccess};
use super::settings::{ExtractorSettings, LayerSettings, Preflights, Presence};
use crate::response::Protocol;
#[cfg(feature = "axum")]
use crate::token::Scope;
use crate::token::ScopeRequirement;
use crate::verifier::Verifier;

/// Puts a [`Verifier`] in front of a service and defines which callers it admits.
///
/// The order of the setters makes no difference. Requirements add up. If permissions differ, the
/// strictest counts. If a setter of a single value is called again, the last value counts.
///
/// By default, the layer admits only tokens of organizations. On an axum route with the parameter
/// `{org_code}`, it admits only tokens of that organization. An inner layer of the same verifier
/// uses the claims that an outer layer verified and applies its own rules to them. If no outer
/// layer verified the token, the inner layer verifies it. An inner layer never admits more than an
/// outer one.
///
/// CORS preflights pass, because browsers send them without credentials (Fetch §3.2.2). A preflight
/// is an `OPTIONS` request with `Origin` and `Access-Control-Request-Method` and without
/// `Authorization`. A handler that responds to `OPTIONS` itself, such as a handler of
/// `axum::routing::any`, is therefore called without a token. Such a request has no claims, and
/// extractors reject it with 401. If the service does not check the method, call
/// [`reject_preflights`](Self::reject_preflights).
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
    /// Returns a layer that requires a valid token of an organization. The layer's methods change
    /// these requirements.
    pub fn layer(&self) -> AuthorizeLayer {
        AuthorizeLayer::new(self, Presence::Required)
    }

    /// Returns a layer that admits requests without a token too. The handler of such a request gets
    /// no claims. An invalid token is always rejected.
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
        #[allow(unused_mut, reason = "only DPoP changes the default")]
        let mut settings = LayerSettings {
            presence,
            ..LayerSettings::default()
        };
        #[cfg(feature = "dpop")]
        if verifier.dpop().is_some() {
            settings.responses.accepts_dpop = true;
            settings.responses.dpop_algorithms = verifier.dpop_challenge();
            settings.extractors = ExtractorSettings::Custom;
        }
        Self {
            verifier: verifier.clone(),
            settings: Arc::new(settings),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut LayerSettings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Changes settings that extractors have to read.
    pub(crate) fn with_visible_setting(self, change: impl FnOnce(&mut LayerSettings)) -> Self {
        self.with(|settings| {
            change(settings);
            settings.extractors = ExtractorSettings::Custom;
        })
    }

    /// Adds scopes that the token must have. Default: no scopes.
    pub fn require(self, scopes: impl Into<ScopeRequirement>) -> Self {
        self.with(|settings| settings.policy.require(scopes.into()))
    }

    /// Allows global tokens too, on routes that belong to no organization. Default: only tokens of
    /// organizations.
    ///
    /// If [`allow_global_with`](Self::allow_global_with) or [`only_global`](Self::only_global) is
    /// called too, before or after, the stricter setting counts.
    pub fn allow_global(self) -> Self {
        self.with(|settings| settings.policy.allow_global())
    }

    /// Allows global tokens with these scopes too, also on routes that belong to an organization.
    /// Default: only tokens of organizations.
    ///
    /// On such a route the handler's [`OrgCode`](crate::OrgCode) is the organization of the route,
    /// and [`is_acting`](crate::OrgCode::is_acting) returns `true`. If the setter is called again,
    /// it adds to the scopes. With [`only_global`](Self::only_global), the layer requires these
    /// scopes of every token.
    pub fn allow_global_with(self, scopes: impl Into<ScopeRequirement>) -> Self {
        self.with_visible_setting(|settings| settings.policy.allow_global_with(scopes.into()))
    }

    /// Accepts only signed tokens: API keys and opaque access tokens are rejected with 403.
    /// Default: every credential that the verifier accepts is admitted.
    ///
    /// An inner layer cannot admit them again. The issuer is not queried about a rejected
    /// credential.
    pub fn require_jwt(self) -> Self {
        self.with(|settings| settings.policy.credentials = CredentialAccess::OnlyJwt)
    }

    /// Rejects bearer tokens: each token must be bound to a key or a certificate, and the sender
    /// must prove that it has it (RFC 9449, RFC 8705). Default: tokens that are not bound are
    /// admitted too.
    ///
    /// The response to a bearer token is 401 with the challenges of all accepted schemes. An inner
    /// layer cannot admit bearer tokens again.
    #[cfg(any(feature = "dpop", feature = "mtls"))]
    pub fn require_proof_of_possession(self) -> Self {
        self.with(|settings| settings.policy.possession = PossessionRequirement::EveryToken)
    }

    /// Allows the API keys of users too, if the verifier accepts them. Default: they are rejected
    /// with 403.
    ///
    /// A user's key never counts as global. If it has no organization, it is admitted only on
    /// routes that belong to none. If several layers apply, each of them must allow users.
    pub fn allow_users(self) -> Self {
        self.with(|settings| settings.policy.users = UserAccess::Allowed)
    }

    /// Allows only global tokens. Default: only tokens of organizations.
    ///
    /// If the route belongs to an organization, you must also [require](Self::require) a scope.
    /// [`allow_global`](Self::allow_global) before or after this setter has no effect.
    pub fn only_global(self) -> Self {
        self.with_visible_setting(|settings| settings.policy.only_global())
    }

    /// Adds a place of the request that names the organization. Default: none.
    ///
    /// The token's organization must match every place that is added.
    pub fn organization_from(self, source: OrganizationSource) -> Self {
        self.with_visible_setting(|settings| {
            if let Some((setting, value)) = source.invalid() {
                settings.parameters.add_invalid(setting, value);
            }
            settings.organization_sources.push(source);
        })
    }

    /// Rejects CORS preflights like any request without a token. Default: preflights pass.
    ///
    /// Use it for services that do not check the method, such as gRPC services. Otherwise a request
    /// with the form of a preflight reaches them without a token.
    pub fn reject_preflights(self) -> Self {
        self.with(|settings| settings.preflights = Preflights::Reject)
    }

    /// Responds with 404 to a token of another organization, as if the route's organization did not
    /// exist. Default: 403.
    pub fn hide_organizations(self) -> Self {
        self.with_visible_setting(|settings| settings.policy.mismatch = MismatchResponse::NotFound)
    }

    /// Sets the form of rejections to that of gRPC: HTTP 200 with `grpc-status` and no body.
    /// Default: HTTP statuses, which gRPC clients map to codes of their own.
    ///
    /// The setting is for services whose clients all speak gRPC. The request's content type does
    /// not choose the form, because load balancers and proxies would read 200 for a rejected
    /// request. gRPC services do not look at the method, so also call
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

/// The description of a layer in an inventory of routes.
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

    /// Returns every scope that the layer names.
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
    /// Reduces settings to the check of the route's organization, for layers whose other
    /// requirements were met.
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
