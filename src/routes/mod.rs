//! Routes that are all decided about (feature `axum`): each is registered with who may call it.

mod error;
mod inventory;
mod path;

use std::fmt;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
pub use error::RouteError;
use http::Method;
pub use inventory::{RouteEntry, RouteInventory};
use path::{overlap, parse_path};

use crate::middleware::AuthorizeLayer;

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

/// The decision that everybody may call a route, without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it is written as a value")]
pub struct Public;

/// Who may call a route: made of an [`AuthorizeLayer`] or of [`Public`].
#[derive(Clone, Debug)]
pub struct Access(Option<AuthorizeLayer>);

impl From<Public> for Access {
    fn from(_: Public) -> Self {
        Self(None)
    }
}

impl From<AuthorizeLayer> for Access {
    fn from(layer: AuthorizeLayer) -> Self {
        Self(Some(layer))
    }
}

impl From<&AuthorizeLayer> for Access {
    fn from(layer: &AuthorizeLayer) -> Self {
        Self(Some(layer.clone()))
    }
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
        let Access(layer) = access.into();
        match self.check(method, path) {
            Ok(filter) => {
                let decided = RouteEntry {
                    method: method.clone(),
                    path: path.to_owned(),
                    layer: layer.clone(),
                };
                let methods = on(filter, handler);
                let methods = match layer {
                    Some(layer) => methods.route_layer(layer),
                    None => methods,
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

    /// The router, and what was decided.
    ///
    /// # Errors
    ///
    /// [`RouteError`], for the first route that cannot be.
    pub fn build(self) -> Result<(Router<S>, RouteInventory), RouteError> {
        match self.problem {
            None => Ok((
                self.router,
                RouteInventory {
                    routes: self.entries,
                },
            )),
            Some(problem) => Err(problem),
        }
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
