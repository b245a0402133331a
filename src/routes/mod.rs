//! Routes that are all decided about (feature `axum`): each is registered with who may call it.

mod access;
mod error;
mod inventory;
mod path;

use std::fmt;

use access::AccessRule;
pub use access::{Access, Public, PublicPerTenant};
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
pub use error::RouteError;
use http::Method;
pub use inventory::{RouteEntry, RouteInventory};
use path::{overlap, parse_path};

/// An axum router of which every route is registered together with its decision: a layer, or [`Public`].
///
/// A route without a decision does not compile. What comes out is the router, and an [`RouteInventory`] that tests can ask and
/// that documents are made of.
///
/// ```
/// use axum::Router;
/// use tower_m2m::{OrgCode, Public, Routes, Verifier};
///
/// tower_m2m::scopes! { pub ApiScopes { ReadInvoices = "read:invoices", WriteInvoices = "write:invoices" } }
///
/// async fn list(org: OrgCode) -> String { format!("invoices of {org}") }
/// async fn create(org: OrgCode) -> String { format!("a new invoice of {org}") }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
/// let (app, inventory): (Router, _) = Routes::new()
///     .get("/healthz", async || "ok", Public)
///     .get("/orgs/{org_code}/invoices", list, verifier.layer().require(ReadInvoices))
///     .post("/orgs/{org_code}/invoices", create, verifier.layer().require(WriteInvoices))
///     .build()?;
///
/// let public: Vec<&str> = inventory.iter().filter(|route| route.is_public()).map(|route| route.path()).collect();
/// assert_eq!(public, ["/healthz"]);
/// assert_eq!(inventory.scopes().len(), 2);
/// println!("{inventory}");
/// # Ok(())
/// # }
/// ```
///
/// Forgetting the decision:
///
/// ```compile_fail
/// let routes: tower_m2m::Routes = tower_m2m::Routes::new().get("/invoices", async || "everybody's");
/// ```
#[must_use = "nothing is routed before `build`"]
pub struct Routes<S = ()> {
    router: Router<S>,
    entries: Vec<RouteEntry>,
    problem: Option<RouteError>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            entries: Vec::new(),
            problem: None,
        }
    }

    /// Routes one method of one path, in axum's syntax. `GET` answers `HEAD` too.
    pub fn route<H, T>(
        mut self,
        method: &Method,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let Access(rule) = access.into();
        match self.check(method, path) {
            Ok(filter) => {
                let decided = RouteEntry {
                    method: method.clone(),
                    path: path.to_owned(),
                    rule: rule.clone(),
                };
                let methods = on(filter, handler);
                let methods = match rule {
                    AccessRule::Layer(layer) => methods.route_layer(layer),
                    AccessRule::Public | AccessRule::PublicPerTenant => methods,
                };
                self.router = self.router.route(path, methods);
                self.entries.push(decided);
            }
            // The first problem is told.
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// Routes `GET`, and with it `HEAD`.
    pub fn get<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::GET, path, handler, access)
    }

    /// Routes `POST`.
    pub fn post<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::POST, path, handler, access)
    }

    /// Routes `PUT`.
    pub fn put<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::PUT, path, handler, access)
    }

    /// Routes `PATCH`.
    pub fn patch<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::PATCH, path, handler, access)
    }

    /// Routes `DELETE`.
    pub fn delete<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::DELETE, path, handler, access)
    }

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
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() && parse_path(prefix).is_none() {
            return Err(RouteError::InvalidPath {
                path: prefix.to_owned(),
            });
        }
        let mut routes = self.entries;
        for route in &mut routes {
            route.path = match route.path.as_str() {
                "/" if !prefix.is_empty() => prefix.to_owned(),
                path => format!("{prefix}{path}"),
            };
            route.check()?;
        }
        Ok((self.router, RouteInventory { routes }))
    }

    /// What axum would answer with a panic is an error.
    fn check(&self, method: &Method, path: &str) -> Result<MethodFilter, RouteError> {
        let filter =
            MethodFilter::try_from(method.clone()).map_err(|_| RouteError::UnsupportedMethod {
                method: method.clone(),
            })?;
        let refused = || RouteError::InvalidPath {
            path: path.to_owned(),
        };
        let shape = parse_path(path).ok_or_else(refused)?;
        for route in &self.entries {
            if route.path == path {
                if route.method == *method {
                    return Err(RouteError::Duplicate {
                        method: method.clone(),
                        path: path.to_owned(),
                    });
                }
            } else if path::parse_path(&route.path).is_some_and(|other| overlap(&shape, &other)) {
                return Err(refused());
            }
        }
        Ok(filter)
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("decided", &self.entries)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}
