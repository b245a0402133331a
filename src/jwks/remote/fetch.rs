//! One fetch of a key set: finds its URL, requests it, and checks the response.

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, StatusCode};
use tokio::time::Instant;

use super::config::JwksLocation;
use super::current::{CachedKeySet, FetchBegin, FetchedDocument, FetchedKeys};
use super::freshness::lifetime;
use super::metadata::discover;
use super::request::{FetchFailure, get, status_failure};
use super::state::RemoteState;
use crate::jwks::{FetchError, JwksError, KeySet, UnusableKeys};

/// Fetches the set once, with its metadata if necessary, before the deadline. If `current` is
/// given, the request for the keys is conditional.
pub(super) async fn fetch_set(
    shared: &RemoteState,
    current: Option<&CachedKeySet>,
    deadline: Instant,
) -> Result<(FetchedKeys, FetchedDocument), FetchFailure> {
    let began_at = FetchBegin {
        wall: shared.wall_now(),
        monotonic: Instant::now(),
    };
    let url = match &shared.location {
        JwksLocation::Url(url) => url.clone(),
        JwksLocation::Discovery => discover(shared, deadline).await?,
    };
    let conditions = current
        .map(|lease| lease.document.validators.clone())
        .unwrap_or_default();
    // A 304 is only valid as a response to a conditional request.
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
        // The set gets a new lifetime. It is as long as the last one, unless this response defines
        // another (RFC 9110 §15.4.5, RFC 9111 §4.3.4).
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
            let set = KeySet::parse_for(&body, shared.key_set_scope())
                .map_err(|error| FetchError::at(&url, error))?;
            if set.is_empty() {
                // Report them once for each set, and not on every retry.
                if shared.history().reject_keys(set.unusable_keys()) {
                    report_unusable_set(&shared.issuer, &set);
                }
                return Err(FetchError::at(&url, JwksError::NoUsableKey).into());
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
        (status, _) => Err(status_failure(&url, status, &parts.headers, fetched_at)),
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

/// Reports all keys of a set in which none can be used. Each of them can be the reason why the API
/// does not work, so the unsupported ones are reported at the same level.
fn report_unusable_set(issuer: &str, set: &KeySet) {
    let keys: Vec<_> = set.unusable_keys().iter().collect();
    if !keys.is_empty() {
        crate::telemetry::events::unusable_keys(issuer, keys.len(), &UnusableKeys(keys));
    }
}

const VALIDATORS: [(HeaderName, HeaderName); 2] =
    [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];

/// Returns the headers that make the next request for the same document conditional (RFC 9110
/// §13.1).
fn validators_of(headers: &HeaderMap) -> HeaderMap {
    VALIDATORS
        .into_iter()
        .filter_map(|(validator, condition)| Some((condition, headers.get(validator)?.clone())))
        .collect()
}
