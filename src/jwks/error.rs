//! Why keys cannot be fetched.

use std::fmt;

use crate::http_client::HttpError;

/// Why a key set could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwksError {
    /// No connection, or it broke.
    Unreachable,
    /// It took longer than the time limit.
    TimedOut,
    /// The answer's status is neither 200 nor 304. Redirects are not followed.
    UnexpectedStatus(u16),
    /// The answer is larger than the limit.
    TooLarge,
    /// The answer is not JSON of the expected form.
    Malformed,
    /// The metadata's `issuer` is not the configured one (RFC 8414 §3.3).
    WrongIssuer,
    /// The metadata's `jwks_uri` is not an absolute https URL (RFC 8414 §2).
    InsecureJwksUri,
    /// The host must have a public address, and has a loopback, link-local, private or reserved one
    /// ([`dangerous_allow_private_addresses`](crate::Issuer::dangerous_allow_private_addresses)).
    PrivateAddress,
    /// Neither place has valid metadata, for different reasons. If the reasons are the same, the error is that reason.
    NoMetadata {
        /// What is wrong at `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 §4).
        openid_connect: Box<JwksError>,
        /// What is wrong at `/.well-known/oauth-authorization-server` (RFC 8414 §3).
        oauth: Box<JwksError>,
    },
    /// The set has no key that can be used.
    NoUsableKey,
    /// No tokio runtime was there to fetch in.
    NoRuntime,
    /// The tokio runtime has no timers, so that no wait would end.
    NoTimers,
}

impl JwksError {
    /// A stable machine-readable name: for logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::UnexpectedStatus(_) => "unexpected_status",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::WrongIssuer => "wrong_issuer",
            Self::InsecureJwksUri => "insecure_jwks_uri",
            Self::PrivateAddress => "private_address",
            Self::NoMetadata { .. } => "no_metadata",
            Self::NoUsableKey => "no_usable_key",
            Self::NoRuntime => "no_runtime",
            Self::NoTimers => "no_timers",
        }
    }
}

impl fmt::Display for JwksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the issuer could not be reached"),
            Self::TimedOut => f.write_str("the issuer did not answer in time"),
            Self::UnexpectedStatus(403) => {
                f.write_str("the issuer answered 403: look for a typing error in the domain, a wrong region, or a firewall")
            }
            Self::UnexpectedStatus(status) => write!(f, "the issuer answered {status}"),
            Self::TooLarge => {
                f.write_str("the issuer's response is too large (for key sets, max_key_set_bytes sets the limit)")
            }
            Self::Malformed => f.write_str("the issuer's answer is not of the expected form"),
            Self::WrongIssuer => {
                f.write_str("the metadata belongs to another issuer (a trailing slash or a custom domain makes another one)")
            }
            Self::InsecureJwksUri => {
                f.write_str("the metadata's jwks_uri is not an absolute https URL (jwks_url sets another one)")
            }
            Self::PrivateAddress => f.write_str(
                "the metadata or the keys are at a loopback, link-local, private or reserved address (see dangerous_allow_private_addresses)",
            ),
            Self::NoMetadata {
                openid_connect,
                oauth,
            } => write!(
                f,
                "the issuer has no valid metadata: openid-configuration: {openid_connect}; oauth-authorization-server: {oauth}"
            ),
            Self::NoUsableKey => f.write_str("the key set has no usable key"),
            Self::NoRuntime => f.write_str("there is no tokio runtime to fetch keys in"),
            Self::NoTimers => {
                f.write_str("the tokio runtime has no timers (build it with `enable_time` or `enable_all`)")
            }
        }
    }
}

impl std::error::Error for JwksError {}

impl From<HttpError> for JwksError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::TimedOut => Self::TimedOut,
            HttpError::Unreachable => Self::Unreachable,
            HttpError::PrivateAddress => Self::PrivateAddress,
            HttpError::TooLarge => Self::TooLarge,
        }
    }
}
