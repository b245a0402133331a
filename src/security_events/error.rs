//! The reasons why an event is not accepted.

use std::fmt;

use http::StatusCode;

use crate::token::TokenError;

/// The reason why a receiver does not accept an event. It is in the extensions of the response.
///
/// The message names the cause. It never contains the event or the value of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventError {
    /// The request is not `POST`.
    MethodNotAllowed,
    /// `Authorization` is missing, is not the configured value, or appears more than once (RFC 8935
    /// §2).
    Unauthorized,
    /// The content type is not that of an event.
    InvalidContentType,
    /// The body is larger than 64 KiB.
    TooLarge,
    /// The body was not complete in time.
    BodyTimedOut,
    /// The body could not be read.
    BodyFailed,
    /// The body is not a JWT that a current key of the issuer signed.
    Token(TokenError),
    /// `typ` is not that of an event (RFC 8417 §2.3).
    InvalidType,
    /// A claim is absent.
    MissingClaim(&'static str),
    /// A claim has an invalid type or form.
    MalformedClaim(&'static str),
    /// A claim that an event never has is present, so this is a token of another kind.
    UnexpectedClaim(&'static str),
    /// `iss` is not the configured transmitter.
    InvalidIssuer,
    /// `aud` does not contain this receiver.
    InvalidAudience,
    /// `events` does not have exactly one member.
    NotOneEvent,
    /// The subject is absent or malformed, or there are two different ones.
    InvalidSubject,
    /// The transmitter does not speak for the issuer of the subject.
    SubjectOfOtherIssuer,
    /// The event is older than the window in which events are accepted.
    TooOld,
    /// The event is dated in the future.
    InFuture,
    /// The `state` of a verification event is not one that was requested.
    InvalidState,
    /// No keys of the issuer are available, or no fetch could decide whether the key exists.
    KeysUnavailable,
    /// The transmitter's metadata is not available.
    MetadataUnavailable,
    /// Too many events are in progress, or the same event is.
    Busy,
    /// The store of seen events is full.
    TooManyEvents,
    /// The effect could not be stored.
    NotStored,
}

/// What a receiver responds to an event that it does not accept.
struct ErrorRow {
    code: &'static str,
    status: StatusCode,
    /// The code of RFC 8935 §2.4 or of SSF.
    err: Option<&'static str>,
    description: &'static str,
}

impl EventError {
    /// Returns a stable machine-readable name: for logs, metrics and tests.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.spec().code
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.spec().status
    }

    /// Returns `err` of the response: a code of RFC 8935 §2.4, or `invalid_state`. Returns `None`
    /// if the event is not at fault.
    #[must_use]
    pub fn err(&self) -> Option<&'static str> {
        self.spec().err
    }

    /// Returns the description for the transmitter, which is a constant.
    pub(super) fn description(&self) -> &'static str {
        self.spec().description
    }

    /// Returns `true` if the transmitter should send the event again.
    pub(super) fn is_temporary(&self) -> bool {
        self.status() == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Returns `true` if an event may have arrived. Other requests can come from any client that
    /// scans URLs.
    pub(super) fn is_about_event(&self) -> bool {
        match self {
            Self::MethodNotAllowed
            | Self::Unauthorized
            | Self::InvalidContentType
            | Self::TooLarge
            | Self::BodyTimedOut
            | Self::BodyFailed => false,
            // Every other error is about a JWT with a usable header and payload.
            Self::Token(error) => token_err(error) != "invalid_request",
            _ => true,
        }
    }

    /// The only table of responses to events that are not accepted.
    #[rustfmt::skip]
    fn spec(&self) -> ErrorRow {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
        const INVALID: Option<&str> = Some("invalid_request");
        let spec = |code, status, err, description| ErrorRow { code, status, err, description };
        match self {
            Self::MethodNotAllowed => spec("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, INVALID, "the method is not POST"),
            Self::Unauthorized => spec("unauthorized", StatusCode::UNAUTHORIZED, Some("authentication_failed"), "the Authorization header is missing or wrong"),
            Self::InvalidContentType => spec("invalid_content_type", BAD, INVALID, "the content type is not that of an event"),
            Self::TooLarge => spec("too_large", StatusCode::PAYLOAD_TOO_LARGE, INVALID, "the body is larger than 64 KiB"),
            Self::BodyTimedOut => spec("body_timed_out", StatusCode::REQUEST_TIMEOUT, INVALID, "the body was not complete in time"),
            Self::BodyFailed => spec("body_failed", BAD, INVALID, "the body could not be read"),
            Self::Token(error) => spec(error.code(), BAD, Some(token_err(error)), token_description(error)),
            Self::InvalidType => spec("invalid_type", BAD, INVALID, "typ is not that of an event"),
            Self::MissingClaim(_) => spec("missing_claim", BAD, INVALID, "a required claim is absent"),
            Self::MalformedClaim(_) => spec("malformed_claim", BAD, INVALID, "a claim is malformed"),
            Self::UnexpectedClaim(_) => spec("unexpected_claim", BAD, INVALID, "a claim is not allowed in events"),
            Self::InvalidIssuer => spec("invalid_issuer", BAD, Some("invalid_issuer"), "the issuer is not the expected one"),
            Self::InvalidAudience => spec("invalid_audience", BAD, Some("invalid_audience"), "the event is for another audience"),
            Self::NotOneEvent => spec("not_one_event", BAD, INVALID, "events does not have exactly one member"),
            Self::InvalidSubject => spec("invalid_subject", BAD, INVALID, "the subject is malformed"),
            Self::SubjectOfOtherIssuer => spec("subject_of_other_issuer", BAD, Some("access_denied"), "the subject belongs to another issuer"),
            Self::TooOld => spec("too_old", BAD, INVALID, "the event is too old"),
            Self::InFuture => spec("in_future", BAD, INVALID, "the event is dated in the future"),
            Self::InvalidState => spec("invalid_state", BAD, Some("invalid_state"), "the state was not requested"),
            Self::KeysUnavailable => spec("keys_unavailable", UNAVAILABLE, None, "the keys of the issuer are not available"),
            Self::MetadataUnavailable => spec("metadata_unavailable", UNAVAILABLE, None, "the metadata of the transmitter is not available"),
            Self::Busy => spec("busy", UNAVAILABLE, None, "too many events are in progress"),
            Self::TooManyEvents => spec("too_many_events", UNAVAILABLE, None, "too many events were received"),
            Self::NotStored => spec("not_stored", UNAVAILABLE, None, "the effect could not be stored"),
        }
    }
}

/// Returns the code for a body that is not a JWT of the transmitter.
fn token_err(error: &TokenError) -> &'static str {
    match error {
        TokenError::AlgorithmNotAllowed
        | TokenError::MissingKid
        | TokenError::UnknownKey
        | TokenError::KeyOfOtherIssuer => "invalid_key",
        TokenError::InvalidSignature => "authentication_failed",
        _ => "invalid_request",
    }
}

fn token_description(error: &TokenError) -> &'static str {
    match token_err(error) {
        "invalid_key" => "the key of the event is not accepted",
        "authentication_failed" => "signature verification failed",
        _ => "the body is not a signed JWT",
    }
}

impl From<TokenError> for EventError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => error.fmt(f),
            Self::MissingClaim(name) => write!(f, "the claim `{name}` is absent"),
            Self::MalformedClaim(name) => write!(f, "the claim `{name}` is malformed"),
            Self::UnexpectedClaim(name) => {
                write!(f, "the claim `{name}` is not allowed in an event")
            }
            other => f.write_str(other.description()),
        }
    }
}

impl std::error::Error for EventError {}
