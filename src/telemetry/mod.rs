//! The events, spans and metrics for operators, each in one file.
//!
//! This module uses no type of `jwks`. The functions take stable codes, counts and errors as `&dyn
//! Display`.

pub(crate) mod compared;
pub(crate) mod decision;
#[cfg(feature = "security-events")]
pub(crate) mod event_delivery;
pub(crate) mod events;
pub(crate) mod limit;
pub(crate) mod metrics;
pub(crate) mod spans;
