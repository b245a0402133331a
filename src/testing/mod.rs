//! Test utilities (feature `test-util`): a local issuer, tokens in one line, faults, forgeries and
//! assertions.
//!
//! There are no mocks. [`LocalIssuer`] is a small authorization server. It generates keys when it
//! starts, publishes them over HTTP on loopback, responds to `POST /oauth2/token`, and mints tokens
//! in the form of Kinde's.
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
//! | to check a replay store | `check_replay_store` (feature `dpop`) |
//! | a client that signs DPoP proofs | [`DpopClient`] with [`TokenBuilder::bound_to`] |
//! | a client that has a certificate | [`MtlsClient`] with [`TokenBuilder::bound_to_certificate`] |
//! | API keys and opaque tokens | [`LocalIssuer::api_key`], [`LocalIssuer::opaque_token`] |
//! | webhooks and security events | [`LocalIssuer::kinde_webhook`], [`LocalIssuer::security_event`] |
//! | an issuer that is slow, sends wrong data, or is down | [`Fault`], [`LocalIssuer::go_down`] |
//! | the tokens that an attacker would send | [`forged::all`], [`forged::attack`], [`forged::opaque`] |
//! | to call every route as another tenant | [`tenants::check_isolation`] |
//! | a token that expires between two layers | [`QueueLayer`] |
//! | to test a handler without a token | [`claims()`] |
//! | a denylist of several replicas, with faults | [`MemoryStore`] |
//! | to test your own [`DenylistStore`](crate::DenylistStore) | [`store_contract`] |
//! | to inspect a rejection | [`assertions::Challenge`] |
//!
//! **Only for tests and local development.** The feature belongs in `[dev-dependencies]`. A build
//! with it stops if it uses a release profile or has no debug assertions (see the
//! [guide](crate::guide::testing#keeping-it-out-of-production)). The server listens only on
//! loopback and rejects any other address, because any client that can reach it can obtain tokens.

pub mod assertions;
pub mod events;
pub mod forged;
pub mod store_contract;
pub mod tenants;

mod admin;
mod algorithm;
mod api_keys;
mod api_keys_endpoint;
mod apps;
mod builder;
mod certificate;
mod client_authentication;
mod contract_follower;
mod control;
mod credentials;
mod defaults;
mod documents;
mod dpop_client;
mod encoding;
mod faults;
mod form;
mod guard;
mod gzip;
mod inject;
mod introspection_endpoint;
mod issuer;
mod issuing;
mod keyring;
mod keys;
mod memory_records;
mod memory_store;
mod mint;
mod mtls_client;
mod oauth_error;
mod opaque_tokens;
mod organizations_endpoint;
mod profile;
mod queue;
#[cfg(feature = "dpop")]
mod replay_store;
mod respond;
mod routes;
mod server;
mod state;
mod token_endpoint;

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;

pub use algorithm::SigningAlgorithm;
pub use api_keys::ApiKey;
pub use apps::{App, SecretRotation};
pub use builder::LocalIssuerBuilder;
pub use defaults::{AUDIENCE, CLIENT_ID};
pub use dpop_client::{DpopClient, ProofBuilder};
pub use faults::{Endpoint, Fault};
pub use inject::{FakeClaims, FakeClaimsLayer, FakeClaimsService, claims};
pub use issuer::LocalIssuer;
pub use keys::SigningKey;
pub use memory_store::{MemoryStore, MemoryStoreCopy};
pub use mint::TokenBuilder;
pub use mtls_client::MtlsClient;
pub use opaque_tokens::OpaqueToken;
pub use profile::Profile;
pub use queue::{Queue, QueueLayer};
#[cfg(feature = "dpop")]
pub use replay_store::check_replay_store;
