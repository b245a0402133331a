//! The members of complex subjects that a receiver must understand, from the transmitter's metadata
//! (SSF §Transmitter Configuration Metadata).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::ACCEPT;
use http::{Request, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::error::EventError;
use crate::http_client::Fetcher;
use crate::token::{JsonObject, JsonValue};
use crate::util::{has_timers, lock};

/// `critical_subject_members`.
pub(super) type Members = Arc<[Box<str>]>;

/// Where the members come from.
pub(super) enum CriticalMembers {
    Fixed(Members),
    Metadata(TransmitterMetadata),
}

/// The metadata of a transmitter, which is fetched when a complex subject arrives.
pub(super) struct TransmitterMetadata {
    issuer: Box<str>,
    url: String,
    fetcher: Fetcher,
    cached: Mutex<Cached>,
    fetching: Semaphore,
}

#[derive(Clone, Default)]
struct Cached {
    members: Option<Members>,
    fetched_at: Option<Instant>,
    failed_at: Option<Instant>,
}

/// A response of the transmitter.
enum MetadataAnswer {
    Members(Members),
    NotFound,
}

const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_BYTES: usize = 64 * 1024;
const MAX_MEMBERS: usize = 64;
const TIME_TO_LIVE: Duration = Duration::from_secs(60 * 60);
const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long nothing is fetched after a failure.
const PAUSE: Duration = Duration::from_secs(5);

impl CriticalMembers {
    pub(super) async fn get(&self) -> Result<Members, EventError> {
        match self {
            Self::Fixed(members) => Ok(Arc::clone(members)),
            Self::Metadata(metadata) => metadata.members().await,
        }
    }
}

impl TransmitterMetadata {
    pub(super) fn new(issuer: &str, url: String, fetcher: Fetcher) -> Self {
        Self {
            issuer: issuer.into(),
            url,
            fetcher,
            cached: Mutex::default(),
            fetching: Semaphore::new(1),
        }
    }

    async fn members(&self) -> Result<Members, EventError> {
        let is_within =
            |at: Option<Instant>, time: Duration| at.is_some_and(|at| at.elapsed() < time);
        let current = |cached: &Cached| {
            let fresh = is_within(cached.fetched_at, TIME_TO_LIVE);
            cached.members.clone().filter(|_| fresh)
        };
        let cached = lock(&self.cached).clone();
        if let Some(members) = current(&cached) {
            return Ok(members);
        }
        if !has_timers() {
            return Err(EventError::MetadataUnavailable);
        }
        let permit = self.fetching.acquire().await;
        let cached = lock(&self.cached).clone();
        if let Some(members) = current(&cached) {
            return Ok(members);
        }
        let stale = cached
            .members
            .filter(|_| is_within(cached.fetched_at, MAX_STALE));
        let fetched = if is_within(cached.failed_at, PAUSE) {
            None
        } else {
            let fetched = match self.fetch().await {
                Some(MetadataAnswer::Members(members)) => Some(members),
                // A passing 404 does not replace known members.
                Some(MetadataAnswer::NotFound) => {
                    let are_known = stale.as_ref().is_some_and(|members| !members.is_empty());
                    (!are_known).then(Members::default)
                }
                None => None,
            };
            let mut cached = lock(&self.cached);
            match &fetched {
                Some(members) => {
                    cached.members = Some(Arc::clone(members));
                    cached.fetched_at = Some(Instant::now());
                    cached.failed_at = None;
                }
                None => cached.failed_at = Some(Instant::now()),
            }
            fetched
        };
        drop(permit);
        fetched.or(stale).ok_or(EventError::MetadataUnavailable)
    }

    /// Returns `None` if the metadata is not available. A transmitter without metadata requires
    /// no member.
    async fn fetch(&self) -> Option<MetadataAnswer> {
        let request = Request::get(&self.url).header(ACCEPT, "application/json");
        let request = request.body(Vec::new()).ok()?;
        let response = self.fetcher.send(request, TIMEOUT, MAX_BYTES).await.ok()?;
        match response.status() {
            StatusCode::OK => parse(response.body(), &self.issuer).map(MetadataAnswer::Members),
            StatusCode::NOT_FOUND => Some(MetadataAnswer::NotFound),
            _ => None,
        }
    }
}

/// Reads the members. Returns `None` if the document is malformed, or is that of another
/// transmitter.
fn parse(body: &[u8], issuer: &str) -> Option<Members> {
    let json = JsonObject::parse(body).ok()?;
    match json.get("issuer")? {
        JsonValue::String(name) if name == issuer => {}
        _ => return None,
    }
    let list = match json.get("critical_subject_members") {
        None => return Some(Members::default()),
        Some(JsonValue::Array(list)) => list,
        Some(_) => return None,
    };
    let names = json.items(list).map(|name| match name {
        JsonValue::String(name) => Some(Box::from(name)),
        _ => None,
    });
    let names: Vec<Box<str>> = names.take(MAX_MEMBERS + 1).collect::<Option<_>>()?;
    (names.len() <= MAX_MEMBERS).then(|| names.into())
}
