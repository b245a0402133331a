//! The manual, in chapters. The [front page](crate) comes before it: the quick start, and how a
//! request is decided.
//!
//! | chapter | content |
//! |---|---|
//! | [`responses`] | what a client receives, and what to do about it |
//! | `tenancy` (feature `axum`) | how one customer is kept out of another's data |
//! | `scopes` (feature `axum`) | declaring the permissions of clients once |
//! | [`kinde`] | the form of Kinde's tokens, and their pitfalls |
//! | `first_token` (feature `axum`) | Kinde, from zero to the first token |
//! | `api_keys` (features `axum`, `introspection`) | API keys of Kinde and opaque access tokens: when to use which, revocation, outages, limits |
//! | `security_events` (features `axum`, `security-events`) | suspended organizations, Kinde's webhooks, Security Event Tokens |
//! | `bound_tokens` (features `axum`, `dpop`, `mtls`) | tokens that are useless without a key: DPoP, client certificates, proxies, nonces, replicas, limits |
//! | [`issuers`] | Auth0, Okta, Entra ID, Keycloak, Cognito and others: what their tokens look like, and what to configure |
//! | [`configuration`] | settings in files (JSON, TOML, YAML) and in the environment |
//! | [`claims`] | how claims are read: `null`, pointers, scopes in arrays |
//! | `migrating` (feature `axum`) | from other crates: what to write instead, and what behaves differently |
//! | [`keys`] | what happens if the issuer is down, rotates or leaks a key, or if a client floods the service |
//! | [`operations`] | start, readiness, limits, load balancers |
//! | [`replicas`] | many replicas: what they share, Redis, failures, alerts |
//! | `layer_order` (feature `axum`) | the order of layers with axum, hyper and tonic; WebSocket and server-sent events |
//! | `streams` (feature `axum`) | how open streams, WebSocket connections and jobs end with their token |
//! | `testing` (feature `test-util`) | how to test an API behind the layer, and how to keep the test utilities out of production |
//! | `command_line` (feature `test-util`) | the tool `m2m`: a local issuer, explanations, an attack on a server in any language, also in a pipeline |
//! | [`observability`] | the events, spans and metrics, and recipes for alerts |
//! | [`architecture`] | the code layers, the path of a request, the invariants |
//! | [`threats`] | who can attack, and what prevents it |
//! | [`decisions`] | decisions and their reasons |

#[doc = include_str!("responses.md")]
pub mod responses {}

#[cfg(feature = "axum")]
#[doc = include_str!("tenancy.md")]
pub mod tenancy {}

#[cfg(feature = "axum")]
#[doc = include_str!("scopes.md")]
pub mod scopes {}

#[doc = include_str!("kinde.md")]
pub mod kinde {}

#[cfg(feature = "axum")]
#[doc = include_str!("first_token.md")]
pub mod first_token {}

#[cfg(all(feature = "axum", feature = "introspection"))]
#[doc = include_str!("api_keys.md")]
pub mod api_keys {}

#[cfg(all(feature = "axum", feature = "security-events"))]
#[doc = include_str!("security_events.md")]
pub mod security_events {}

#[cfg(all(feature = "axum", feature = "dpop", feature = "mtls"))]
#[doc = include_str!("bound_tokens.md")]
pub mod bound_tokens {}

#[doc = include_str!("issuers.md")]
pub mod issuers {}

#[doc = include_str!("configuration.md")]
pub mod configuration {}

#[doc = include_str!("claims.md")]
pub mod claims {}

#[cfg(feature = "axum")]
#[doc = include_str!("migrating.md")]
pub mod migrating {}

#[doc = include_str!("keys.md")]
pub mod keys {}

#[doc = include_str!("operations.md")]
pub mod operations {}

#[doc = include_str!("replicas.md")]
pub mod replicas {}

#[cfg(feature = "axum")]
#[doc = include_str!("layer_order.md")]
pub mod layer_order {}

#[cfg(feature = "axum")]
#[doc = include_str!("streams.md")]
pub mod streams {}

#[cfg(feature = "test-util")]
#[doc = include_str!("testing.md")]
pub mod testing {}

#[cfg(feature = "test-util")]
#[doc = include_str!("command_line.md")]
pub mod command_line {}

#[doc = include_str!("observability.md")]
pub mod observability {}

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("threats.md")]
pub mod threats {}

#[doc = include_str!("decisions.md")]
pub mod decisions {}
