//! The client ID and the secret with which this service authenticates at the issuer.

use std::fmt;

/// A client ID and its secret. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClientSecret {
    pub(crate) client_id: String,
    pub(crate) secret: String,
}

impl ClientSecret {
    pub(crate) fn new(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            secret: secret.into(),
        }
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
