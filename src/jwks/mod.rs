//! The keys of an issuer, and their freshness (RFC 7517, RFC 8414).
//!
//! [`KeySet::parse`] is a pure parser that a fuzzer can drive. `remote` refreshes a set.

mod candidates;
mod certificate;
mod discovery;
mod error;
mod error_chain;
mod error_messages;
mod jwk;
mod key;
mod key_binding;
mod key_error;
mod key_set;
mod key_source;
mod keyed_hash;
mod remote;
mod status;
mod unusable_key;
mod url;
mod weak_keys;

pub use crate::http_client::FetchFuture;
pub(crate) use candidates::MAX_KEYS_WITHOUT_KID;
pub(crate) use certificate::certificate_problem;
pub use discovery::jwks_uri;
#[cfg(feature = "security-events")]
pub(crate) use discovery::well_known_url;
#[cfg(feature = "introspection")]
pub(crate) use discovery::{introspection_endpoint, metadata_urls};
pub use error::{FetchError, JwksError};
#[cfg(all(test, tower_m2m_unit_tests))]
pub(crate) use key::SIGNATURE_CHECKS;
#[cfg(not(feature = "dpop"))]
use key::VerificationKey;
#[cfg(feature = "dpop")]
pub(crate) use key::VerificationKey;
pub(crate) use key::{KeySetLimits, KeySetScope};
pub use key_error::KeyError;
pub(crate) use key_set::VersionedKeySet;
pub use key_set::{KeyInfo, KeySet};
pub(crate) use key_source::KeySource;
pub(crate) use keyed_hash::keyed_hash;
pub use remote::SavedKeys;
#[cfg(any(feature = "introspection", feature = "security-events"))]
pub(crate) use remote::retry_after;
pub(crate) use remote::{
    FetchAllowance, FetchTicket, Fetchers, IfUndecided, JwksLocation, KeyLookup, KeyRequest,
    KeyWait, RefreshConfig, Registration, RemoteKeySet,
};
pub use status::{FetchCause, IssuerStatus};
pub use unusable_key::UnusableKey;
pub(crate) use unusable_key::UnusableKeys;
pub(crate) use url::{PlainHttp, is_allowed_url, is_secure_url};
