//! Tenant isolation and scopes, through the public API.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests"
)]

mod acting;
#[cfg(feature = "tls-rustls")]
mod broken_setups;
mod caller_check;
#[cfg(feature = "tls-rustls")]
#[path = "../support/certificate.rs"]
mod certificate;
mod compared;
mod decisions;
mod denylist;
mod isolation_check;
mod later_use;
mod mistaken_settings;
mod organization_sources;
mod positions;
mod preflights;
mod random_routes;
mod reasons;
#[path = "../support/recorder.rs"]
mod recorder;
mod routes;
#[path = "../support/subscriber.rs"]
mod subscriber;
mod support;
mod undecided_parameters;
mod unforgeable_types;
