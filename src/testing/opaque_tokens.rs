//! Opaque access tokens.

use std::fmt;

/// An opaque access token that a [`LocalIssuer`](super::LocalIssuer) issued. Create it with
/// [`LocalIssuer::opaque_token`](super::LocalIssuer::opaque_token). `Debug` never shows it.
#[derive(Clone)]
pub struct OpaqueToken(pub(super) String);

impl OpaqueToken {
    /// Returns the token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.0
    }

    /// Returns the value of an `Authorization` header with this token.
    #[must_use]
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl AsRef<str> for OpaqueToken {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueToken").finish_non_exhaustive()
    }
}
