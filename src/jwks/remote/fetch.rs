//! What one flight does: find out where the set is, ask for it, and judge the answer.

use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tokio::time::Instant;

use super::config::JwksLocation;
use super::current::{CachedKeySet, FetchedDocument, FetchedKeys};
use super::freshness::{lifetime, retry_after};
use super::http::METADATA_MAX;
use super::state::RemoteState;
use crate::jwks::discovery::{CachedJwksUri, allowed_jwks_uri, metadata_urls};
use crate::jwks::{JwksError, KeySet, UnusableKeys};

/// A fetch's bad end, and how long the issuer asks to be left alone.
pub(super) struct FetchFailure {
    pub(super) error: JwksError,
    pub(super) retry_after: Option<Duration>,
}

impl From<JwksError> for FetchFailure {
    fn from(error: JwksError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

/// Fetches the set once, with the metadata, before the deadline. If `current` is given, the request is
/// conditional.
pub(super) async fn fetch_set(
    shared: &RemoteState,
    current: Option<&CachedKeySet>,
    deadline: Instant,
) -> Result<(FetchedKeys, FetchedDocument), FetchFailure> {
    let began_at = shared.wall_now();
    let url = match &shared.location {
        JwksLocation::Url(url) => url.clone(),
        JwksLocation::Discovery => discover(shared, deadline).await?,
    };
    let conditions = current
        .map(|lease| lease.document.validators.clone())
        .unwrap_or_default();
    // Nobody who was not asked for a condition can say that it is not met.
    let unmodified = current.filter(|_| !conditions.is_empty());
    let max_bytes = shared.config.limits.bytes;
    let response = get(shared, &url, conditions, deadline, max_bytes).await?;
    let (parts, body) = response.into_parts();
    let fetched_at = shared.wall_now();
    let stated = if shared.config.honor_cache_control {
        lifetime(&parts.headers, fetched_at)
    } else {
        None
    };
    match (parts.status, unmodified) {
        // Another life for the set that the request was about, as long as the last one unless this answer says otherwise
        // (RFC 9110 §15.4.5, RFC 9111 §4.3.4).
        (StatusCode::NOT_MODIFIED, Some(lease)) => {
            let mut origin = FetchedDocument {
                began_at,
                fetched_at,
                ..lease.document.clone()
            };
            origin.lifetime = stated.unwrap_or(origin.lifetime);
            if parts.headers.contains_key(ETAG) {
                origin.validators = validators_of(&parts.headers);
            }
            Ok((
                FetchedKeys::NotModified(std::sync::Arc::clone(&lease.keys)),
                origin,
            ))
        }
        (StatusCode::OK, _) => {
            let set = KeySet::parse_for(&body, shared.key_set_scope())?;
            if set.is_empty() {
                // Once for each set, not with every retry.
                if shared.history().reject_keys(set.unusable_keys()) {
                    report_left_out(&shared.issuer, &set);
                }
                return Err(JwksError::NoUsableKey.into());
            }
            let life = stated.unwrap_or(shared.config.time_to_live);
            Ok((
                FetchedKeys::Modified(set),
                FetchedDocument {
                    body,
                    began_at,
                    fetched_at,
                    lifetime: life,
                    validators: validators_of(&parts.headers),
                },
            ))
        }
        (status, _) => Err(status_failure(status, &parts.headers, fetched_at)),
    }
}

/// Reports the keys of a fetched set that are not used.
pub(super) fn report_left_out(issuer: &str, set: &KeySet) {
    let (unsupported, broken): (Vec<_>, Vec<_>) = set
        .unusable_keys()
        .iter()
        .partition(|key| key.reason.is_unsupported());
    if !broken.is_empty() {
        let keys = broken.len();
        crate::telemetry::events::unusable_keys(issuer, keys, &UnusableKeys(broken));
    }
    if !unsupported.is_empty() {
        let keys = unsupported.len();
        crate::telemetry::events::unsupported_keys(issuer, keys, &UnusableKeys(unsupported));
    }
}

/// Finds out where the keys are, and keeps that for a while: the metadata rarely changes.
async fn discover(shared: &RemoteState, deadline: Instant) -> Result<String, FetchFailure> {
    let cached = shared
        .history()
        .jwks_uri
        .as_ref()
        .map(|cached| (cached.uri().to_owned(), cached.is_current(Instant::now())));
    if let Some((uri, true)) = cached {
        return Ok(uri);
    }
    match read_metadata(shared, deadline).await {
        Ok(uri) => {
            if cached.is_some_and(|(previous, _)| previous != uri) {
                crate::telemetry::events::jwks_uri_changed(&shared.issuer);
            }
            shared.history().jwks_uri = Some(CachedJwksUri::new(uri.clone(), Instant::now()));
            Ok(uri)
        }
        // A metadata document that cannot be read now does not undo one that was read before (rule 83).
        Err(failed) => cached.map(|(uri, _)| uri).ok_or(failed),
    }
}

async fn read_metadata(shared: &RemoteState, deadline: Instant) -> Result<String, FetchFailure> {
    let mut failed = FetchFailure::from(JwksError::Unreachable);
    for url in metadata_urls(&shared.issuer) {
        let answer = get(shared, &url, HeaderMap::new(), deadline, METADATA_MAX).await?;
        if answer.status() == StatusCode::OK {
            return Ok(allowed_jwks_uri(
                answer.body(),
                &shared.issuer,
                shared.config.plain_http,
            )?);
        }
        failed = status_failure(answer.status(), answer.headers(), shared.wall_now());
        // Only a document that is not there is looked for elsewhere.
        if !matches!(failed.error, JwksError::UnexpectedStatus(404 | 405 | 410)) {
            break;
        }
    }
    Err(failed)
}

fn status_failure(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> FetchFailure {
    FetchFailure {
        error: JwksError::UnexpectedStatus(status.as_u16()),
        retry_after: retry_after(headers, now),
    }
}

async fn get(
    shared: &RemoteState,
    url: &str,
    conditions: HeaderMap,
    deadline: Instant,
    max_bytes: usize,
) -> Result<Response<Vec<u8>>, JwksError> {
    let mut request = Request::get(url)
        .body(())
        .map_err(|_| JwksError::Malformed)?;
    *request.headers_mut() = conditions;
    request
        .headers_mut()
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
    let remaining = deadline.saturating_duration_since(Instant::now());
    shared.fetcher.get(request, remaining, max_bytes).await
}

const VALIDATORS: [(HeaderName, HeaderName); 2] =
    [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];

/// What makes the next request for the same document conditional (RFC 9110 §13.1).
fn validators_of(headers: &HeaderMap) -> HeaderMap {
    VALIDATORS
        .into_iter()
        .filter_map(|(validator, condition)| Some((condition, headers.get(validator)?.clone())))
        .collect()
}
