//! Opaque credentials: Kinde's API keys and opaque access tokens (RFC 7662).
//!
//! An opaque credential says nothing by itself, so the issuer is queried about it. `classify`
//! decides by its bytes which path a credential takes, `introspector` is what the verifier calls,
//! and the parsers of `response` read the issuer's response.

mod api_keys;
mod backend;
mod budget;
mod cache;
mod canary;
mod classify;
mod digest;
mod endpoint;
mod error;
mod flight;
mod in_flight;
mod introspector;
mod kinde;
mod known;
mod outage;
mod outcome;
mod recheck;
mod registry;
mod request;
mod response;
mod rfc7662;
mod saved;
mod setup;
mod siphash;
mod start;
mod state;
mod status;
mod timing;
mod token_introspection;

pub use api_keys::ApiKeys;
pub(crate) use backend::Weakness;
pub(crate) use classify::{CredentialPath, prefix_problem};
pub use error::IntrospectionError;
pub(crate) use introspector::{IntrospectionLookup, IntrospectionWait};
pub(crate) use outcome::{
    Accept, AcceptedCredential, ActiveResponse, IntrospectionOutcome, KeyApi, KeyOwner,
    OpaqueCredential, RejectedClaims, RejectedCredential, UseWindow,
};
pub(crate) use recheck::CredentialState;
pub(crate) use registry::{CredentialKeys, IssuerIntrospection, OpaqueCredentials};
pub use response::{
    IntrospectionResponse, InvalidResponse, KeyKind, VerifiedKey, parse_error_code,
    parse_kinde_key, parse_kinde_verify, parse_rfc7662,
};
pub use rfc7662::Introspection;
pub(crate) use rfc7662::MissingTokenType;
pub use saved::{SavedCredentials, SavedCredentialsError};
pub(crate) use setup::IntrospectionBackend;
pub use status::IntrospectionStatus;
pub(crate) use timing::IntrospectionTiming;
