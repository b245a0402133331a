//! The HTTP client: one bounded request, to an address that is allowed.
//!
//! It has an error of its own. The module that sends a request turns the error into its own and
//! reports it.

mod address;
#[cfg(any(feature = "introspection", feature = "security-events"))]
mod client_credentials;
#[cfg(feature = "reqwest")]
mod client_error;
#[cfg(any(feature = "introspection", feature = "security-events"))]
mod client_secret;
mod clients;
#[cfg(feature = "reqwest")]
mod dns;
mod error;
#[cfg(any(feature = "introspection", feature = "security-events"))]
mod form_encoding;
mod http;
mod request_failure;

pub(crate) use address::{AddressRule, PrivateAddresses};
#[cfg(any(feature = "introspection", feature = "security-events"))]
pub(crate) use client_credentials::{AccessTokenError, AccessTokens, MIN_TOKEN_AGE};
#[cfg(any(feature = "introspection", feature = "security-events"))]
pub(crate) use client_secret::ClientSecret;
pub(crate) use clients::HttpClients;
pub(crate) use error::{HttpError, HttpFailure};
#[cfg(any(feature = "introspection", feature = "security-events"))]
pub(crate) use form_encoding::encode_form;
#[cfg(feature = "introspection")]
pub(crate) use form_encoding::form_urlencoded;
pub use http::FetchFuture;
pub(crate) use http::{Addresses, Fetcher, HttpSettings, Proxy};
pub(crate) use request_failure::RequestFailure;
