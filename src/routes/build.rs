//! The step from routes to a router and its inventory.

use axum::Router;

use super::error::RouteError;
use super::inventory::{RouteEntry, RouteInventory};
use super::path::{PathSegment, is_prefix, nested_path, overlap, parse_path};
use super::{Route, Routes};

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Builds the router and its inventory.
    ///
    /// # Errors
    ///
    /// Returns [`RouteError`] for the first route that cannot be registered, or whose layer cannot
    /// decide about its requests.
    pub fn build(self) -> Result<(Router<S>, RouteInventory), RouteError> {
        self.build_under("")
    }

    /// Builds the router and its inventory, for an application that nests the router under a
    /// prefix.
    ///
    /// All checks and the inventory use the full path. The prefix may have parameters.
    ///
    /// ```
    /// use axum::Router;
    /// use tower_m2m::{OrgCode, Routes, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
    /// let (routes, inventory) = Routes::new()
    ///     .get("/invoices", async |org: OrgCode| org.to_string(), verifier.layer().organization_parameter("tenant"))
    ///     .build_under("/t/{tenant}")?;
    /// let app: Router = Router::new().nest("/t/{tenant}", routes);
    /// assert_eq!(inventory.uncompared().count(), 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`RouteError`] for the first route that cannot be registered, or whose layer cannot
    /// decide about its requests.
    pub fn build_under(self, prefix: &str) -> Result<(Router<S>, RouteInventory), RouteError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let prefix = match prefix {
            "" | "/" => "",
            prefix if is_prefix(prefix) => prefix,
            invalid => {
                return Err(RouteError::InvalidPath {
                    path: invalid.to_owned(),
                });
            }
        };
        check_paths(self.routes.iter().map(|route| &route.entry))?;
        let mut router = Router::new();
        let mut entries = Vec::with_capacity(self.routes.len());
        for Route { mut entry, handler } in self.routes {
            router = router.route(&entry.path, handler);
            if !prefix.is_empty() {
                entry.path = nested_path(prefix, &entry.path);
            }
            entry.check()?;
            entries.push(entry);
        }
        Ok((router, RouteInventory { routes: entries }))
    }
}

/// Checks that axum can route the paths. Otherwise it would panic.
fn check_paths<'r>(routes: impl Iterator<Item = &'r RouteEntry>) -> Result<(), RouteError> {
    let mut earlier: Vec<(&RouteEntry, Vec<PathSegment<'_>>)> = Vec::new();
    for route in routes {
        let invalid = || RouteError::InvalidPath {
            path: route.path.clone(),
        };
        let shape = parse_path(&route.path).ok_or_else(invalid)?;
        for (other, other_shape) in &earlier {
            if other.path != route.path {
                if overlap(&shape, other_shape) {
                    return Err(invalid());
                }
            } else if other.method == route.method {
                return Err(RouteError::Duplicate {
                    method: route.method.clone(),
                    path: route.path.clone(),
                });
            }
        }
        earlier.push((route, shape));
    }
    Ok(())
}
