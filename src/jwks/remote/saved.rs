//! Keys that are saved for the next process.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::config::RefreshConfig;
use super::current::{FetchBegin, FetchedDocument};
use super::freshness::LONGEST;
use crate::jwks::{KeySet, KeySetScope};

/// An issuer's key set as a string, with its fetch time.
/// [`Verifier::export_keys`](crate::Verifier::export_keys) returns it for the next start.
///
/// The keys are public, but any party that can change the string can sign tokens. Store it where
/// only the service can write.
#[derive(Clone, Serialize, Deserialize)]
pub struct SavedKeys {
    issuer: String,
    jwks: String,
    fetched_at: u64,
    lifetime: u64,
}

impl fmt::Debug for SavedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedKeys")
            .field("issuer", &self.issuer)
            .field("fetched_at", &self.fetched_at)
            .finish_non_exhaustive()
    }
}

impl SavedKeys {
    pub(crate) fn is_of(&self, issuer: &str) -> bool {
        self.issuer == issuer
    }
}

pub(super) fn save(issuer: &str, origin: &FetchedDocument) -> Option<SavedKeys> {
    Some(SavedKeys {
        issuer: issuer.to_owned(),
        jwks: String::from_utf8(origin.body.clone()).ok()?,
        fetched_at: origin.fetched_at.duration_since(UNIX_EPOCH).ok()?.as_secs(),
        lifetime: origin.lifetime.as_secs(),
    })
}

/// Returns the set, its origin and its age, or `None` if it must not be used any more.
pub(super) fn read(
    saved: &SavedKeys,
    scope: KeySetScope<'_>,
    timing: &RefreshConfig,
    wall_now: SystemTime,
    now: Instant,
) -> Option<(KeySet, FetchedDocument, Duration)> {
    let fetched_at = UNIX_EPOCH.checked_add(Duration::from_secs(saved.fetched_at))?;
    // If the set is from the future, its age is unknown.
    let age = wall_now.duration_since(fetched_at).ok()?;
    let stated = Duration::from_secs(saved.lifetime).min(LONGEST);
    let life = if timing.honor_cache_control {
        stated
    } else {
        timing.time_to_live
    };
    if age >= life + timing.max_stale || saved.jwks.len() > timing.limits.bytes {
        return None;
    }
    let set = KeySet::parse_for(saved.jwks.as_bytes(), scope)
        .ok()
        .filter(|set| !set.is_empty())?;
    let origin = FetchedDocument {
        body: saved.jwks.clone().into_bytes(),
        began_at: FetchBegin {
            wall: fetched_at,
            monotonic: now.checked_sub(age).unwrap_or(now),
        },
        fetched_at,
        lifetime: life,
        validators: HeaderMap::new(),
    };
    Some((set, origin, age))
}
