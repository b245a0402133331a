//! What one flight does: find out where the set is, ask for it, and judge the answer.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tokio::time::Instant;

use super::config::Endpoint;
use super::current::{Fetched, Lease, Origin};
use super::freshness::{lifetime, retry_after};
use super::state::Shared;
use crate::jwks::discovery::{Whereabouts, jwks_uri, metadata_urls};
use crate::jwks::{JwksError, KeySet};

/// A fetch's bad end, and how long the issuer asks to be left alone.
pub(super) struct Failed {
    pub(super) error: JwksError,
    pub(super) retry_after: Option<Duration>,
}

impl From<JwksError> for Failed {
    fn from(error: JwksError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

/// Fetches the set once. `held` is the one that a conditional request is about.
pub(super) async fn fetch_set(
    shared: &Shared,
    held: Option<&Lease>,
) -> Result<(Fetched, Origin), Failed> {
    let url = match &shared.endpoint {
        Endpoint::Url(url) => url.clone(),
        Endpoint::Discovery => discover(shared).await?,
    };
    let conditions = held
        .map(|lease| lease.origin.validators.clone())
        .unwrap_or_default();
    // Nobody who was not asked for a condition can say that it is not met.
    let unmodified = held.filter(|_| !conditions.is_empty());
    let (parts, body) = get(shared, &url, conditions).await?.into_parts();
    let fetched_at = shared.wall_now();
    let stated = if shared.timing.issuer_decides {
        lifetime(&parts.headers, fetched_at)
    } else {
        None
    };
    match (parts.status, unmodified) {
        // Another life for the set that the request was about, as long as the last one unless this answer says otherwise
        // (RFC 9110 §15.4.5, RFC 9111 §4.3.4).
        (StatusCode::NOT_MODIFIED, Some(lease)) => {
            let mut origin = Origin {
                fetched_at,
                ..lease.origin.clone()
            };
            origin.life = stated.unwrap_or(origin.life);
            if parts.headers.contains_key(ETAG) {
                origin.validators = validators_of(&parts.headers);
            }
            Ok((Fetched::Same(std::sync::Arc::clone(&lease.keys)), origin))
        }
        (StatusCode::OK, _) => {
            let set = KeySet::parse(&body, &shared.allowed)?;
            if set.is_empty() {
                report_left_out(&shared.issuer, &set);
                return Err(JwksError::NoUsableKey.into());
            }
            let life = stated.unwrap_or(shared.timing.time_to_live);
            Ok((
                Fetched::New(set),
                Origin {
                    body,
                    fetched_at,
                    life,
                    validators: validators_of(&parts.headers),
                },
            ))
        }
        (status, _) => Err(refused(status, &parts.headers, fetched_at)),
    }
}

/// Reports the keys of a fetched set that are not used.
pub(super) fn report_left_out(issuer: &str, set: &KeySet) {
    let left_out = set.left_out().iter();
    let with_reasons = left_out.map(|key| (key.kid.as_deref(), &key.reason as &dyn Display));
    crate::telemetry::events::unusable_keys(issuer, with_reasons);
}

/// Finds out where the keys are, and keeps that for a while: the metadata rarely changes.
async fn discover(shared: &Shared) -> Result<String, Failed> {
    let known = shared
        .log()
        .whereabouts
        .as_ref()
        .map(|known| (known.uri().to_owned(), known.is_current(Instant::now())));
    if let Some((uri, true)) = known {
        return Ok(uri);
    }
    match read_metadata(shared).await {
        Ok(uri) => {
            if known.is_some_and(|(before, _)| before != uri) {
                crate::telemetry::events::jwks_uri_changed(&shared.issuer);
            }
            shared.log().whereabouts = Some(Whereabouts::new(uri.clone(), Instant::now()));
            Ok(uri)
        }
        // A metadata document that cannot be read now does not undo one that was read before (rule 83).
        Err(failed) => known.map(|(uri, _)| uri).ok_or(failed),
    }
}

async fn read_metadata(shared: &Shared) -> Result<String, Failed> {
    let mut failed = Failed::from(JwksError::Unreachable);
    for url in metadata_urls(&shared.issuer) {
        let answer = get(shared, &url, HeaderMap::new()).await?;
        if answer.status() == StatusCode::OK {
            return Ok(jwks_uri(answer.body(), &shared.issuer)?);
        }
        failed = refused(answer.status(), answer.headers(), shared.wall_now());
        // Only a document that is not there is looked for elsewhere.
        if !matches!(failed.error, JwksError::Status(404 | 405 | 410)) {
            break;
        }
    }
    Err(failed)
}

fn refused(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Failed {
    Failed {
        error: JwksError::Status(status.as_u16()),
        retry_after: retry_after(headers, now),
    }
}

async fn get(
    shared: &Shared,
    url: &str,
    conditions: HeaderMap,
) -> Result<Response<Vec<u8>>, JwksError> {
    let mut request = Request::get(url)
        .body(())
        .map_err(|_| JwksError::Malformed)?;
    *request.headers_mut() = conditions;
    request
        .headers_mut()
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
    shared.fetcher.get(request, shared.timing.timeout).await
}

const VALIDATORS: [(HeaderName, HeaderName); 2] =
    [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];

/// What makes the next request for the same document conditional (RFC 9110 §13.1).
fn validators_of(headers: &HeaderMap) -> HeaderMap {
    VALIDATORS
        .into_iter()
        .filter_map(|(told, ask)| Some((ask, headers.get(told)?.clone())))
        .collect()
}
