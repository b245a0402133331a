//! The tower shape: a layer, its service, its future, its body.
//!
//! [`policy`] is the one function that admits: claims, tenant, scope, in this order.

mod body;
mod decision;
mod future;
mod layer;
pub(crate) mod policy;
pub(crate) mod route;
mod service;
mod settings;

pub use body::ResponseBody;
pub use future::ResponseFuture;
#[cfg(feature = "axum")]
pub(crate) use layer::AppliedLayers;
pub use layer::AuthorizeLayer;
pub use route::OrganizationSource;
pub use service::Authorize;
#[cfg(feature = "axum")]
pub(crate) use settings::{DEFAULT_PARAMETER, LayerSettings};
