//! Resource-server middleware for machine-to-machine access tokens.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod bearer;
mod challenge;
mod clock;
mod events;
mod extensions;
#[cfg(feature = "axum")]
mod extract;
pub mod jwks;
mod middleware;
mod rejection;
mod scopes;
#[cfg(feature = "test-util")]
pub mod testing;
pub mod token;
mod verifier;

pub use clock::Clock;
pub use extensions::RequestExt;
#[cfg(feature = "axum")]
pub use extract::{Refusal, Scoped};
pub use middleware::{Authorize, AuthorizeLayer, ResponseBody, ResponseFuture, RouteOrganization};
pub use rejection::Rejection;
pub use scopes::{AnyOf, DeclaredScope, ScopeSet};
pub use token::{Algorithm, Claims, OrgCode, Scope};
pub use verifier::{ConfigError, Issuer, NeedsAudience, Profile, StartError, Verifier, VerifierBuilder};
