//! Why a request has no response.

/// Why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpError {
    TimedOut,
    Unreachable,
    /// The host has no public address, and it needs one.
    #[cfg_attr(not(feature = "reqwest"), allow(dead_code))]
    PrivateAddress,
    TooLarge,
}
