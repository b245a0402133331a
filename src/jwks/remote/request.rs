//! One request of a fetch, and its failure.

use std::time::SystemTime;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tokio::time::Instant;

use super::freshness::retry_after;
use super::state::RemoteState;
use crate::http_client::RequestFailure;
use crate::jwks::{FetchError, JwksError};

/// The reason why a fetch failed, and the pause that the issuer requires.
pub(super) type FetchFailure = RequestFailure<FetchError>;

pub(super) fn status_failure(
    url: &str,
    status: StatusCode,
    headers: &HeaderMap,
    now: SystemTime,
) -> FetchFailure {
    FetchFailure {
        error: FetchError::at(url, JwksError::UnexpectedStatus(status.as_u16())),
        retry_after: retry_after(headers, now),
    }
}

pub(super) async fn get(
    shared: &RemoteState,
    url: &str,
    conditions: HeaderMap,
    deadline: Instant,
    max_bytes: usize,
) -> Result<Response<Vec<u8>>, FetchError> {
    let mut request = Request::get(url)
        .body(Vec::new())
        .map_err(|_| FetchError::at(url, JwksError::Malformed))?;
    *request.headers_mut() = conditions;
    request
        .headers_mut()
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
    let timeout = deadline.saturating_duration_since(Instant::now());
    let fetcher = shared.fetchers.for_url(url, &shared.issuer);
    let response = fetcher.send(request, timeout, max_bytes).await;
    response.map_err(|error| FetchError::without_response(url, error))
}
