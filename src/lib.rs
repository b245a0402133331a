//! Resource-server middleware for machine-to-machine access tokens: a tower
//! [`Layer`](AuthorizeLayer) verifies incoming tokens against a cached JWK Set, enforces scopes,
//! and gives handlers the calling organization, so that a handler can only act for the tenant that
//! called it.
//!
//! > A [`Verifier`] turns an access token into [`Claims`] or a [`Rejection`]. An [`AuthorizeLayer`]
//! > puts it in front of a service. Handlers read the [`OrgCode`].
//!
//! # Quick start
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use tower_m2m::{OrgCode, Scope, Verifier};
//!
//! const READ_INVOICES: Scope = Scope::from_static("read:invoices");
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
//!     let app = Router::new()
//!         .route("/orgs/{org_code}/invoices", get(|org: OrgCode| async move { format!("invoices of {org}") }))
//!         .route_layer(verifier.layer().require(READ_INVOICES));
//!     axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! A request reaches the handler only if its token has a valid signature under a key that the
//! issuer publishes, was issued by this issuer through the client-credentials flow, names this
//! audience, has not expired, belongs to *the route's* organization, and carries the scope.
//! Otherwise the layer [responds](guide::responses).
//!
//! # How a request is decided
//!
//! ```text
//! Authorization: Bearer eyJ…
//!    │ bearer       no token → 401            two credentials, bad characters, too long → 400
//!    ▼
//!    │ verified     the very same token again, same keys, still in time ─────────────┐
//!    │ token        three segments, strict base64url, one JSON object → else 401     │
//!    │ jwks         the issuer's key of that name and algorithm → else 401, or 503   │
//!    │ signature    the only expensive step → else 401                               │
//!    │ rules        exp nbf iat aud grant type, organization, scopes → else 401      │
//!    ▼                                                                               ▼
//!  Claims ─ caller   → 401, 403, 503 ─ tenant → 403 ─ scope → 403 ─▶ request extensions ─▶ handler(org: OrgCode)
//! ```
//!
//! # The public API
//!
//! * to verify: [`Verifier`], [`Issuer`], [`VerifierBuilder`], [`Config`], [`Profile`],
//!   [`ClaimCondition`], [`Algorithm`], [`Clock`]
//! * to verify opaque credentials: `ApiKeys`, `Introspection` (feature `introspection`)
//! * to check bound tokens: `ProofOfPossession`, `ReplayStore` (features `dpop`, `mtls`)
//! * to reject callers: [`Denylist`], [`DenylistStore`], `RedisStore` (feature `redis`),
//!   [`CallerCheck`], `KindeCallerCheck` and `EventReceiver` (feature `security-events`)
//! * to end streams, sockets and jobs: [`AuthorizeLayer::end_streams`], [`Verifier::invalidated`],
//!   [`InvalidationReason`], [`StreamEnded`]
//! * to protect: [`AuthorizeLayer`], [`OrganizationSource`], [`Scope`], [`scopes!`],
//!   [`token::ScopeRequirement`], [`ResourceMetadata`], `Routes` (axum)
//! * to read the caller: [`OrgCode`], [`Claims`], `Scoped` (axum), [`RequestExt`] (other services)
//! * to observe: [`Rejection`], [`Verifier::status`], [`Verifier::is_ready`], [`Readiness`],
//!   [`Verifier::weak_settings`], [`Explanation`]
//! * to fuzz: [`token`], [`jwks::KeySet`], [`jwks::jwks_uri`], [`bearer`], `introspection` (feature
//!   `introspection`)
//! * to test: `testing` (feature `test-util`)
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `axum` | yes | extractors, and the comparison of `{org_code}` in matched routes |
//! | `tls-rustls` | yes | the HTTP client that fetches keys, with rustls, aws-lc-rs and the system's certificates |
//! | `tls-native` | | the same client with the TLS of the system |
//! | `tls-rustls-no-provider` | | the same client with the rustls crypto provider that the application installs |
//! | `reqwest` | | the client without TLS, for issuers on loopback; the three above include it |
//! | `tracing` | yes | events and spans for operators, and the caller on the request's span |
//! | `metrics` | | counters, gauges and a histogram, for the recorder that the application installs |
//! | `introspection` | | API keys of Kinde and opaque access tokens, which the issuer is queried about |
//! | `dpop` | | tokens that are bound to a key whose owner signs a proof for each request (DPoP, RFC 9449) |
//! | `mtls` | | tokens that are bound to a client certificate (RFC 8705) |
//! | `security-events` | | Kinde's webhooks, its suspended organizations, and Security Event Tokens take effect |
//! | `redis` | | a store in Redis that several replicas share, for a denylist and for used DPoP proofs |
//! | `test-util` | | test utilities: a local issuer, an injected clock, forged tokens |
//! | `cli` | | the command-line tool `m2m`, for `cargo install` only: local issuer, explanation, lint, attack |
//!
//! Without the client, keys come from [`Issuer::jwk_set`], [`Issuer::public_key_pem`] or
//! [`Issuer::fetch_with`]. A feature adds an API or a backend. No feature changes which tokens are
//! accepted.
//!
//! # The guide
//!
//! The [guide] has a chapter for each part: [responses](guide::responses), [Kinde](guide::kinde)
//! and [other issuers](guide::issuers), tenancy, scopes, [migrating](guide) from other crates,
//! [keys and outages](guide::keys), testing, the [tool `m2m`](guide),
//! [operations](guide::operations), [observability](guide::observability),
//! [decisions](guide::decisions), [threats](guide::threats).
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod bearer;
mod clock;
mod config;
mod extensions;
#[cfg(feature = "axum")]
mod extract;
pub mod guide;
mod http_client;
#[cfg(feature = "introspection")]
pub mod introspection;
pub mod jwks;
mod metadata;
mod middleware;
#[cfg(any(feature = "dpop", feature = "mtls"))]
mod proof_of_possession;
mod rejection;
mod response;
mod revocation;
#[cfg(feature = "axum")]
mod routes;
mod scopes;
#[cfg(feature = "security-events")]
mod security_events;
#[cfg(feature = "redis")]
mod stores;
mod telemetry;
#[cfg(feature = "test-util")]
pub mod testing;
pub mod token;
mod util;
mod verifier;

pub use clock::Clock;
pub use config::Config;
pub use extensions::{CallerOrg, RequestExt};
#[cfg(feature = "axum")]
pub use extract::{ExtractorRejection, Scoped};
#[cfg(feature = "introspection")]
#[doc(inline)]
pub use introspection::{
    ApiKeys, Introspection, IntrospectionError, IntrospectionStatus, SavedCredentials,
    SavedCredentialsError,
};
pub use metadata::ResourceMetadata;
pub use middleware::{Authorize, AuthorizeLayer, OrganizationSource, ResponseBody, ResponseFuture};
#[cfg(any(feature = "dpop", feature = "mtls"))]
pub use proof_of_possession::ProofOfPossession;
#[cfg(feature = "mtls")]
pub use proof_of_possession::{ClientCertificate, InvalidIpRange, IpRange, Mtls, PeerAddress};
#[cfg(feature = "dpop")]
pub use proof_of_possession::{Dpop, ProofUse, ReplayStatus, ReplayStore, UsedProof};
pub use rejection::{Misconfiguration, MissingLayer, Rejection};
#[cfg(feature = "security-events")]
#[doc(hidden)]
pub use revocation::CheckSetup;
#[cfg(feature = "security-events")]
pub use revocation::KindeCallerCheck;
pub use revocation::{
    Caller, CallerCheck, CallerStatus, Denylist, DenylistChanges, DenylistEntry, DenylistError,
    DenylistRecord, DenylistStore, EntryExpiry, InvalidationReason, RecordError, RecordKey,
    ReplicationEnded, ReplicationError, ReplicationStatus, StoreCursor, StreamEnded,
};
#[cfg(feature = "axum")]
pub use routes::{Access, Public, PublicPerTenant, RouteEntry, RouteError, RouteInventory, Routes};
pub use scopes::{AnyOf, DeclaredScope, RequiredScopes};
#[cfg(feature = "security-events")]
#[doc(inline)]
pub use security_events::{
    EventError, EventPoller, EventReceiver, EventReceiverStatus, NeedsEventAudience, PollError,
    Polled, SecurityEventSettings, StreamStatus,
};
#[cfg(feature = "redis")]
pub use stores::{RedisConnect, RedisStore, RedisStoreError};
#[doc(inline)]
pub use token::{Algorithm, Claims, CredentialKind, OrgCode, Scope};
pub use util::BoxError;
pub use verifier::{Check, Explanation, Outcome};
pub use verifier::{
    ClaimCondition, ConfigError, Invalidated, Issuer, NeedsAudience, Profile, Readiness,
    StartError, Verifier, VerifierBuilder, WeakSetting,
};

/// The README's code is compiled too.
#[cfg(all(doctest, feature = "axum", feature = "test-util"))]
#[doc = include_str!("../README.md")]
struct Readme;
