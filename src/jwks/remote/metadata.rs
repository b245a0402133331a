//! Reads issuer metadata to find the keys, from one of two locations and within a time limit.

use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::request::{FetchFailure, get, status_failure};
use super::state::RemoteState;
use crate::jwks::discovery::{CachedJwksUri, MetadataPlace, read_jwks_uri};
use crate::jwks::{FetchError, JwksError};

/// The largest metadata document, in bytes.
const METADATA_MAX: usize = 256 * 1024;

/// Returns the URL of the keys, and caches it because metadata rarely changes.
pub(super) async fn discover(
    shared: &RemoteState,
    deadline: Instant,
) -> Result<String, FetchFailure> {
    let now = Instant::now();
    let cached = shared.history().jwks_uri.clone();
    if let Some(cached) = cached.as_ref().filter(|cached| cached.is_current(now)) {
        return Ok(cached.uri().to_owned());
    }
    // Keys at a known URL can be fetched without the metadata, so half of the time is left for
    // them.
    let until = match cached {
        Some(_) => half_way(now, deadline),
        None => deadline,
    };
    let pinned = cached.as_ref().map(CachedJwksUri::location);
    match read_metadata(shared, pinned, until).await {
        Ok((uri, location)) => {
            if cached.is_some_and(|previous| previous.uri() != uri) {
                crate::telemetry::events::jwks_uri_changed(&shared.issuer);
            }
            shared.history().jwks_uri =
                Some(CachedJwksUri::new(uri.clone(), location, Instant::now()));
            Ok(uri)
        }
        // Metadata that cannot be read now does not undo metadata that was read before (rule 83).
        Err(failed) => cached.map(|cached| cached.uri().to_owned()).ok_or(failed),
    }
}

/// Reads the location that last had valid metadata. If no location ever had any, or after 404 or
/// 410, it reads the other one too.
async fn read_metadata(
    shared: &RemoteState,
    pinned: Option<MetadataPlace>,
    until: Instant,
) -> Result<(String, MetadataPlace), FetchFailure> {
    let location = pinned.unwrap_or(MetadataPlace::OpenIdConnect);
    let first_until = match pinned {
        Some(_) => until,
        None => half_way(Instant::now(), until),
    };
    let failed = match read_place(shared, location, first_until).await {
        Ok(uri) => return Ok((uri, location)),
        Err(failed) => failed,
    };
    let is_tried_elsewhere = match failed.error.cause() {
        // Metadata that names another issuer is a response, and not a missing document.
        JwksError::WrongIssuer { .. } => false,
        JwksError::UnexpectedStatus(404 | 410) => true,
        _ => pinned.is_none(),
    };
    if !is_tried_elsewhere {
        return Err(failed);
    }
    let other = location.other();
    match read_place(shared, other, until).await {
        Ok(uri) => Ok((uri, other)),
        Err(second) => Err(match location {
            MetadataPlace::OpenIdConnect => both(failed, second),
            MetadataPlace::OAuth => both(second, failed),
        }),
    }
}

async fn read_place(
    shared: &RemoteState,
    location: MetadataPlace,
    until: Instant,
) -> Result<String, FetchFailure> {
    let url = location.url(&shared.issuer);
    let response = get(shared, &url, HeaderMap::new(), until, METADATA_MAX).await?;
    if response.status() == StatusCode::OK {
        let addresses = shared.fetchers.addresses;
        let plain_http = shared.config.plain_http;
        let uri = read_jwks_uri(response.body(), &shared.issuer, addresses, plain_http);
        return uri.map_err(|error| FetchError::at(&url, error).into());
    }
    Err(status_failure(
        &url,
        response.status(),
        response.headers(),
        shared.wall_now(),
    ))
}

fn both(openid_connect: FetchFailure, oauth: FetchFailure) -> FetchFailure {
    let retry_after = openid_connect.retry_after.max(oauth.retry_after);
    let error = if openid_connect.error.cause() == oauth.error.cause() {
        openid_connect.error
    } else {
        FetchError::from(JwksError::NoMetadata {
            openid_connect: Box::new(openid_connect.error),
            oauth: Box::new(oauth.error),
        })
    };
    FetchFailure { error, retry_after }
}

fn half_way(now: Instant, until: Instant) -> Instant {
    now + until.saturating_duration_since(now) / 2
}
