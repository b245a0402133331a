//! The client ID and the secret with which this service authenticates at the issuer.

use std::fmt;

/// A client ID and its secret. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClientSecret {
    pub(crate) client_id: String,
    pub(crate) secret: String,
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule 179.
    #[test]
    fn debug_output_shows_no_secret() {
        let client = ClientSecret {
            client_id: "m2m-client".to_owned(),
            secret: "s3cret".to_owned(),
        };
        assert_eq!(format!("{client:?}"), "ClientSecret { .. }");
    }
}
