//! What a caller check of this crate needs from the verifier that uses it.

use std::fmt;
use std::time::Duration;

use crate::http_client::Fetcher;

/// The issuers and the HTTP client of a verifier, for a caller check that queries an issuer.
///
/// Only checks of this crate read it.
pub struct CheckSetup<'s> {
    /// The listed issuers with the profile of Kinde.
    pub(crate) kinde_issuers: Vec<String>,
    /// How long a request waits for the check.
    pub(crate) check_timeout: Duration,
    pub(crate) connect: &'s ConnectToKinde<'s>,
}

/// Returns how Kinde's API is reached, or the problem: from an issuer, the Kinde domain if one is
/// set, and the timeout of a request.
pub(crate) type ConnectToKinde<'s> =
    dyn Fn(&str, Option<&str>, Duration) -> Result<KindeConnection, String> + 's;

/// Kinde's API and the client for it.
pub(crate) struct KindeConnection {
    /// Where the API is: `https://acme.kinde.com`.
    pub(crate) base: String,
    /// The HTTP client, or the reason why there is none.
    pub(crate) fetcher: Result<Fetcher, String>,
}

impl fmt::Debug for CheckSetup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckSetup")
            .field("kinde_issuers", &self.kinde_issuers)
            .field("check_timeout", &self.check_timeout)
            .finish_non_exhaustive()
    }
}
