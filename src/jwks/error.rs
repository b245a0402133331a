//! Reasons why keys cannot be fetched.

use std::error::Error;
use std::fmt;

use super::error_chain::ErrorMessage;
use crate::http_client::{HttpError, HttpFailure};
use crate::util::{causes_of, shortened};

/// A reason why a key set could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwksError {
    /// The host's name was not resolved to an address.
    NameNotResolved,
    /// No server accepts connections at this host and port.
    ConnectionRefused,
    /// There was no connection, for a reason that has no variant of its own.
    Unreachable,
    /// The server's certificate was issued by an authority that is not trusted (RFC 5280 §6.1).
    UnknownAuthority,
    /// The server's certificate has expired (RFC 5280 §4.1.2.5).
    CertificateExpired,
    /// The server's certificate is not valid yet (RFC 5280 §4.1.2.5).
    CertificateNotYetValid,
    /// The server's certificate is for another host name (RFC 9110 §4.3.4).
    CertificateNameMismatch,
    /// The server's certificate cannot be used, for a reason that has no variant of its own.
    InvalidCertificate,
    /// The response to an https request was not TLS.
    NotTls,
    /// The TLS handshake failed, for a reason that has no variant of its own.
    TlsFailed,
    /// The response was not HTTP.
    NotHttp,
    /// The connection was closed before the response was complete.
    ConnectionClosed,
    /// The function of [`fetch_with`](crate::Issuer::fetch_with) returned an error.
    FetchFunctionFailed,
    /// The function of [`fetch_with`](crate::Issuer::fetch_with) panicked.
    FetchFunctionPanicked,
    /// It took longer than the time limit.
    TimedOut,
    /// The status of the response is neither 200 nor 304. Redirects are not followed.
    UnexpectedStatus(u16),
    /// The response is larger than the limit.
    TooLarge,
    /// The response is not JSON of the expected form.
    Malformed,
    /// The metadata's `issuer` is not the configured one (RFC 8414 §3.3).
    WrongIssuer {
        /// The `issuer` of the metadata, with control characters escaped, at most 256 characters.
        found: String,
    },
    /// The metadata's `jwks_uri` is not an absolute https URL (RFC 8414 §2).
    InsecureJwksUri,
    /// The host must have a public address, but its address is a loopback, link-local, private or
    /// reserved one
    /// ([`dangerous_allow_private_addresses`](crate::Issuer::dangerous_allow_private_addresses)).
    PrivateAddress,
    /// Neither place has valid metadata, for different reasons. If the reasons are the same, the
    /// error is that reason.
    NoMetadata {
        /// The error at `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 §4).
        openid_connect: Box<FetchError>,
        /// The error at `/.well-known/oauth-authorization-server` (RFC 8414 §3).
        oauth: Box<FetchError>,
    },
    /// The set has no usable key.
    NoUsableKey,
    /// There is no Tokio runtime for the fetch.
    NoRuntime,
    /// The Tokio runtime has no timers, so no wait would end.
    NoTimers,
}

impl JwksError {
    /// Returns a stable machine-readable name: for logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NameNotResolved => "name_not_resolved",
            Self::ConnectionRefused => "connection_refused",
            Self::Unreachable => "unreachable",
            Self::UnknownAuthority => "unknown_authority",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateNotYetValid => "certificate_not_yet_valid",
            Self::CertificateNameMismatch => "certificate_name_mismatch",
            Self::InvalidCertificate => "invalid_certificate",
            Self::NotTls => "not_tls",
            Self::TlsFailed => "tls_failed",
            Self::NotHttp => "not_http",
            Self::ConnectionClosed => "connection_closed",
            Self::FetchFunctionFailed => "fetch_function_failed",
            Self::FetchFunctionPanicked => "fetch_function_panicked",
            Self::TimedOut => "timed_out",
            Self::UnexpectedStatus(_) => "unexpected_status",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::WrongIssuer { .. } => "wrong_issuer",
            Self::InsecureJwksUri => "insecure_jwks_uri",
            Self::PrivateAddress => "private_address",
            Self::NoMetadata { .. } => "no_metadata",
            Self::NoUsableKey => "no_usable_key",
            Self::NoRuntime => "no_runtime",
            Self::NoTimers => "no_timers",
        }
    }
}

impl Error for JwksError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoMetadata {
                openid_connect,
                oauth,
            } => openid_connect.source().or_else(|| oauth.source()),
            _ => None,
        }
    }
}

/// A failed fetch: the cause, the URL that was requested, and the errors below it.
///
/// [`source`](Error::source) has the errors of the network, of TLS or of the function of
/// [`fetch_with`](crate::Issuer::fetch_with), as strings: at most 8, of at most 300 characters
/// each.
///
/// ```no_run
/// use std::error::Error;
/// use tower_m2m::Verifier;
///
/// # fn main() -> Result<(), Box<dyn Error>> {
/// let verifier = Verifier::kinde("acme").audience("https://api.acme.com").build()?;
/// for issuer in verifier.status() {
///     let Some(failure) = &issuer.last_error else { continue };
///     eprintln!("{}: {failure}", failure.code());
///     let mut source = failure.source();
///     while let Some(error) = source {
///         eprintln!("  because: {error}");
///         source = error.source();
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FetchError {
    cause: JwksError,
    url: Option<String>,
    source: Option<Box<ErrorMessage>>,
}

impl FetchError {
    pub(crate) fn at(url: &str, cause: JwksError) -> Self {
        let path = url.split(['?', '#']).next();
        Self {
            url: path.map(|path| shortened(path, 512)),
            ..Self::from(cause)
        }
    }

    /// Returns the error of a request that has no response.
    pub(crate) fn without_response(url: &str, error: HttpError) -> Self {
        Self {
            source: ErrorMessage::chain(error.messages),
            ..Self::at(url, error.failure.into())
        }
    }

    /// Returns the cause.
    #[must_use]
    pub fn cause(&self) -> &JwksError {
        &self.cause
    }

    /// Returns the stable name of the cause: for logs and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.cause.code()
    }

    /// Returns the URL that was requested, without its query, or `None` if no single URL failed.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Returns the messages of all errors below this one, or `None` if there are none.
    pub(crate) fn chain(&self) -> Option<String> {
        let below = match &self.cause {
            JwksError::NoMetadata {
                openid_connect,
                oauth,
            } => [openid_connect.chain(), oauth.chain()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("; "),
            _ => causes_of(self.source()),
        };
        (!below.is_empty()).then_some(below)
    }
}

impl From<HttpFailure> for JwksError {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::NameNotResolved => Self::NameNotResolved,
            HttpFailure::ConnectionRefused => Self::ConnectionRefused,
            HttpFailure::Unreachable => Self::Unreachable,
            HttpFailure::UnknownAuthority => Self::UnknownAuthority,
            HttpFailure::CertificateExpired => Self::CertificateExpired,
            HttpFailure::CertificateNotYetValid => Self::CertificateNotYetValid,
            HttpFailure::CertificateNameMismatch => Self::CertificateNameMismatch,
            HttpFailure::InvalidCertificate => Self::InvalidCertificate,
            HttpFailure::NotTls => Self::NotTls,
            HttpFailure::TlsFailed => Self::TlsFailed,
            HttpFailure::NotHttp => Self::NotHttp,
            HttpFailure::ConnectionClosed => Self::ConnectionClosed,
            HttpFailure::FunctionFailed => Self::FetchFunctionFailed,
            HttpFailure::FunctionPanicked => Self::FetchFunctionPanicked,
            HttpFailure::TimedOut => Self::TimedOut,
            HttpFailure::PrivateAddress => Self::PrivateAddress,
            HttpFailure::TooLarge => Self::TooLarge,
        }
    }
}

impl From<JwksError> for FetchError {
    fn from(cause: JwksError) -> Self {
        Self {
            cause,
            url: None,
            source: None,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.url {
            Some(url) => write!(f, "{url}: {}", self.cause),
            None => write!(f, "{}", self.cause),
        }
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(&**source),
            None => self.cause.source(),
        }
    }
}
