//! Faults between an issuer and its clients. They happen on the wire, as in production.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::credentials::KindeError;

/// One of the issuer's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`.
    Discovery,
    /// `/.well-known/oauth-authorization-server`, the form of RFC 8414.
    Metadata,
    /// `/.well-known/jwks` and `/.well-known/jwks.json`.
    Jwks,
    /// `POST /oauth2/token`.
    Token,
    /// `POST /api/v1/api_keys/verify`, which verifies an API key.
    VerifyApiKey,
    /// `GET /api/v1/api_keys/{id}`, which describes an API key.
    ReadApiKey,
    /// `POST /oauth2/introspect` (RFC 7662).
    Introspect,
    /// `GET /api/v1/organization`, which says whether an organization is suspended.
    ReadOrganization,
    /// `/.well-known/ssf-configuration`, the metadata of a transmitter of security events.
    TransmitterMetadata,
    /// All other paths, which respond with 404. The [forgeries](super::forged) that name a key
    /// server point to this endpoint, so a hit shows that the server under test followed the URL.
    Other,
}

impl Endpoint {
    /// Parses the name that the admin endpoints use: `discovery`, `metadata`, `jwks`, `token`,
    /// `verify_api_key`, `read_api_key`, `introspect`, `read_organization`,
    /// `transmitter_metadata` or `other`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "discovery" => Some(Self::Discovery),
            "metadata" => Some(Self::Metadata),
            "jwks" => Some(Self::Jwks),
            "token" => Some(Self::Token),
            "verify_api_key" => Some(Self::VerifyApiKey),
            "read_api_key" => Some(Self::ReadApiKey),
            "introspect" => Some(Self::Introspect),
            "read_organization" => Some(Self::ReadOrganization),
            "transmitter_metadata" => Some(Self::TransmitterMetadata),
            "other" => Some(Self::Other),
            _ => None,
        }
    }
}

/// A fault of an endpoint, for [`LocalIssuer::set_fault`](super::LocalIssuer::set_fault).
///
/// The *regular response* is the one that the endpoint would send without the fault. Waiting uses
/// Tokio's clock.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Responds with this status, these headers and an empty body.
    Status {
        /// The status code.
        status: StatusCode,
        /// Headers such as `Retry-After`.
        headers: HeaderMap,
    },
    /// Responds with this status and this body as JSON, without any check of the body.
    Json {
        /// The status code.
        status: StatusCode,
        /// The body, well-formed or not.
        body: String,
    },
    /// Waits, then sends the regular response.
    Slow(Duration),
    /// Sends the regular response a few bytes at a time.
    Drip {
        /// The bytes in each piece, at least one.
        bytes: usize,
        /// The pause before each piece.
        every: Duration,
    },
    /// Reads the request and never responds.
    Hang,
    /// Sends the head and half of the body, then sends no more bytes and keeps the connection open.
    Stall,
    /// Closes the connection without a response.
    Reset,
    /// Announces the whole body, sends half of it, then closes the connection.
    Truncated,
    /// Replaces the regular body with bytes that are neither JSON nor UTF-8.
    Garbage,
    /// Replaces the regular body with a web page, as a captive portal or a gateway's login does.
    Html,
    /// Pads the regular response with spaces to this many bytes. It is valid JSON that a client
    /// should not read to its end.
    Oversized(usize),
    /// Never stops sending, without a `Content-Length`.
    Endless,
    /// Pads the regular response to this many bytes and compresses it, up to 159 times smaller.
    GzipBomb(usize),
    /// Replaces the regular body with `{"keys":[]}`.
    EmptySet,
    /// Responds with 302 to this location.
    Redirect(String),
    /// Sends the regular response as `text/plain`.
    WrongContentType,
}

impl Fault {
    /// Creates a response that has this status, no headers and no body.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self::Status {
            status,
            headers: HeaderMap::new(),
        }
    }

    /// Creates a 429 with `Retry-After` and Kinde's `RateLimit-Reset`, both in seconds.
    ///
    /// ```
    /// use tower_m2m::testing::Fault;
    ///
    /// let Fault::Status { status, headers } = Fault::too_many_requests(30) else { unreachable!() };
    /// assert_eq!((status.as_u16(), headers["retry-after"].as_bytes()), (429, &b"30"[..]));
    /// ```
    #[must_use]
    pub fn too_many_requests(seconds: u64) -> Self {
        Self::status(StatusCode::TOO_MANY_REQUESTS)
            .header(header::RETRY_AFTER, seconds.into())
            .header(HeaderName::from_static("ratelimit-reset"), seconds.into())
    }

    /// Creates an error response of Kinde's Management API with this `errors[0].code`.
    ///
    /// ```
    /// use tower_m2m::testing::{Endpoint, Fault, LocalIssuer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let issuer = LocalIssuer::start().await?;
    /// let error = Fault::kinde_error(http::StatusCode::FORBIDDEN, "ACCESS_DENIED");
    /// issuer.set_fault(Endpoint::VerifyApiKey, error);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn kinde_error(status: StatusCode, code: &str) -> Self {
        let body = KindeError::new(status, code).body().to_string();
        Self::Json { status, body }
    }

    /// Adds a header if this fault is a [`Status`](Self::Status). Other faults do not change.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Self::Status { headers, .. } = &mut self {
            headers.insert(name, value);
        }
        self
    }
}

/// A fault and the number of requests that it affects.
#[derive(Clone)]
pub(super) struct PlannedFault {
    pub(super) fault: Fault,
    /// `None` if the fault stays until it is removed.
    pub(super) times: Option<u32>,
}

impl PlannedFault {
    /// Returns the fault for this request and the remaining plan.
    pub(super) fn take(self) -> (Option<Fault>, Option<Self>) {
        match self.times {
            None => (Some(self.fault.clone()), Some(self)),
            Some(0) => (None, None),
            Some(times) => (
                Some(self.fault.clone()),
                Some(Self {
                    times: Some(times - 1),
                    ..self
                }),
            ),
        }
    }
}
