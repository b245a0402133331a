//! How an issuer's opaque credentials are verified, as the setters say it.

use crate::introspection::{ApiKeys, Introspection};

/// How an issuer's opaque credentials are verified.
#[derive(Debug, Default)]
pub(super) struct OpaqueSettings {
    pub(super) api_keys: Option<ApiKeys>,
    pub(super) introspection: Option<Introspection>,
}
