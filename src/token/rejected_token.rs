//! A rejected token with a valid signature, for events.

use std::sync::Arc;

/// The description of a rejected token in an event. It exists only if the signature is valid.
///
/// It contains no claim value except the client ID, the organization, the issuer and `jti`.
#[derive(Debug)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) struct RejectedToken {
    pub(crate) issuer: Arc<str>,
    pub(crate) client_id: Option<Box<str>>,
    pub(crate) organization: Option<Box<str>>,
    pub(crate) jti: Option<Box<str>>,
    /// The requirement of the configuration.
    pub(crate) expected: Option<String>,
    /// The type and length of what the token has instead.
    pub(crate) found: Option<String>,
}
