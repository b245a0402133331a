//! The reasons behind the errors of the HTTP client.

use std::error::Error;
use std::io;

use super::dns::{NotResolved, PrivateAddress};
use super::error::HttpFailure;
use crate::util::messages_of;

/// Returns the messages of an error and of those below it, without the URL.
pub(super) fn messages(error: reqwest::Error) -> Vec<String> {
    messages_of(Some(&error.without_url()))
}

/// Returns the reason of a failed request.
///
/// The types of the errors decide. If a type is private, the phase of the request or the message
/// decides.
pub(super) fn failure_of(error: &reqwest::Error) -> HttpFailure {
    if error.is_timeout() {
        return HttpFailure::TimedOut;
    }
    let chain: Vec<_> =
        std::iter::successors(Some(error as &(dyn Error + 'static)), |error| below(*error))
            .collect();
    let failure = chain.iter().rev().find_map(|error| failure_of_type(*error));
    #[cfg(feature = "tls-native")]
    let failure = failure.or_else(|| failure_of_native_tls(&chain));
    failure.unwrap_or_else(|| {
        if error.is_connect() {
            HttpFailure::Unreachable
        } else if error.is_body()
            || error.is_decode()
            || contains_message(&chain, INCOMPLETE_MESSAGE)
        {
            HttpFailure::ConnectionClosed
        } else {
            // There was a connection, and the response did not begin with a status line.
            HttpFailure::NotHttp
        }
    })
}

/// The message of hyper's error if a connection is closed before the response begins.
const INCOMPLETE_MESSAGE: &str = "connection closed before message completed";

fn contains_message(chain: &[&(dyn Error + 'static)], message: &str) -> bool {
    chain.iter().any(|error| error.to_string() == message)
}

/// Returns the next error of a chain. An I/O error hides the error that it contains.
fn below<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn failure_of_type(error: &(dyn Error + 'static)) -> Option<HttpFailure> {
    if error.is::<PrivateAddress>() {
        return Some(HttpFailure::PrivateAddress);
    }
    if error.is::<NotResolved>() {
        return Some(HttpFailure::NameNotResolved);
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return match error.kind() {
            io::ErrorKind::ConnectionRefused => Some(HttpFailure::ConnectionRefused),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Some(HttpFailure::ConnectionClosed),
            io::ErrorKind::TimedOut => Some(HttpFailure::TimedOut),
            _ => None,
        };
    }
    #[cfg(any(feature = "tls-rustls", feature = "tls-rustls-no-provider"))]
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(failure_of_rustls(error));
    }
    None
}

#[cfg(any(feature = "tls-rustls", feature = "tls-rustls-no-provider"))]
fn failure_of_rustls(error: &rustls::Error) -> HttpFailure {
    use rustls::CertificateError as Invalid;

    match error {
        rustls::Error::InvalidCertificate(invalid) => match invalid {
            // Another key of an authority with the same name is not trusted either.
            Invalid::UnknownIssuer | Invalid::BadSignature => HttpFailure::UnknownAuthority,
            Invalid::Expired | Invalid::ExpiredContext { .. } => HttpFailure::CertificateExpired,
            Invalid::NotValidYet | Invalid::NotValidYetContext { .. } => {
                HttpFailure::CertificateNotYetValid
            }
            Invalid::NotValidForName | Invalid::NotValidForNameContext { .. } => {
                HttpFailure::CertificateNameMismatch
            }
            _ => HttpFailure::InvalidCertificate,
        },
        rustls::Error::InvalidMessage(_) => HttpFailure::NotTls,
        _ => HttpFailure::TlsFailed,
    }
}

/// Returns the reason that the messages of the system's TLS name. The words are those of OpenSSL.
/// The messages of other systems are not known here, and lead to [`HttpFailure::TlsFailed`] or
/// [`HttpFailure::Unreachable`].
#[cfg(feature = "tls-native")]
fn failure_of_native_tls(chain: &[&(dyn Error + 'static)]) -> Option<HttpFailure> {
    const PHRASES: [(&[&str], HttpFailure); 7] = [
        (
            &[
                "unable to get local issuer certificate",
                "self-signed certificate",
                "self signed certificate",
                "certificate signature failure",
            ],
            HttpFailure::UnknownAuthority,
        ),
        (
            &["certificate has expired"],
            HttpFailure::CertificateExpired,
        ),
        (
            &["certificate is not yet valid"],
            HttpFailure::CertificateNotYetValid,
        ),
        (
            &["hostname mismatch", "IP address mismatch"],
            HttpFailure::CertificateNameMismatch,
        ),
        (
            &["certificate verify failed"],
            HttpFailure::InvalidCertificate,
        ),
        (
            &[
                "wrong version number",
                "packet length too long",
                "http request",
            ],
            HttpFailure::NotTls,
        ),
        (&["unexpected EOF"], HttpFailure::ConnectionClosed),
    ];
    let messages: Vec<_> = chain.iter().map(ToString::to_string).collect();
    let message = messages.join(": ").to_ascii_lowercase();
    let found = PHRASES.into_iter().find(|(phrases, _)| {
        phrases
            .iter()
            .any(|phrase| message.contains(&phrase.to_ascii_lowercase()))
    });
    found.map(|(_, reason)| reason).or_else(|| {
        message
            .contains("ssl routines")
            .then_some(HttpFailure::TlsFailed)
    })
}
