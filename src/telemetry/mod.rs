//! What operators see of the crate: events, spans and metrics, each in one file.
//!
//! Nothing here names a type of `jwks`. The functions take stable codes, counts and errors as `&dyn Display`.

pub(crate) mod compared;
pub(crate) mod decision;
pub(crate) mod events;
pub(crate) mod limit;
pub(crate) mod metrics;
pub(crate) mod spans;
