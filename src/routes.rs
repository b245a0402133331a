//! Routes that are all decided about (feature `axum`): each is registered with who may call it.

use std::fmt;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use http::Method;

use crate::middleware::AuthorizeLayer;
use crate::token::{Requirement, Scope};

/// An axum router of which every route is registered together with its decision: a layer, or [`Public`].
///
/// A route without a decision does not compile. What comes out is the router, and an [`Inventory`] that tests can ask and
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
    decided: Vec<DecidedRoute>,
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

/// Why routes cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError {
    /// Two decisions about one method of one path.
    Decided {
        /// The method.
        method: Method,
        /// The path.
        path: String,
    },
    /// The path is none, or it overlaps with another: `/a/{x}` and `/a/{y}`.
    Path {
        /// The path.
        path: String,
    },
    /// A method that axum cannot route.
    Method {
        /// The method.
        method: Method,
    },
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            decided: Vec::new(),
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
                let decided = DecidedRoute {
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
                self.decided.push(decided);
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
    pub fn build(self) -> Result<(Router<S>, Inventory), RouteError> {
        match self.problem {
            None => Ok((
                self.router,
                Inventory {
                    routes: self.decided,
                },
            )),
            Some(problem) => Err(problem),
        }
    }

    /// What axum would answer with a panic is an error.
    fn check(&self, method: &Method, path: &str) -> Result<MethodFilter, RouteError> {
        let filter = MethodFilter::try_from(method.clone()).map_err(|_| RouteError::Method {
            method: method.clone(),
        })?;
        let refused = || RouteError::Path {
            path: path.to_owned(),
        };
        let shape = shape(path).ok_or_else(refused)?;
        for route in &self.decided {
            if route.path == path {
                if route.method == *method {
                    return Err(RouteError::Decided {
                        method: method.clone(),
                        path: path.to_owned(),
                    });
                }
            } else if self::shape(&route.path).is_some_and(|other| overlap(&shape, &other)) {
                return Err(refused());
            }
        }
        Ok(filter)
    }
}

/// One step of a path.
#[derive(PartialEq)]
enum Step<'p> {
    Exactly(&'p str),
    Parameter,
    Rest,
}

/// The path without the names of its parameters, or nothing if it is none.
fn shape(path: &str) -> Option<Vec<Step<'_>>> {
    let steps: Option<Vec<Step<'_>>> = path.strip_prefix('/')?.split('/').map(step).collect();
    steps.filter(|steps| !steps.iter().rev().skip(1).any(|step| *step == Step::Rest))
}

fn step(step: &str) -> Option<Step<'_>> {
    let named = |name: &str| !name.is_empty() && !name.contains(['{', '}', '*']);
    match step
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'))
    {
        Some(name) => match name.strip_prefix('*') {
            Some(rest) => named(rest).then_some(Step::Rest),
            None => named(name).then_some(Step::Parameter),
        },
        None if step.contains(['{', '}']) || step.starts_with([':', '*']) => None,
        None => Some(Step::Exactly(step)),
    }
}

fn overlap(a: &[Step<'_>], b: &[Step<'_>]) -> bool {
    for (a, b) in a.iter().zip(b) {
        match (a, b) {
            (Step::Rest, Step::Rest | Step::Parameter) | (Step::Parameter, Step::Rest) => {
                return true;
            }
            (a, b) if a != b => return false,
            _ => {}
        }
    }
    a.len() == b.len()
}

/// A route and the decision about it.
#[derive(Clone, Debug)]
pub struct DecidedRoute {
    method: Method,
    path: String,
    layer: Option<AuthorizeLayer>,
}

impl DecidedRoute {
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
    pub fn who(&self) -> &'static str {
        self.layer.as_ref().map_or("public", AuthorizeLayer::who)
    }

    /// The scopes that it asks for; nothing where it is public.
    #[must_use]
    pub fn requirement(&self) -> Option<&Requirement> {
        self.layer.as_ref().map(AuthorizeLayer::requirement)
    }

    /// Whether the route belongs to an organization, which is compared with the token's.
    #[must_use]
    pub fn is_of_organization(&self) -> bool {
        self.layer
            .as_ref()
            .is_some_and(|layer| layer.is_of_organization(&self.path))
    }
}

/// Every route and the decision about it. `Display` is a table.
///
/// Its requirements are what OpenAPI calls security requirement objects:
///
/// ```
/// # use tower_m2m::Inventory;
/// fn security(inventory: &Inventory, path: &str) -> Vec<Vec<String>> {
///     let requirements = inventory.iter().filter(|route| route.path() == path).filter_map(|route| route.requirement());
///     requirements.flat_map(|needed| needed.alternatives()).map(|all| all.iter().map(|scope| scope.to_string()).collect()).collect()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Inventory {
    routes: Vec<DecidedRoute>,
}

impl Inventory {
    /// The routes, in the order in which they were registered.
    pub fn iter(&self) -> impl Iterator<Item = &DecidedRoute> {
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

impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .iter()
            .map(|route| route.path.len())
            .max()
            .unwrap_or_default();
        for route in self.iter() {
            let scopes = route
                .requirement()
                .map(Requirement::to_string)
                .unwrap_or_default();
            let line = format!(
                "{:<7} {:<width$}  {:<36}  {scopes}",
                route.method.as_str(),
                route.path,
                route.who()
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
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
            .field("decided", &self.decided)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided { method, path } => write!(f, "{method} {path} is decided twice"),
            Self::Path { path } => write!(
                f,
                "{path:?} is no path that can be routed, or overlaps with another"
            ),
            Self::Method { method } => write!(f, "{method} is a method that cannot be routed"),
        }
    }
}

impl std::error::Error for RouteError {}
