//! How Kinde's verify endpoint responds to a key that does not exist.
//!
//! The documentation does not say whether an unknown key gets 200, 400 or 401, and 401 can also
//! mean that the credentials of this service are rejected. So a key that cannot exist is verified
//! once: the canary request.

use std::sync::Mutex;
use std::time::Duration;

use http::{Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::response::parse_error_code;
use crate::util::lock;

/// How long the result of a canary request is used.
const LEARNED_TTL: Duration = Duration::from_secs(60 * 60);
/// How long after a canary request failed the next one is sent.
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
    /// With this error, and no failure has the same one.
    Error(ErrorResponse),
    /// With status 200, so every error is a failure.
    Ok,
    /// Not distinguishable from a rejection of this service's own credentials.
    Indistinguishable,
}

/// What is known about the responses to unknown keys.
#[derive(Debug)]
pub(super) struct Canary {
    learned: Mutex<Learned>,
    learning: Semaphore,
}

#[derive(Clone, Debug, Default)]
struct Learned {
    response: Option<(UnknownKeyResponse, Instant)>,
    failed_at: Option<Instant>,
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
}

impl Canary {
    pub(super) fn new() -> Self {
        Self {
            learned: Mutex::default(),
            learning: Semaphore::new(1),
        }
    }

    /// Returns whether the last canary request distinguished an unknown key, or `None` if there was
    /// none.
    pub(super) fn is_distinguishable(&self) -> Option<bool> {
        let learned = lock(&self.learned);
        let (response, _) = learned.response.as_ref()?;
        Some(response.is_distinguishable())
    }

    /// Returns what was learned, and learns it with `probe` if it is not known. `None` if that
    /// failed.
    pub(super) async fn response<P>(&self, probe: P) -> Option<UnknownKeyResponse>
    where
        P: Future<Output = Option<UnknownKeyResponse>>,
    {
        let now = Instant::now();
        let current = |learned: &Learned| {
            let (response, at) = learned.response.as_ref()?;
            (now.saturating_duration_since(*at) < LEARNED_TTL).then(|| response.clone())
        };
        let learned = lock(&self.learned).clone();
        if let Some(response) = current(&learned) {
            return Some(response);
        }
        let is_too_soon = |at: Instant| now.saturating_duration_since(at) < RETRY;
        if learned.failed_at.is_some_and(is_too_soon) {
            return None;
        }
        // One canary request at a time. The permit is released if the caller is canceled.
        let _permit = self.learning.acquire().await.ok()?;
        let learned = lock(&self.learned).clone();
        if let Some(response) = current(&learned) {
            return Some(response);
        }
        let found = probe.await;
        let mut learned = lock(&self.learned);
        match &found {
            Some(response) => learned.response = Some((response.clone(), Instant::now())),
            None => learned.failed_at = Some(Instant::now()),
        }
        found
    }
}
