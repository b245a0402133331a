//! Every route and the decision about it.

use std::fmt;

use http::Method;

use crate::middleware::AuthorizeLayer;
use crate::token::{Scope, ScopeRequirement};

/// A route and the decision about it.
#[derive(Clone, Debug)]
pub struct RouteEntry {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) layer: Option<AuthorizeLayer>,
}

impl RouteEntry {
    /// The method. `GET` stands for `HEAD` too.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path's template.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether everybody may call it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.layer.is_none()
    }

    /// Who may call it, in words: `public`, or whose tokens are let in.
    #[must_use]
    pub fn access(&self) -> &'static str {
        self.layer.as_ref().map_or("public", AuthorizeLayer::access)
    }

    /// The scopes that it asks for; nothing where it is public.
    #[must_use]
    pub fn requirement(&self) -> Option<&ScopeRequirement> {
        self.layer.as_ref().map(AuthorizeLayer::requirement)
    }

    /// Whether the route belongs to an organization, which is compared with the token's.
    #[must_use]
    pub fn is_organization_scoped(&self) -> bool {
        self.layer
            .as_ref()
            .is_some_and(|layer| layer.is_organization_scoped(&self.path))
    }
}

/// Every route and the decision about it. `Display` is a table.
///
/// Its requirements are what OpenAPI calls security requirement objects:
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
    /// The routes, in the order in which they were registered.
    pub fn iter(&self) -> impl Iterator<Item = &RouteEntry> {
        self.routes.iter()
    }

    /// Every scope that some route names, once, sorted: for `scopes_supported` (RFC 9728 §2).
    #[must_use]
    pub fn scopes(&self) -> Vec<&Scope> {
        let mut scopes: Vec<&Scope> = self
            .iter()
            .filter_map(|route| route.layer.as_ref())
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
            let line = format!(
                "{:<7} {:<width$}  {:<36}  {scopes}",
                route.method.as_str(),
                route.path,
                route.access()
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
