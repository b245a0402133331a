//! Who may sign: an issuer's keys, and how fresh they are (RFC 7517, RFC 8414).
//!
//! [`KeySet::parse`] is a pure parser that a fuzzer can drive. All else here keeps a set fresh: the only floor of the
//! house with I/O.

mod budget;
mod discovery;
mod error;
mod fetch;
mod freshness;
mod key;
mod key_set;
mod remote;
mod source;
mod status;
mod url;

pub use discovery::jwks_uri;
pub use error::{JwksError, KeyError};
pub use fetch::{BoxError, FetchFuture};
pub(crate) use fetch::{Fetcher, HttpSettings, Proxy};
use key::VerificationKey;
pub use key_set::{KeySet, LeftOut, PublishedKey};
pub(crate) use remote::{Endpoint, Flight, RemoteKeys, Timing, Wanted};
pub(crate) use source::{Generation, Keys};
pub use status::{Cause, IssuerStatus, SavedKeys};
pub(crate) use url::is_secure_url;
