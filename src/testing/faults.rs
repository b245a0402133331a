//! What can go wrong between an issuer and whoever asks it, put where it really happens: on the wire.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

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
    /// Everything else, answered with 404. The [forgeries](super::forged) that name a key server of their own point
    /// here, so that a hit shows who followed them.
    Other,
}

impl Endpoint {
    /// The endpoint's name as the admin endpoints take it: `discovery`, `metadata`, `jwks`, `token` or `other`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "discovery" => Some(Self::Discovery),
            "metadata" => Some(Self::Metadata),
            "jwks" => Some(Self::Jwks),
            "token" => Some(Self::Token),
            "other" => Some(Self::Other),
            _ => None,
        }
    }
}

/// How an endpoint misbehaves, for [`LocalIssuer::set_fault`](super::LocalIssuer::set_fault).
///
/// "Its answer" is what the endpoint would have said without the fault. Waiting is done on tokio's clock.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with this status and these headers and an empty body.
    Status {
        /// The status line's code.
        status: StatusCode,
        /// Headers such as `Retry-After`.
        headers: HeaderMap,
    },
    /// Waits, then gives its answer.
    Slow(Duration),
    /// Gives its answer a few bytes at a time.
    Drip {
        /// Bytes in each piece, at least one.
        bytes: usize,
        /// The pause before each piece.
        every: Duration,
    },
    /// Reads the request and never answers.
    Hang,
    /// Sends the head and half of the body, then falls silent with the connection open.
    Stall,
    /// Closes the connection without an answer.
    Reset,
    /// Promises the whole body, sends half of it, then closes the connection.
    Truncated,
    /// Answers 200 with bytes that are neither JSON nor text.
    Garbage,
    /// Answers 200 with a web page, as a captive portal or a gateway's login does.
    Html,
    /// Pads its answer with spaces to this many bytes: valid JSON that nobody should read to the end.
    Oversized(usize),
    /// Never stops sending, without a `Content-Length`.
    Endless,
    /// Pads its answer to this many bytes and sends it compressed, a few hundred times smaller.
    GzipBomb(usize),
    /// Answers 200 with `{"keys":[]}`.
    EmptySet,
    /// Answers 302 to this location.
    Redirect(String),
    /// Gives its answer as `text/plain`.
    WrongContentType,
}

impl Fault {
    /// An answer with this status and nothing else.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self::Status {
            status,
            headers: HeaderMap::new(),
        }
    }

    /// 429 with `Retry-After` and Kinde's `RateLimit-Reset`, both in seconds.
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

    /// Adds a header to an answer with a status of its own. Other faults have none and stay as they are.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Self::Status { headers, .. } = &mut self {
            headers.insert(name, value);
        }
        self
    }
}

/// A fault and for how many requests it lasts.
#[derive(Clone)]
pub(super) struct PlannedFault {
    pub(super) fault: Fault,
    /// `None`: until it is taken away.
    pub(super) times: Option<u32>,
}

impl PlannedFault {
    /// The fault for this request and what is left of the plan.
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
