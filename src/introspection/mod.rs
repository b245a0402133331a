//! Opaque credentials: Kinde's API keys and opaque access tokens (RFC 7662).
//!
//! An opaque credential says nothing by itself, so the issuer is queried about it.

mod api_keys;
mod client_secret;
mod rfc7662;
mod timing;

pub use api_keys::ApiKeys;
pub use rfc7662::Introspection;
