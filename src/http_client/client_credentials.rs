//! An access token of this service's own, for the API of an issuer (RFC 6749 §4.4).

use std::sync::Mutex;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::client_secret::ClientSecret;
use super::error::{HttpError, HttpFailure};
use super::form_encoding::encode_form;
use super::http::Fetcher;
use crate::util::lock;

/// The lifetime of a token whose response does not say it.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(5 * 60);
const MAX_BYTES: usize = 64 * 1024;
/// An access token of this age is replaced after a response that can mean that the API rejected it.
/// A newer one is kept: any client can cause such a response, and each token is billed.
pub(crate) const MIN_TOKEN_AGE: Duration = Duration::from_secs(60);

/// The access token of one client, refreshed at 80 % of its lifetime. One fetch is made at a time.
pub(crate) struct AccessTokens {
    endpoint: String,
    audience: String,
    client: ClientSecret,
    fetcher: Fetcher,
    current: Mutex<Option<CachedToken>>,
    fetching: Semaphore,
    /// The last failed fetch, for the requests that waited for it.
    last_failure: Mutex<Option<(Instant, AccessTokenError)>>,
}

#[derive(Clone)]
struct CachedToken {
    /// `Bearer` and the token. It is marked as sensitive.
    authorization: HeaderValue,
    requested_at: Instant,
    refresh_from: Instant,
    expires_at: Instant,
}

/// Why there is no access token.
#[derive(Clone, Debug)]
pub(crate) enum AccessTokenError {
    Http(HttpError),
    /// The token endpoint rejected the client.
    Rejected,
    Status(StatusCode, HeaderMap),
    Malformed,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    expires_in: Option<u64>,
}

impl AccessTokens {
    pub(crate) fn new(
        endpoint: String,
        audience: String,
        client: ClientSecret,
        fetcher: Fetcher,
    ) -> Self {
        Self {
            endpoint,
            audience,
            client,
            fetcher,
            current: Mutex::default(),
            fetching: Semaphore::new(1),
            last_failure: Mutex::default(),
        }
    }

    /// Returns the value of `Authorization`, and fetches a token if there is none that is fresh.
    pub(crate) async fn authorization(
        &self,
        deadline: Instant,
    ) -> Result<HeaderValue, AccessTokenError> {
        let cached = self.cached();
        let now = Instant::now();
        if let Some(token) = cached.as_ref().filter(|token| now < token.refresh_from) {
            return Ok(token.authorization.clone());
        }
        let usable = cached.filter(|token| now < token.expires_at);
        let (permit, has_waited) = match (&usable, self.fetching.try_acquire()) {
            (_, Ok(permit)) => (permit, false),
            // Another request refreshes the token.
            (Some(token), Err(_)) => return Ok(token.authorization.clone()),
            (None, Err(_)) => {
                let permit = timeout_at(deadline, self.fetching.acquire()).await;
                let permit = permit
                    .map_err(|_| AccessTokenError::Http(HttpFailure::TimedOut.into()))?
                    .map_err(|_| AccessTokenError::Malformed)?;
                (permit, true)
            }
        };
        // Another fetch can have ended since the first look.
        if let Some(token) = self.cached().filter(|token| now < token.refresh_from) {
            return Ok(token.authorization);
        }
        let last_failure = lock(&self.last_failure).clone();
        // The fetch that it waited for failed, so it does not repeat it.
        if let Some((_, error)) = last_failure.filter(|(at, _)| has_waited && *at >= now) {
            return Err(error);
        }
        let fetched = self.fetch(deadline).await;
        match &fetched {
            Ok(token) => *lock(&self.current) = Some(token.clone()),
            Err(error) => *lock(&self.last_failure) = Some((Instant::now(), error.clone())),
        }
        // Only now: the next request that gets the permit finds the token or the failure.
        drop(permit);
        match (fetched, usable) {
            // A token that is still valid is used while the endpoint fails.
            (Ok(token), _) | (Err(_), Some(token)) => Ok(token.authorization),
            (Err(error), None) => Err(error),
        }
    }

    /// Forgets a token that the API may have rejected, if it was fetched at least this long ago.
    pub(crate) fn invalidate_older(&self, authorization: &HeaderValue, age: Duration) {
        let is_this = |token: &mut CachedToken| {
            token.authorization == authorization && token.requested_at.elapsed() >= age
        };
        drop(lock(&self.current).take_if(is_this));
    }

    fn cached(&self) -> Option<CachedToken> {
        lock(&self.current).clone()
    }

    async fn fetch(&self, deadline: Instant) -> Result<CachedToken, AccessTokenError> {
        let form = encode_form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.client.client_id),
            ("client_secret", &self.client.secret),
            ("audience", &self.audience),
        ]);
        let request = Request::post(&self.endpoint)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form.into_bytes())
            .map_err(|_| AccessTokenError::Malformed)?;
        let timeout = deadline.saturating_duration_since(Instant::now());
        let requested_at = Instant::now();
        let sent = self.fetcher.send(request, timeout, MAX_BYTES).await;
        let response = sent.map_err(AccessTokenError::Http)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(AccessTokenError::Rejected);
            }
            status => return Err(AccessTokenError::Status(status, response.headers().clone())),
        }
        let token: TokenResponse =
            serde_json::from_slice(response.body()).map_err(|_| AccessTokenError::Malformed)?;
        let lifetime = token
            .expires_in
            .map_or(DEFAULT_LIFETIME, Duration::from_secs);
        let lifetime = lifetime.min(Duration::from_secs(24 * 60 * 60));
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.access_token))
            .map_err(|_| AccessTokenError::Malformed)?;
        authorization.set_sensitive(true);
        Ok(CachedToken {
            authorization,
            requested_at,
            refresh_from: requested_at + lifetime.mul_f64(0.8),
            expires_at: requested_at + lifetime,
        })
    }
}

impl std::fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessTokens")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
