//! The sentence of each reason why keys cannot be fetched.

use std::fmt;

use super::JwksError;

impl fmt::Display for JwksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameNotResolved => {
                "the host name could not be resolved (check the name and the DNS server)"
            }
            Self::ConnectionRefused => {
                "connection refused: no server accepts connections at this host and port (check both, and whether the server runs)"
            }
            Self::Unreachable => {
                "the server could not be reached (check the route, the firewall and the proxy)"
            }
            Self::UnknownAuthority => {
                "the server's certificate was issued by an authority that is not trusted (ca_certificate_pem adds an authority)"
            }
            Self::CertificateExpired => {
                "the server's certificate has expired (renew it; if it is valid, check the clock of this machine)"
            }
            Self::CertificateNotYetValid => {
                "the server's certificate is not valid yet (check the clock of this machine)"
            }
            Self::CertificateNameMismatch => {
                "the server's certificate is for another host name (check the host in the URL)"
            }
            Self::InvalidCertificate => "the server's certificate cannot be used",
            Self::NotTls => {
                "the server does not use TLS at this port (an http port was requested with https)"
            }
            Self::TlsFailed => "the TLS handshake failed",
            Self::NotHttp => {
                "the response is not HTTP (an https port may have been requested with http)"
            }
            Self::ConnectionClosed => {
                "the server closed the connection before its response was complete"
            }
            Self::FetchFunctionFailed => "the function of fetch_with returned an error",
            Self::FetchFunctionPanicked => "the function of fetch_with panicked",
            Self::TimedOut => {
                "no complete response arrived in time (fetch_timeout and connect_timeout set the limits)"
            }
            Self::UnexpectedStatus(status) => {
                return write!(
                    f,
                    "the server responded with {status}{}",
                    advice_for_status(*status)
                );
            }
            Self::TooLarge => {
                "the issuer's response is too large (for key sets, max_key_set_bytes sets the limit)"
            }
            Self::Malformed => {
                "the response is not JSON of the expected form (a login page or a proxy's page looks like this)"
            }
            Self::WrongIssuer { found } => {
                return write!(
                    f,
                    "the metadata belongs to another issuer: found \"{found}\" (a trailing slash or a custom domain makes another one)"
                );
            }
            Self::InsecureJwksUri => {
                "the metadata's jwks_uri is not an absolute https URL (jwks_url sets another one)"
            }
            Self::PrivateAddress => {
                "the metadata or the keys are at a loopback, link-local, private or reserved address (see dangerous_allow_private_addresses)"
            }
            Self::NoMetadata {
                openid_connect,
                oauth,
            } => {
                return write!(
                    f,
                    "the issuer has no valid metadata: {openid_connect}; {oauth}"
                );
            }
            Self::NoUsableKey => "the key set has no usable key",
            Self::NoRuntime => "there is no tokio runtime to fetch keys in",
            Self::NoTimers => {
                "the tokio runtime has no timers (build it with `enable_time` or `enable_all`)"
            }
        })
    }
}

const fn advice_for_status(status: u16) -> &'static str {
    match status {
        300..=399 => ": redirects are not followed (configure the URL that it leads to)",
        401 | 403 => {
            ": look for a typing error in the domain, a wrong region, a firewall or a proxy"
        }
        404 | 410 => {
            ": the document does not exist (check the path of the issuer's URL; jwks_url sets the location of the keys)"
        }
        429 => ": too many requests",
        500..=599 => ": the server failed (see the issuer's status page)",
        _ => "",
    }
}
