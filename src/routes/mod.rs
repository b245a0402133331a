//! Routes that each have a decision (feature `axum`): every route is registered with its access
//! rule.

mod access;
mod build;
mod error;
mod inventory;
mod path;

use std::fmt;

use access::AccessRule;
pub use access::{Access, Public, PublicPerTenant};
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
pub use error::RouteError;
use http::Method;
pub use inventory::{RouteEntry, RouteInventory};
use path::{is_prefix, nested_path};

/// A builder of an axum router. Every route is registered together with its decision: a layer, or
/// [`Public`].
///
/// A route without a decision does not compile. The result is the router and a [`RouteInventory`],
/// which tests and generators of documents read.
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
/// A route without a decision:
///
/// ```compile_fail
/// let routes: tower_m2m::Routes = tower_m2m::Routes::new().get("/invoices", async || "everybody's");
/// ```
#[must_use = "nothing is routed before `build`"]
pub struct Routes<S = ()> {
    routes: Vec<Route<S>>,
    /// The first problem that later checks could not find.
    problem: Option<RouteError>,
}

/// A route that is not checked yet.
struct Route<S> {
    entry: RouteEntry,
    handler: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Creates an empty set of routes.
    pub fn new() -> Self {
        Self {
            routes: Vec::new(),
            problem: None,
        }
    }

    /// Adds a route for one method and one path, in axum's syntax. `GET` includes `HEAD`.
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
        // With a prefix, the path would become valid.
        if !path.starts_with('/') {
            return self.with_problem(RouteError::InvalidPath {
                path: path.to_owned(),
            });
        }
        let Ok(filter) = MethodFilter::try_from(method.clone()) else {
            return self.with_problem(RouteError::UnsupportedMethod {
                method: method.clone(),
            });
        };
        let handler = on(filter, handler);
        let handler = match &rule {
            AccessRule::Layer(layer) => handler.route_layer(layer.clone()),
            AccessRule::Public | AccessRule::PublicPerTenant => handler,
        };
        self.routes.push(Route {
            entry: RouteEntry {
                method: method.clone(),
                path: path.to_owned(),
                rule,
            },
            handler,
        });
        self
    }

    /// Adds the routes of another module under a prefix, which may have parameters.
    ///
    /// Only the outermost [`build`](Self::build) checks the routes. It checks the full paths, which
    /// are also those of the inventory. A layer of the module can compare a parameter of the
    /// prefix. In contrast to axum's `nest`, handlers see the whole path in the request's URI. If
    /// the prefix is empty or `/`, or if it has a wildcard, `build` returns an error.
    ///
    /// ```
    /// use axum::Router;
    /// use tower_m2m::{OrgCode, Public, Routes, Verifier};
    ///
    /// fn invoices(verifier: &Verifier) -> Routes {
    ///     Routes::new().get("/invoices", async |org: OrgCode| org.to_string(), verifier.layer())
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
    /// let health = Routes::new().get("/healthz", async || "ok", Public);
    /// let (app, inventory): (Router, _) =
    ///     Routes::new().nest("/orgs/{org_code}", invoices(&verifier)).merge(health).build()?;
    /// let paths: Vec<&str> = inventory.iter().map(|route| route.path()).collect();
    /// assert_eq!(paths, ["/orgs/{org_code}/invoices", "/healthz"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn nest(mut self, prefix: &str, routes: Self) -> Self {
        if !is_prefix(prefix) {
            return self.with_problem(RouteError::InvalidPath {
                path: prefix.to_owned(),
            });
        }
        self.routes
            .extend(routes.routes.into_iter().map(|mut route| {
                route.entry.path = nested_path(prefix, &route.entry.path);
                route
            }));
        self.problem = self.problem.or(routes.problem);
        self
    }

    /// Adds the routes of another module.
    ///
    /// Only the outermost [`build`](Self::build) checks the routes.
    pub fn merge(mut self, routes: Self) -> Self {
        self.routes.extend(routes.routes);
        self.problem = self.problem.or(routes.problem);
        self
    }

    /// Sets the state of the handlers, so that routes of modules with different states can be
    /// combined.
    pub fn with_state<S2>(self, state: S) -> Routes<S2> {
        let routes = self.routes.into_iter().map(|route| Route {
            entry: route.entry,
            handler: route.handler.with_state(state.clone()),
        });
        Routes {
            routes: routes.collect(),
            problem: self.problem,
        }
    }

    /// Adds a route for `GET` and `HEAD`.
    pub fn get<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::GET, path, handler, access)
    }

    /// Adds a route for `POST`.
    pub fn post<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::POST, path, handler, access)
    }

    /// Adds a route for `PUT`.
    pub fn put<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::PUT, path, handler, access)
    }

    /// Adds a route for `PATCH`.
    pub fn patch<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::PATCH, path, handler, access)
    }

    /// Adds a route for `DELETE`.
    pub fn delete<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        access: impl Into<Access>,
    ) -> Self {
        self.route(&Method::DELETE, path, handler, access)
    }

    /// Keeps the first problem.
    fn with_problem(mut self, problem: RouteError) -> Self {
        self.problem = self.problem.or(Some(problem));
        self
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
            .field(
                "decided",
                &self
                    .routes
                    .iter()
                    .map(|route| &route.entry)
                    .collect::<Vec<_>>(),
            )
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}
