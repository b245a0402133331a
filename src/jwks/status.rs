//! The status of an issuer's keys.

use std::time::SystemTime;

use super::{FetchError, KeyInfo, UnusableKey};

/// The reason for a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchCause {
    /// The first fetch, or a fetch while no keys are available.
    Start,
    /// The scheduled refresh before the key set's lifetime ends.
    Refresh,
    /// Another attempt after a failure, while keys are available.
    Retry,
    /// A token names a key that is not in the key set.
    UnknownKid,
}

impl FetchCause {
    /// Returns a stable machine-readable name: for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Refresh => "refresh",
            Self::Retry => "retry",
            Self::UnknownKid => "unknown_kid",
        }
    }
}

/// The status of one issuer's keys: see [`Verifier::status`](crate::Verifier::status).
///
/// ```
/// use tower_m2m::Verifier;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
/// for issuer in verifier.status() {
///     println!("{}: {} keys, last error {:?}", issuer.issuer, issuer.keys.len(), issuer.last_error);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuerStatus {
    /// The issuer, exactly as configured.
    pub issuer: String,
    /// The keys that verify tokens now. If there are none, requests with tokens of this issuer get
    /// a 503.
    pub keys: Vec<KeyInfo>,
    /// The unusable keys of the current key set, with their reasons. If there is no current key
    /// set, those of the last fetched set without a usable key.
    pub unusable_keys: Vec<UnusableKey>,
    /// When the current key set was fetched, or when the issuer confirmed it as unchanged. `None`
    /// for static keys.
    pub fetched_at: Option<SystemTime>,
    /// When the current key set becomes stale, by the wall clock of its fetch.
    pub fresh_until: Option<SystemTime>,
    /// When the current key set reaches its stale limit, unless a fetch succeeds before.
    pub usable_until: Option<SystemTime>,
    /// `true` if the current key set is stale because the issuer does not provide a new one.
    pub is_stale: bool,
    /// The failure of the last fetch, or `None` if it succeeded.
    pub last_error: Option<FetchError>,
    /// The number of fetches, by cause.
    pub fetches: Vec<(FetchCause, u64)>,
}

impl IssuerStatus {
    /// Returns `true` if tokens of this issuer can be verified now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.keys.is_empty()
    }
}
