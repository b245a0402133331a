//! Who may sign: an issuer's keys, and how fresh they are (RFC 7517, RFC 8414).
//!
//! [`KeySet::parse`] is a pure parser that a fuzzer can drive. All else here keeps a set fresh: the only floor of the
//! house with I/O.

mod budget;
mod clients;
mod discovery;
mod driver;
mod error;
mod fetch;
mod fetch_set;
mod flights;
mod freshness;
mod key;
mod key_set;
mod key_source;
mod lease;
mod log;
mod remote;
mod saved;
mod state;
mod status;
mod timing;
mod unknown_kids;
mod url;

pub(crate) use clients::HttpClients;
pub use discovery::jwks_uri;
pub use error::{JwksError, KeyError};
pub use fetch::FetchFuture;
pub(crate) use fetch::{Fetcher, HttpSettings, Proxy};
pub(crate) use flights::Flight;
use key::VerificationKey;
pub(crate) use key_set::Generation;
pub use key_set::{KeySet, LeftOut, PublishedKey};
pub(crate) use key_source::Keys;
pub(crate) use remote::RemoteKeys;
pub use saved::SavedKeys;
pub use status::{Cause, IssuerStatus};
pub(crate) use timing::{Endpoint, Timing, Wanted};
pub(crate) use url::is_secure_url;
