//! Requests with certificate-bound tokens that no server may accept (RFC 8705 §3, RFC 9440).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tower_m2m::testing::{LocalIssuer, MtlsClient, forged};
//!
//! # async fn call_my_api(_: http::Request<()>) -> u16 { 401 }
//! let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
//! let client = MtlsClient::new()?;
//! let good = issuer.org("org_a").scopes(["read:invoices"]);
//!
//! // The API is configured with `client_cert_header_from` for this proxy.
//! let corpus = forged::certificates::corpus(&client, &good, "10.0.0.1".parse()?)?;
//! for forgery in corpus.forgeries() {
//!     let request = forgery.apply(http::Request::get("/invoices").body(())?);
//! #   if forgery.status() == 401 {
//!     assert_eq!(call_my_api(request).await, forgery.status(), "{}", forgery.description());
//! #   }
//! }
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Value, json};

use crate::proof_of_possession::{ClientCertificate, PeerAddress};
use crate::testing::encoding::{hex, pem};
use crate::testing::mint::TokenBuilder;
use crate::testing::mtls_client::MtlsClient;

/// A request with a certificate-bound token. `Debug` shows neither the token nor the certificate.
#[derive(Clone)]
pub struct ForgedCertificate {
    description: &'static str,
    token: String,
    /// The values of `Client-Cert`.
    headers: Vec<String>,
    peer: Option<SocketAddr>,
    /// The certificate of the connection.
    certificate: Option<ClientCertificate>,
    status: u16,
    error: &'static str,
}

/// Valid requests and forgeries of them. [`corpus`] creates it.
#[derive(Clone, Debug)]
pub struct CertificateCorpus {
    valid: [ForgedCertificate; 2],
    forgeries: Vec<ForgedCertificate>,
}

impl ForgedCertificate {
    /// Returns one sentence that says why the request is invalid.
    #[must_use]
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// Returns the request with this token, these headers, and what the server says about the
    /// connection: the extensions [`ClientCertificate`] and [`PeerAddress`].
    #[must_use]
    pub fn apply<B>(&self, mut request: Request<B>) -> Request<B> {
        let extensions = request.extensions_mut();
        if let Some(certificate) = &self.certificate {
            extensions.insert(certificate.clone());
        }
        if let Some(peer) = self.peer {
            extensions.insert(PeerAddress::new(peer));
        }
        let authorization = (AUTHORIZATION, format!("Bearer {}", self.token));
        let certificates = self.headers.iter().cloned();
        let certificates =
            certificates.map(|value| (HeaderName::from_static("client-cert"), value));
        for (name, value) in certificates.chain([authorization]) {
            if let Ok(value) = HeaderValue::try_from(value) {
                request.headers_mut().append(name, value);
            }
        }
        request
    }

    /// Returns the status of a correct server.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the `error` of a correct server's challenge.
    #[must_use]
    pub fn error(&self) -> &'static str {
        self.error
    }
}

impl CertificateCorpus {
    /// Returns the valid requests: one of a direct connection, and one through the proxy. Send them
    /// first, because a server that rejects them rejects everything.
    #[must_use]
    pub fn valid(&self) -> &[ForgedCertificate] {
        &self.valid
    }

    /// Returns the forgeries.
    #[must_use]
    pub fn forgeries(&self) -> &[ForgedCertificate] {
        &self.forgeries
    }
}

/// Returns forgeries of requests with a token that is bound to the client's certificate. The
/// address is that of a proxy whose header counts at the server under test.
///
/// # Errors
///
/// Returns an error if the system has no randomness.
#[allow(clippy::too_many_lines, reason = "one table of forgeries")]
pub fn corpus(
    client: &MtlsClient,
    good: &TokenBuilder,
    proxy: IpAddr,
) -> io::Result<CertificateCorpus> {
    // An address for documentation (RFC 3849), so that no server has it configured.
    const OTHER_PEER: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x9440));
    let (stranger, proxy_client) = (MtlsClient::new()?, MtlsClient::new()?);
    let token = good.clone().bound_to_certificate(client).token();
    let with_cnf = |cnf: Value| good.clone().claim("cnf", cnf).token();
    let direct = |certificate: Option<&MtlsClient>| ForgedCertificate {
        description: "",
        token: token.clone(),
        headers: Vec::new(),
        peer: Some(SocketAddr::new(OTHER_PEER, 4_433)),
        certificate: certificate.map(MtlsClient::certificate),
        status: 401,
        error: "invalid_token",
    };
    // The proxy has a certificate of its own.
    let proxied = |headers: &[&str]| ForgedCertificate {
        headers: headers.iter().map(ToString::to_string).collect(),
        peer: Some(SocketAddr::new(proxy, 4_433)),
        ..direct(Some(&proxy_client))
    };
    let malformed = |headers: &[&str]| ForgedCertificate {
        status: 400,
        error: "invalid_request",
        ..proxied(headers)
    };
    let with_token = |token: String| ForgedCertificate {
        token,
        ..direct(Some(client))
    };
    let with_header = |request: ForgedCertificate| ForgedCertificate {
        headers: vec![client.header()],
        ..request
    };
    let header = client.header();
    let bare = header.trim_matches(':');
    let escaped_pem = pem("CERTIFICATE", client.certificate_der())
        .replace('\n', "%0A")
        .replace(' ', "%20");
    let thumbprint = client.thumbprint();
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, client.certificate_der());
    let forgeries = [
        ("The client has no certificate.", direct(None)),
        (
            "The client has another certificate.",
            direct(Some(&stranger)),
        ),
        (
            "A client without a certificate wrote the header.",
            with_header(direct(None)),
        ),
        (
            "A client with another certificate wrote the header.",
            with_header(direct(Some(&stranger))),
        ),
        (
            "The address of the peer is not known, so the header does not count.",
            ForgedCertificate {
                peer: None,
                ..with_header(direct(None))
            },
        ),
        (
            "The token is also bound to a key, and there is no proof.",
            with_token(with_cnf(
                json!({ "x5t#S256": thumbprint, "jkt": thumbprint }),
            )),
        ),
        (
            "The token has an unknown binding too.",
            with_token(with_cnf(json!({ "x5t#S256": thumbprint, "kid": "1" }))),
        ),
        (
            "The token has the thumbprint of an obsolete member.",
            with_token(with_cnf(json!({ "x5t": thumbprint }))),
        ),
        (
            "The thumbprint is in hexadecimal.",
            with_token(with_cnf(json!({ "x5t#S256": hex(sha256.as_ref(), "") }))),
        ),
        (
            "The thumbprint has padding.",
            with_token(with_cnf(json!({ "x5t#S256": format!("{thumbprint}=") }))),
        ),
        (
            "The thumbprint is empty.",
            with_token(with_cnf(json!({ "x5t#S256": "" }))),
        ),
        ("The binding is empty.", with_token(with_cnf(json!({})))),
        ("The proxy says that there is no certificate.", proxied(&[])),
        ("The byte sequence of the proxy is empty.", proxied(&["::"])),
        (
            "The proxy says that there is another certificate.",
            proxied(&[&stranger.header()]),
        ),
        (
            "The token is bound to the certificate of the proxy itself.",
            ForgedCertificate {
                token: good.clone().bound_to_certificate(&proxy_client).token(),
                ..proxied(&[])
            },
        ),
        (
            "There are two headers: that of the client and that of the proxy.",
            malformed(&[&header, &stranger.header()]),
        ),
        (
            "There are two equal headers.",
            malformed(&[&header, &header]),
        ),
        (
            "The header is a list.",
            malformed(&[&format!("{header}, {}", stranger.header())]),
        ),
        ("The header is base64 without colons.", malformed(&[bare])),
        ("The header is escaped PEM.", malformed(&[&escaped_pem])),
        (
            "The byte sequence has a parameter.",
            malformed(&[&format!("{header};a=1")]),
        ),
        ("The header is empty.", malformed(&[""])),
        (
            "The header is longer than 16 KiB.",
            malformed(&[&format!(":{}:", STANDARD.encode([0x30; 12_288]))]),
        ),
    ];
    let valid = |request| ForgedCertificate {
        description: "The certificate is the one that the token is bound to.",
        status: 200,
        error: "",
        ..request
    };
    Ok(CertificateCorpus {
        valid: [valid(direct(Some(client))), valid(proxied(&[&header]))],
        forgeries: forgeries
            .into_iter()
            .map(|(description, forged)| ForgedCertificate {
                description,
                ..forged
            })
            .collect(),
    })
}

impl fmt::Debug for ForgedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForgedCertificate")
            .field("description", &self.description)
            .field("status", &self.status)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
