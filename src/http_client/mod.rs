//! The HTTP client: one bounded request, to an address that is allowed.
//!
//! It has an error of its own. The module that sends a request turns the error into its own and
//! reports it.

mod address;
#[cfg(feature = "reqwest")]
mod client_error;
mod clients;
#[cfg(feature = "reqwest")]
mod dns;
mod error;
mod http;

pub(crate) use address::{AddressRule, PrivateAddresses};
pub(crate) use clients::HttpClients;
pub(crate) use error::{HttpError, HttpFailure};
pub use http::FetchFuture;
pub(crate) use http::{Addresses, Fetcher, HttpSettings, Proxy};
