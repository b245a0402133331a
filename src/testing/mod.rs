//! A test kit: an issuer of your own, tokens in one line, faults, forgeries and assertions (feature `test-util`).
//!
//! Nothing here is a mock. [`LocalIssuer`] is a small authorization server: it makes fresh keys when it starts, publishes
//! them over HTTP on loopback, answers `POST /oauth2/token`, and mints tokens in exactly the shape of Kinde's.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use tower_m2m::testing::LocalIssuer;
//!
//! let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
//! let token = issuer.org("org_a").scopes(["read:invoices"]).token();
//! assert_eq!(token.split('.').count(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! | want | use |
//! |---|---|
//! | a server with discovery, keys and a token endpoint | [`LocalIssuer::start`] |
//! | tokens and a key set, no socket | [`LocalIssuer::in_process`] |
//! | any token, well-formed or odd | [`TokenBuilder`] |
//! | time that the test moves | [`Clock::manual`](crate::clock::Clock::manual) with [`LocalIssuerBuilder::clock`] |
//! | an issuer that is slow, lies, or is gone | [`Fault`], [`LocalIssuer::go_down`] |
//! | everything an attacker would send | [`forged::all`], [`forged::attack`] |
//! | to try every route as another tenant | [`tenants::check_isolation`] |
//! | a token that expires between two layers | [`QueueLayer`] |
//! | to test a handler without any token | [`claims()`] |
//! | to look into a refusal | [`assertions::Challenge`] |
//!
//! **Only for tests and local development.** The feature belongs in `[dev-dependencies]`, and a build with it and without
//! debug assertions stops (see the [guide](crate::guide::testing#keeping-it-out-of-production)). The server listens on loopback
//! and refuses any other address, because whoever can reach it can obtain tokens.

pub mod assertions;
pub mod forged;
pub mod tenants;

mod admin;
mod algorithm;
mod apps;
mod builder;
mod control;
mod defaults;
mod documents;
mod encoding;
mod faults;
mod form;
mod guard;
mod gzip;
mod inject;
mod issuer;
mod keyring;
mod keys;
mod mint;
mod profile;
mod queue;
mod respond;
mod routes;
mod server;
mod state;
mod token_endpoint;

#[cfg(test)]
mod tests;

pub use algorithm::SigningAlgorithm;
pub use apps::{App, SecretRotation};
pub use builder::LocalIssuerBuilder;
pub use defaults::{AUDIENCE, CLIENT_ID};
pub use faults::{Endpoint, Fault};
pub use inject::{FakeClaims, FakeClaimsLayer, FakeClaimsService, claims};
pub use issuer::LocalIssuer;
pub use keys::SigningKey;
pub use mint::TokenBuilder;
pub use profile::Profile;
pub use queue::{Queue, QueueLayer};
