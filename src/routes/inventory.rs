//! The inventory: every route and its decision.

use std::fmt;

use http::Method;

use super::access::AccessRule;
use super::error::RouteError;
use crate::middleware::{AuthorizeLayer, RouteProblem, tenant_parameter};
use crate::token::{Scope, ScopeRequirement};
use crate::verifier::Explanation;

/// A route and its decision.
#[derive(Clone, Debug)]
pub struct RouteEntry {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) rule: AccessRule,
}

impl RouteEntry {
    fn layer(&self) -> Option<&AuthorizeLayer> {
        match &self.rule {
            AccessRule::Layer(layer) => Some(layer),
            AccessRule::Public | AccessRule::PublicPerTenant => None,
        }
    }

    /// Checks that the decision fits the full path.
    pub(super) fn check(&self) -> Result<(), RouteError> {
        let path = || self.path.clone();
        match (&self.rule, tenant_parameter(&self.path)) {
            (AccessRule::Layer(layer), _) => {
                if self.method == Method::OPTIONS && layer.passes_preflights() {
                    return Err(RouteError::Options { path: path() });
                }
                layer
                    .check_route(&self.path)
                    .map_err(|problem| match problem {
                        RouteProblem::Misconfigured(error) => RouteError::Misconfigured {
                            path: path(),
                            error,
                        },
                        RouteProblem::UnmatchedTemplate => {
                            RouteError::UnmatchedTemplate { path: path() }
                        }
                        RouteProblem::GlobalWithoutScope => {
                            RouteError::GlobalWithoutScope { path: path() }
                        }
                    })
            }
            (AccessRule::Public, Some(parameter)) => Err(RouteError::PublicTenantParameter {
                path: path(),
                parameter: parameter.to_owned(),
            }),
            (AccessRule::Public, None) | (AccessRule::PublicPerTenant, _) => Ok(()),
        }
    }

    /// Explains how the route decides about a request with this token and this organization.
    ///
    /// Returns `None` if the route is public. See [`AuthorizeLayer::explain`].
    pub async fn explain(&self, token: &str, organization: Option<&str>) -> Option<Explanation> {
        match self.layer() {
            Some(layer) => Some(layer.explain(token, organization).await),
            None => None,
        }
    }

    /// Returns `true` if responses of the route end with their token:
    /// [`end_streams`](AuthorizeLayer::end_streams).
    #[must_use]
    pub fn ends_streams(&self) -> bool {
        self.layer().is_some_and(AuthorizeLayer::ends_streams)
    }

    /// Returns the places that are compared with the token's organization, such as `path:org_code`,
    /// `host` and `header:x-org`.
    #[must_use]
    pub fn compared(&self) -> Vec<String> {
        self.layer()
            .map(|layer| layer.compared_places(&self.path))
            .unwrap_or_default()
    }

    /// Returns the parameters that no layer compares with the token's organization.
    #[must_use]
    pub fn uncompared_parameters(&self) -> Vec<&str> {
        self.layer()
            .map(|layer| layer.uncompared_parameters(&self.path))
            .unwrap_or_default()
    }

    fn has_uncompared_tenant(&self) -> bool {
        self.layer().is_some_and(|layer| {
            let parameters = layer.uncompared_parameters(&self.path);
            parameters.iter().any(|name| layer.is_possible_tenant(name))
        })
    }

    /// Returns the method. `GET` includes `HEAD`.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the template of the path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns `true` if any caller may call the route.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.layer().is_none()
    }

    /// Returns the access rule as a stable string: `public`, or the kinds of tokens that the layer
    /// admits.
    #[must_use]
    pub fn access(&self) -> &'static str {
        self.layer().map_or("public", AuthorizeLayer::access)
    }

    /// Returns the required scopes, or `None` if the route is public.
    #[must_use]
    pub fn requirement(&self) -> Option<&ScopeRequirement> {
        self.layer().map(AuthorizeLayer::requirement)
    }

    /// Returns `true` if the route belongs to an organization, which the layer compares with the
    /// token's.
    #[must_use]
    pub fn is_organization_scoped(&self) -> bool {
        self.layer()
            .is_some_and(|layer| layer.is_organization_scoped(&self.path))
    }
}

/// Every route and its decision. `Display` writes a table.
///
/// Its requirements are the security requirement objects of OpenAPI:
///
/// ```
/// # use tower_m2m::RouteInventory;
/// fn security(inventory: &RouteInventory, path: &str) -> Vec<Vec<String>> {
///     let requirements = inventory.iter().filter(|route| route.path() == path).filter_map(|route| route.requirement());
///     requirements.flat_map(|needed| needed.alternatives()).map(|all| all.iter().map(|scope| scope.to_string()).collect()).collect()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RouteInventory {
    pub(super) routes: Vec<RouteEntry>,
}

impl RouteInventory {
    /// Returns the routes, in the order in which they were registered.
    pub fn iter(&self) -> impl Iterator<Item = &RouteEntry> {
        self.routes.iter()
    }

    /// Returns the routes with a parameter that can mean a tenant and that no setting decides.
    ///
    /// ```
    /// # fn check(inventory: &tower_m2m::RouteInventory) {
    /// assert_eq!(inventory.uncompared().count(), 0, "{inventory}");
    /// # }
    /// ```
    pub fn uncompared(&self) -> impl Iterator<Item = &RouteEntry> {
        self.iter().filter(|route| route.has_uncompared_tenant())
    }

    /// Returns every scope that some route names, once, sorted: for `scopes_supported` (RFC 9728
    /// §2).
    #[must_use]
    pub fn scopes(&self) -> Vec<&Scope> {
        let mut scopes: Vec<&Scope> = self
            .iter()
            .filter_map(RouteEntry::layer)
            .flat_map(AuthorizeLayer::scopes)
            .collect();
        scopes.sort();
        scopes.dedup();
        scopes
    }
}

impl fmt::Display for RouteInventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .iter()
            .map(|route| route.path.len())
            .max()
            .unwrap_or_default();
        for route in self.iter() {
            let scopes = route
                .requirement()
                .map(ScopeRequirement::to_string)
                .unwrap_or_default();
            let compared = match (route.is_public(), route.compared()) {
                (true, _) => String::new(),
                (false, compared) if compared.is_empty() => "token only".to_owned(),
                (false, compared) => compared.join(","),
            };
            let uncompared = match route.uncompared_parameters() {
                parameters if parameters.is_empty() => String::new(),
                parameters => format!("not compared: {}", parameters.join(",")),
            };
            let line = format!(
                "{:<7} {:<width$}  {:<36}  {compared:<20}  {scopes:<20}  {uncompared}",
                route.method.as_str(),
                route.path,
                route.access()
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
