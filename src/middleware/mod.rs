//! The tower middleware: the layer, its service, its future and its response body.
//!
//! [`decision`] decides whether a caller may call: the caller check, then the names in the route,
//! the organization and the scopes. [`policy`] has the rules for organizations and scopes, as
//! functions of the claims and the route.

mod admission;
mod body;
#[cfg(feature = "mtls")]
mod certificate;
mod changed_call;
mod compared;
mod credentials;
mod decision;
mod ending_body;
mod explain;
mod findings;
mod future;
mod layer;
mod layer_stack;
mod organizations;
mod parameters;
pub(crate) mod policy;
mod possession;
mod record;
mod reported_routes;
mod requested;
mod response_nonce;
mod response_settings;
pub(crate) mod route;
#[cfg(feature = "axum")]
mod route_check;
mod service;
mod settings;
#[cfg(any(feature = "dpop", feature = "mtls"))]
mod verify_request;

pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use layer::AuthorizeLayer;
#[cfg(feature = "axum")]
pub(crate) use layer_stack::{AppliedLayers, LayerStack, innermost_layer};
#[cfg(feature = "axum")]
pub(crate) use parameters::RouteParameters;
#[cfg(feature = "axum")]
pub(crate) use record::OUTER_RESULTS;
pub use route::OrganizationSource;
#[cfg(feature = "axum")]
pub(crate) use route_check::{RouteProblem, tenant_parameter};
pub use service::Authorize;
