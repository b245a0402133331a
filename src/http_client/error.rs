//! Reasons why a request has no response.

/// The reason why a request has no response, and the messages of the errors that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpError {
    pub(crate) failure: HttpFailure,
    /// The outermost first.
    pub(crate) messages: Vec<String>,
}

/// A reason why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(
        feature = "tls-rustls",
        feature = "tls-native",
        feature = "tls-rustls-no-provider"
    )),
    allow(dead_code)
)]
pub(crate) enum HttpFailure {
    NameNotResolved,
    ConnectionRefused,
    /// There was no connection, for another reason.
    Unreachable,
    UnknownAuthority,
    CertificateExpired,
    CertificateNotYetValid,
    CertificateNameMismatch,
    InvalidCertificate,
    NotTls,
    TlsFailed,
    NotHttp,
    /// The connection was closed before the response was complete.
    ConnectionClosed,
    /// The application's function returned an error.
    FunctionFailed,
    FunctionPanicked,
    TimedOut,
    /// The host has no public address, and it needs one.
    PrivateAddress,
    TooLarge,
}

impl From<HttpFailure> for HttpError {
    fn from(failure: HttpFailure) -> Self {
        Self {
            failure,
            messages: Vec::new(),
        }
    }
}
