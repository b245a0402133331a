//! The HTTP client: one bounded request, to an address that is allowed.
//!
//! It has an error of its own. The module that sends a request turns the error into its own and
//! reports it.

mod address;
#[cfg(feature = "introspection")]
mod client_credentials;
#[cfg(feature = "reqwest")]
mod client_error;
#[cfg(feature = "introspection")]
mod client_secret;
mod clients;
#[cfg(feature = "reqwest")]
mod dns;
mod error;
#[cfg(feature = "introspection")]
mod form_encoding;
mod http;

pub(crate) use address::{AddressRule, PrivateAddresses};
#[cfg(feature = "introspection")]
pub(crate) use client_credentials::{AccessTokenError, AccessTokens};
#[cfg(feature = "introspection")]
pub(crate) use client_secret::ClientSecret;
pub(crate) use clients::HttpClients;
pub(crate) use error::{HttpError, HttpFailure};
#[cfg(feature = "introspection")]
pub(crate) use form_encoding::{encode_form, form_urlencoded};
pub use http::FetchFuture;
pub(crate) use http::{Addresses, Fetcher, HttpSettings, Proxy};
