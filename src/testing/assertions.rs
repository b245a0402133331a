//! Checks of responses: status, challenge (RFC 6750 §3) and problem body (RFC 9457).
//!
//! ```
//! use tower_m2m::testing::assertions::TestResponse;
//!
//! let response = TestResponse::from((403, Some("Bearer error=\"insufficient_scope\", scope=\"read:a\"".into()), ""));
//! response.assert_rejected(403, "insufficient_scope").assert_scope("read:a");
//! ```

mod challenge;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Body;
use http_body_util::BodyExt;
use serde_json::Value;

pub use challenge::{Challenge, ChallengeError};

/// A response from any client or service.
///
/// Convert it from an `http::Response` that has a body of bytes or a string, or from a tuple of
/// status, `WWW-Authenticate` and body; or [read](TestResponse::read) a body. If an `assert_`
/// method fails, the test fails and its message contains the response.
#[derive(Clone, Debug)]
pub struct TestResponse {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl TestResponse {
    /// Reads the body of a response to its end.
    ///
    /// # Errors
    ///
    /// Returns the error of the body if it cannot be read to its end.
    pub async fn read<B: Body>(response: Response<B>) -> Result<Self, B::Error> {
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    /// Returns the status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Parses the body as JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if the body is not JSON.
    pub fn json(&self) -> serde_json::Result<Value> {
        serde_json::from_slice(&self.body)
    }

    /// Parses the Bearer challenge in `WWW-Authenticate`. Challenges of other schemes, for example
    /// of DPoP, may be beside it.
    ///
    /// # Errors
    ///
    /// Returns [`ChallengeError`] if there is no challenge, more than one Bearer challenge, or a
    /// malformed one.
    pub fn challenge(&self) -> Result<Challenge, ChallengeError> {
        Challenge::from_headers(&self.headers)
    }

    /// Returns `true` if the headers or the body repeat a segment of this token of at least 16
    /// bytes.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        let values = self.headers.values().map(HeaderValue::as_bytes);
        let texts: Vec<&[u8]> = values.chain([self.body()]).collect();
        let parts = token.split('.').filter(|part| part.len() >= 16);
        parts.into_iter().any(|part| {
            texts.iter().any(|text| {
                text.windows(part.len())
                    .any(|window| window == part.as_bytes())
            })
        })
    }

    /// Asserts that the response has this status.
    ///
    /// # Panics
    ///
    /// Panics if the status is different.
    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "the status of {self:?}");
        self
    }

    /// Asserts that the request was rejected with this status and this `error`.
    ///
    /// # Panics
    ///
    /// Panics if the status, the challenge or its `error` is different.
    #[track_caller]
    pub fn assert_rejected(&self, status: u16, error: &str) -> &Self {
        self.assert_status(status);
        assert_eq!(
            self.well_formed().error(),
            Some(error),
            "the error of {self:?}"
        );
        self
    }

    /// Asserts that the response requires credentials and reports no error, because the request had
    /// none (RFC 6750 §3.1).
    ///
    /// # Panics
    ///
    /// Panics if the status is not 401, or if the challenge has an `error`.
    #[track_caller]
    pub fn assert_challenged(&self) -> &Self {
        self.assert_status(401);
        let challenge = self.well_formed();
        let said = [
            challenge.error(),
            challenge.error_description(),
            challenge.parameter("error_uri"),
        ];
        assert_eq!(
            said, [None; 3],
            "an error, but the request was without credentials, in {self:?}"
        );
        self
    }

    /// Asserts that the challenge names these scopes, in this order.
    ///
    /// # Panics
    ///
    /// Panics if the scopes are different.
    #[track_caller]
    pub fn assert_scope(&self, scope: &str) -> &Self {
        assert_eq!(
            self.well_formed().scope(),
            Some(scope),
            "the scope of {self:?}"
        );
        self
    }

    /// Asserts that the body is a problem document (RFC 9457) that repeats the status, and returns
    /// it.
    ///
    /// # Panics
    ///
    /// Panics if the media type is different, or if the body is not such an object.
    #[track_caller]
    #[allow(clippy::expect_used, reason = "an assertion fails by panicking")]
    pub fn assert_problem(&self) -> Value {
        let media_type = self
            .headers
            .get(header::CONTENT_TYPE)
            .map(HeaderValue::as_bytes);
        assert_eq!(
            media_type,
            Some(&b"application/problem+json"[..]),
            "the media type of {self:?}"
        );
        let problem = self.json().expect("a problem body in JSON");
        assert_eq!(
            problem.get("status"),
            Some(&self.status.into()),
            "the problem's status in {self:?}"
        );
        problem
    }

    /// Asserts that the response repeats no part of this token.
    ///
    /// # Panics
    ///
    /// Panics if the response repeats a part of it.
    #[track_caller]
    pub fn assert_does_not_contain(&self, token: &str) -> &Self {
        assert!(
            !self.contains(token),
            "the response with status {} repeats a part of the token",
            self.status
        );
        self
    }

    #[track_caller]
    #[allow(clippy::expect_used, reason = "an assertion fails by panicking")]
    fn well_formed(&self) -> Challenge {
        self.challenge().expect("one well-formed Bearer challenge")
    }
}

impl<B: Into<Bytes>> From<Response<B>> for TestResponse {
    fn from(response: Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.into(),
        }
    }
}

/// Status, `WWW-Authenticate` and body. If HTTP does not allow the header value, it counts as
/// absent.
impl<B: Into<Bytes>> From<(u16, Option<String>, B)> for TestResponse {
    fn from((status, challenge, body): (u16, Option<String>, B)) -> Self {
        let value = challenge.and_then(|text| HeaderValue::try_from(text).ok());
        let headers = value
            .into_iter()
            .map(|value| (header::WWW_AUTHENTICATE, value))
            .collect();
        Self {
            status,
            headers,
            body: body.into(),
        }
    }
}
