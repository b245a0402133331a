//! The credentials of a request, and their verification without a layer.

use http::HeaderMap;

use crate::bearer::{BearerError, Credentials};
use crate::verifier::{AcceptedCredentials, Verifier};

impl Verifier {
    /// Returns the credentials of a request, and what they may be.
    #[inline]
    pub(super) fn credentials<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> Result<(Credentials<'h>, AcceptedCredentials), BearerError> {
        let max_bytes = self.max_token_bytes();
        #[cfg(feature = "introspection")]
        if let Some(name) = self.api_key_header()
            && let Some(key) = Credentials::from_key_header(headers, name, max_bytes)
        {
            return Ok((key?, AcceptedCredentials::Opaque));
        }
        match Credentials::from_headers(headers, max_bytes) {
            Ok(credentials) => Ok((credentials, AcceptedCredentials::Any)),
            // Most requests have the scheme `Bearer`, so the other one is looked for later.
            #[cfg(feature = "dpop")]
            Err(BearerError::UnsupportedScheme) if self.dpop().is_some() => Ok((
                Credentials::from_dpop(headers, max_bytes)?,
                AcceptedCredentials::Any,
            )),
            Err(error) => Err(error),
        }
    }
}
