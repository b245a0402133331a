//! Opaque credentials: Kinde's API keys and opaque access tokens (RFC 7662).
//!
//! An opaque credential says nothing by itself, so the issuer is queried about it.

mod api_keys;
mod client_secret;
mod response;
mod rfc7662;
mod timing;

pub use api_keys::ApiKeys;
pub use response::{
    IntrospectionResponse, InvalidResponse, KeyKind, VerifiedKey, parse_error_code,
    parse_kinde_key, parse_kinde_verify, parse_rfc7662,
};
pub use rfc7662::Introspection;
