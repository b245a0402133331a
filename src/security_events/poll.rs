//! Poll delivery (RFC 8936): this service fetches the events, and acknowledges them with the next
//! request.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LANGUAGE, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode};
use serde_json::{Map, Value, json};

use super::body::MAX_BODY;
use super::error::EventError;
use super::poll_error::{PollError, PollFailure};
use super::processor::EventProcessor;
use super::status::EventReceiverStatus;
use crate::http_client::Fetcher;
use crate::telemetry::event_delivery;
use crate::token::{JsonObject, JsonValue, TokenError};
use crate::util::lock;

/// Fetches Security Event Tokens from a transmitter (RFC 8936). Create it with
/// [`SecurityEventSettings::poll`](crate::SecurityEventSettings::poll).
///
/// An event takes effect before it is acknowledged. A rejected event is reported to the transmitter
/// with a code of RFC 8935 §2.4. An event whose effect cannot be stored now is neither, so the
/// transmitter sends it again.
///
/// ```no_run
/// use std::time::Duration;
/// use tower_m2m::{Denylist, EventReceiver, Verifier};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let denylist = Denylist::new();
/// let verifier = Verifier::builder([Verifier::issuer("https://idp.example").audience("https://api.acme.com")])
///     .denylist(denylist.clone())
///     .build()?;
/// let poller = EventReceiver::security_events(&verifier, &denylist, "https://idp.example")
///     .audience("https://api.acme.com/events")
///     .poll("https://idp.example/ssf/poll", std::env::var("EVENTS_AUTHORIZATION")?)?;
/// tokio::spawn(async move { poller.run(Duration::from_secs(5)).await });
/// # Ok(())
/// # }
/// ```
pub struct EventPoller {
    processor: Arc<EventProcessor>,
    endpoint: String,
    authorization: HeaderValue,
    fetcher: Fetcher,
    /// What the next request tells the transmitter.
    results: Mutex<EventResults>,
}

/// The results of received events that the transmitter does not know yet.
#[derive(Default)]
struct EventResults {
    accepted: Vec<String>,
    rejected: Vec<(String, EventError)>,
}

/// The result of one poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Polled {
    /// The number of received events.
    pub received: usize,
    /// `true` if the transmitter has more events.
    pub more_available: bool,
}

/// The largest number of events in one response.
const MAX_EVENTS: usize = 25;
const MAX_BYTES: usize = MAX_EVENTS * MAX_BODY;
const MAX_VALUES: u32 = 1024;
const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);

impl EventPoller {
    pub(super) fn new(
        processor: EventProcessor,
        endpoint: String,
        authorization: HeaderValue,
        fetcher: Fetcher,
    ) -> Self {
        Self {
            processor: Arc::new(processor),
            endpoint,
            authorization,
            fetcher,
            results: Mutex::default(),
        }
    }

    /// Polls until the future is dropped. It pauses for `interval` if the transmitter has no more
    /// events, from 100 ms to 5 min. It pauses longer each time, up to 5 min, after a failure and
    /// if no received event could be acknowledged or reported. If the transmitter's `Retry-After`
    /// is longer, it pauses that long.
    pub async fn run(&self, interval: Duration) {
        let interval = interval.clamp(Duration::from_millis(100), MAX_PAUSE);
        let mut pause = interval;
        loop {
            match self.poll().await {
                // The transmitter sends the same events again.
                Ok(polled) if polled.received > 0 && self.results_are_empty() => {
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                Ok(polled) => {
                    pause = interval;
                    if polled.more_available && polled.received > 0 {
                        continue;
                    }
                }
                Err(failure) => {
                    event_delivery::event_poll_failed(self.processor.issuer(), &failure.error);
                    pause = (pause * 2).min(MAX_PAUSE);
                    let requested = failure.retry_after.unwrap_or_default();
                    pause = pause.max(requested.min(MAX_PAUSE));
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends one request. It acknowledges the events of the last one, and lets at most 25 new
    /// events take effect.
    ///
    /// # Errors
    ///
    /// Returns [`PollError`] if there is no valid response. The next request acknowledges the same
    /// events again.
    pub async fn poll_once(&self) -> Result<Polled, PollError> {
        self.poll().await.map_err(|failure| failure.error)
    }

    /// Adds the `state` of a verification event that the application requested from the
    /// transmitter. An event with another state is rejected. At most 16 states are kept.
    pub fn expect_verification(&self, state: impl Into<String>) {
        self.processor.expect_verification(state.into());
    }

    /// Returns what was received so far, without any I/O.
    #[must_use]
    pub fn status(&self) -> EventReceiverStatus {
        self.processor.status()
    }

    fn results_are_empty(&self) -> bool {
        let results = lock(&self.results);
        results.accepted.is_empty() && results.rejected.is_empty()
    }

    async fn poll(&self) -> Result<Polled, PollFailure> {
        let request = self.request(&lock(&self.results))?;
        let response = self.fetcher.send(request, TIMEOUT, MAX_BYTES).await;
        let response = response.map_err(|_| PollError::NoResponse)?;
        if response.status() != StatusCode::OK {
            return Err(PollFailure::from_status(
                response.status(),
                response.headers(),
            ));
        }
        let (sets, more_available) =
            parse_response(response.body()).ok_or(PollError::InvalidResponse)?;
        // The transmitter knows the results now.
        *lock(&self.results) = EventResults::default();
        let received = sets.len();
        for (id, set) in sets {
            match self.accept(set.as_deref()).await {
                Ok(()) => lock(&self.results).accepted.push(id),
                Err(error) => {
                    self.processor.record_failure(error);
                    if error.err().is_some() {
                        lock(&self.results).rejected.push((id, error));
                    }
                }
            }
        }
        Ok(Polled {
            received,
            more_available,
        })
    }

    async fn accept(&self, set: Option<&str>) -> Result<(), EventError> {
        let set = set.ok_or(EventError::Token(TokenError::NotThreeSegments))?;
        if set.len() > MAX_BODY {
            return Err(EventError::TooLarge);
        }
        self.processor.accept(set.as_bytes(), None).await
    }

    /// Returns the request of RFC 8936 §2.2.
    fn request(&self, results: &EventResults) -> Result<Request<Vec<u8>>, PollError> {
        let mut body = Map::new();
        body.insert("maxEvents".into(), MAX_EVENTS.into());
        body.insert("returnImmediately".into(), true.into());
        if !results.accepted.is_empty() {
            body.insert("ack".into(), json!(results.accepted));
        }
        let mut request = Request::post(&self.endpoint)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, &self.authorization);
        if !results.rejected.is_empty() {
            let errors = results.rejected.iter().map(|(id, error)| {
                let described = json!({ "err": error.err(), "description": error.description() });
                (id.clone(), described)
            });
            body.insert("setErrs".into(), Value::Object(errors.collect()));
            // RFC 8936 §2.6
            request = request.header(CONTENT_LANGUAGE, "en");
        }
        let body = Value::Object(body).to_string().into_bytes();
        request.body(body).map_err(|_| PollError::NoResponse)
    }
}

/// An event by its ID, or `None` if it is not a string.
type ReceivedSet = (String, Option<String>);

/// Reads the events, and whether there are more (RFC 8936 §2.3). The transmitter sends the events
/// after the 25th again, because they are not acknowledged.
fn parse_response(body: &[u8]) -> Option<(Vec<ReceivedSet>, bool)> {
    let json = JsonObject::parse_bounded(body, MAX_VALUES).ok()?;
    let JsonValue::Object(sets) = json.get("sets")? else {
        return None;
    };
    let mut sets = json.members_of(sets).map(|(id, set)| match set {
        JsonValue::String(set) => (id.to_owned(), Some(set.to_owned())),
        _ => (id.to_owned(), None),
    });
    let first: Vec<_> = sets.by_ref().take(MAX_EVENTS).collect();
    let are_left = sets.next().is_some();
    let more_available = match json.get("moreAvailable") {
        None => false,
        Some(JsonValue::Bool(more)) => more,
        Some(_) => return None,
    };
    Some((first, more_available || are_left))
}

impl fmt::Debug for EventPoller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventPoller")
            .field("issuer", &self.processor.issuer())
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
