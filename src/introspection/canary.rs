//! How Kinde's verify endpoint responds to a key that does not exist.
//!
//! The documentation does not say whether an unknown key gets 200, 400 or 401, and 401 can also
//! mean that the credentials of this service are rejected. So a key that cannot exist is verified
//! once: the canary request.
//!
//! Kinde documents 403 for a missing scope. So a 401 or 403 to the canary request describes unknown
//! keys only if the endpoint verified a key later, with the same access token.

use std::sync::Mutex;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::error::{IntrospectionError, IntrospectionFailure};
use super::outage::MAX_PAUSE;
use super::response::parse_error_code;
use crate::util::lock;

/// How long the result of a canary request is used.
const LEARNED_TTL: Duration = Duration::from_secs(60 * 60);
/// How long after a canary request another one is sent at the earliest.
const RETRY: Duration = Duration::from_secs(10);

/// An error response: the status and `errors[0].code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    status: StatusCode,
    code: Option<String>,
}

/// How an unknown key is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UnknownKeyResponse {
    /// With this error. A rejection of an invalid access token is another one.
    Error(ErrorResponse),
    /// With status 200, so every error is a failure.
    Ok,
    /// Not distinguishable from a rejection of this service's own credentials.
    Indistinguishable,
}

/// What is known about the responses to unknown keys.
#[derive(Debug)]
pub(super) struct Canary {
    state: Mutex<CanaryState>,
    learning: Semaphore,
}

#[derive(Debug, Default)]
struct CanaryState {
    learned: Option<Learned>,
    /// Why the last canary request failed, and when the next one may be sent.
    failed: Option<(IntrospectionError, Instant)>,
}

/// The result of a canary request.
#[derive(Debug)]
struct Learned {
    response: UnknownKeyResponse,
    at: Instant,
    /// The access token of the canary request. It is marked as sensitive.
    token: Option<HeaderValue>,
    /// The access token with which the endpoint verified a key since then.
    accepted: Option<HeaderValue>,
}

/// A canary request in progress. When it ends, its result is recorded, also if it is canceled.
struct Attempt<'c> {
    state: &'c Mutex<CanaryState>,
    token: Option<&'c HeaderValue>,
    found: Result<UnknownKeyResponse, IntrospectionFailure>,
}

impl ErrorResponse {
    pub(super) fn new(response: &Response<Vec<u8>>) -> Self {
        Self {
            status: response.status(),
            code: parse_error_code(response.body()),
        }
    }

    pub(super) fn is_about_credentials(&self) -> bool {
        matches!(
            self.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        )
    }
}

impl UnknownKeyResponse {
    pub(super) fn is_distinguishable(&self) -> bool {
        *self != Self::Indistinguishable
    }

    /// Returns `true` if it can also be a rejection of this service's own credentials.
    fn is_about_credentials(&self) -> bool {
        match self {
            Self::Error(error) => error.is_about_credentials(),
            Self::Ok => false,
            Self::Indistinguishable => true,
        }
    }
}

impl Canary {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            learning: Semaphore::new(1),
        }
    }

    /// Returns whether the last canary request distinguished an unknown key, or `None` if that is
    /// not known.
    pub(super) fn is_distinguishable(&self) -> Option<bool> {
        let state = lock(&self.state);
        let learned = state.learned.as_ref()?;
        match &learned.response {
            UnknownKeyResponse::Indistinguishable => Some(false),
            response => {
                let is_known = !response.is_about_credentials() || learned.accepted.is_some();
                is_known.then_some(true)
            }
        }
    }

    /// Returns what was learned, and learns it with `probe` if it is not known for this access
    /// token. After a failure it waits for 10 s, or as long as the issuer requires.
    pub(super) async fn response<P>(
        &self,
        token: Option<&HeaderValue>,
        probe: P,
    ) -> Result<UnknownKeyResponse, IntrospectionFailure>
    where
        P: Future<Output = Result<UnknownKeyResponse, IntrospectionFailure>>,
    {
        if let Some(result) = self.current(token) {
            return result;
        }
        // One canary request at a time. The permit is released if the caller is canceled.
        let _permit = self.learning.acquire().await;
        // Another one can have ended meanwhile.
        if let Some(result) = self.current(token) {
            return result;
        }
        let mut attempt = Attempt {
            state: &self.state,
            token,
            found: Err(IntrospectionError::TimedOut.into()),
        };
        attempt.found = probe.await;
        attempt.found.clone()
    }

    /// Records that the endpoint verified a key with this access token, in a response to a request
    /// that was sent at `sent_at`.
    pub(super) fn record_verified(&self, token: Option<&HeaderValue>, sent_at: Instant) {
        let mut state = lock(&self.state);
        let (Some(learned), Some(token)) = (&mut state.learned, token) else {
            return;
        };
        // The first one is the token of the canary request. Otherwise the response to a canary
        // request whose token lacked the scope would count.
        let is_valid = learned.accepted.is_some() || learned.token.as_ref() == Some(token);
        if is_valid && sent_at >= learned.at {
            learned.accepted = Some(token.clone());
        }
    }

    /// Returns `true` if this response to a request with this access token means that the key is
    /// unknown.
    pub(super) fn is_unknown_key(
        &self,
        error: &ErrorResponse,
        token: Option<&HeaderValue>,
    ) -> bool {
        let state = lock(&self.state);
        state.learned.as_ref().is_some_and(|learned| {
            let is_accepted = token.is_some() && learned.accepted.as_ref() == token;
            matches!(&learned.response, UnknownKeyResponse::Error(unknown) if unknown == error)
                && (!error.is_about_credentials() || is_accepted)
        })
    }

    fn current(
        &self,
        token: Option<&HeaderValue>,
    ) -> Option<Result<UnknownKeyResponse, IntrospectionFailure>> {
        let now = Instant::now();
        let state = lock(&self.state);
        if let Some(learned) = &state.learned
            && learned.is_current(token, now)
        {
            return Some(Ok(learned.response.clone()));
        }
        let (error, until) = state.failed?;
        (now < until).then(|| Err(error.into()))
    }
}

impl Learned {
    fn is_current(&self, token: Option<&HeaderValue>, now: Instant) -> bool {
        // A response to an access token that was never accepted says little about another one.
        let is_for_this_token = !self.response.is_about_credentials()
            || self.accepted.is_some()
            || self.token.as_ref() == token;
        let ttl = if is_for_this_token {
            LEARNED_TTL
        } else {
            RETRY
        };
        now.saturating_duration_since(self.at) < ttl
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = lock(self.state);
        match &self.found {
            Ok(response) => {
                let earlier = state.learned.take();
                let same = earlier.filter(|earlier| earlier.response == *response);
                state.learned = Some(Learned {
                    response: response.clone(),
                    at: now,
                    token: self.token.cloned(),
                    accepted: same.and_then(|earlier| earlier.accepted),
                });
                state.failed = None;
            }
            Err(failure) => {
                let pause = failure.retry_after.unwrap_or_default();
                let until = now + pause.clamp(RETRY, MAX_PAUSE);
                state.failed = Some((failure.error, until));
            }
        }
    }
}
