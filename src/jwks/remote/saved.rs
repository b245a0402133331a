//! Keys that outlive the process.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::config::RefreshConfig;
use super::current::FetchedDocument;
use super::freshness::LONGEST;
use crate::jwks::{KeySet, KeySetScope};

/// An issuer's key set as text, with the moment it was fetched: what
/// [`Verifier::export_keys`](crate::Verifier::export_keys) gives, for the next start.
///
/// The keys are public, but whoever can change the text can sign: keep it where only the service writes.
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

/// The set, where it came from, and its age; nothing when it is not to be used any more.
pub(super) fn read(
    saved: &SavedKeys,
    scope: KeySetScope<'_>,
    timing: &RefreshConfig,
    now: SystemTime,
) -> Option<(KeySet, FetchedDocument, Duration)> {
    let fetched_at = UNIX_EPOCH.checked_add(Duration::from_secs(saved.fetched_at))?;
    // A set from the future tells nothing about its age.
    let age = now.duration_since(fetched_at).ok()?;
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
        began_at: fetched_at,
        fetched_at,
        lifetime: life,
        validators: HeaderMap::new(),
    };
    Some((set, origin, age))
}
