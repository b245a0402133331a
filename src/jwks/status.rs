//! What can be seen of an issuer's keys.

use std::time::SystemTime;

use super::{FetchError, KeyInfo, UnusableKey};

/// Why a fetch was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchCause {
    /// The first one, or one while no set is held.
    Start,
    /// The scheduled refresh ahead of the end of the set's life.
    Refresh,
    /// Another try after a failure, while a set is held.
    Retry,
    /// A token named a key that is not in the set.
    UnknownKid,
}

impl FetchCause {
    /// A stable machine-readable name: for logs and metrics.
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

/// How one issuer's keys are, without any I/O: see [`Verifier::status`](crate::Verifier::status).
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
    /// The keys that tokens are verified with now; none while the issuer's tokens are answered 503.
    pub keys: Vec<KeyInfo>,
    /// The keys of the current set that are not used, and why. If no set is in use, those of the last
    /// fetched set in which no key can be used.
    pub unusable_keys: Vec<UnusableKey>,
    /// When the held set was fetched, or confirmed by the issuer as unchanged. Nothing for keys given in the
    /// configuration.
    pub fetched_at: Option<SystemTime>,
    /// When the held set's life ends, by the wall clock of the moment it was fetched.
    pub fresh_until: Option<SystemTime>,
    /// When the held set stops being used unless the issuer answers before.
    pub usable_until: Option<SystemTime>,
    /// Whether the held set is past its life because the issuer does not give a new one.
    pub is_stale: bool,
    /// The last fetch's failure; nothing once a fetch succeeded.
    pub last_error: Option<FetchError>,
    /// How many fetches were made, by cause.
    pub fetches: Vec<(FetchCause, u64)>,
}

impl IssuerStatus {
    /// Whether tokens of this issuer can be verified now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.keys.is_empty()
    }
}
