//! The service that receives events.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::Semaphore;
use tower_service::Service;

use super::body::{BodyTimeouts, read_body};
use super::error::EventError;
use super::processor::{EventProcessor, EventSource};
use super::readers::BodyReaders;
use super::response::{accepted, rejected};
use super::secret::AuthorizationSecret;
use super::status::EventReceiverStatus;
use crate::revocation::{Denylist, KindeCallerCheck};
use crate::verifier::{ConfigError, Verifier};

/// Receives events of an issuer by HTTP and lets them take effect: Kinde's webhooks, or Security
/// Event Tokens that are pushed (RFC 8935).
///
/// It is a [`tower_service::Service`] over any [`http_body::Body`]. Mount it outside of the
/// authorization layer, because the sender has no access token. An event takes effect on the
/// [`Denylist`] before the response is sent.
///
/// | response | meaning |
/// |---|---|
/// | 200 (Kinde), 202 (SETs) | accepted, also if it was received before or has no effect |
/// | 400 | not authentic or malformed, with a code of RFC 8935 §2.4 |
/// | 401 | the secret in `Authorization` is missing or wrong |
/// | 405, 408, 413 | another method, an incomplete body, a body of more than 64 KiB |
/// | 503 | the effect could not be stored or the keys are unavailable: the sender tries again |
///
/// The [`EventError`](crate::EventError) is in the extensions of the response.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_m2m::{Denylist, EventReceiver, KindeCallerCheck, OrgCode, Verifier};
///
/// # fn secret() -> String { "secret".to_owned() }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let denylist = Denylist::new();
/// let kinde_check = KindeCallerCheck::client_credentials("m2m-client-id", secret());
/// let verifier = Verifier::builder([Verifier::kinde("acme").audience("https://api.acme.com")])
///     .denylist(denylist.clone())
///     .check_caller(kinde_check.clone())
///     .build()?;
/// let webhooks = EventReceiver::kinde_webhooks(&verifier, &denylist)?.invalidates(&kinde_check);
///
/// let app: Router = Router::new()
///     .route("/invoices", get(|org: OrgCode| async move { format!("invoices of {org}") }))
///     .route_layer(verifier.layer())
///     .route_service("/hooks/kinde", webhooks);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EventReceiver {
    processor: Arc<EventProcessor>,
    secret: Option<AuthorizationSecret>,
    check: Option<KindeCallerCheck>,
    timeouts: BodyTimeouts,
    readers: BodyReaders,
    in_progress: Arc<Semaphore>,
}

/// The default of how many bodies are read at a time.
const MAX_BODIES: usize = 256;
/// The default of how many events are processed at a time.
const MAX_EVENTS: usize = 256;
/// The largest values that the application can set for both.
const LARGEST_LIMIT: usize = 65_536;
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

impl EventReceiver {
    /// Receives the webhooks of the verifier's Kinde issuer.
    ///
    /// A webhook is a JWT that the issuer signed with its own key. `organization.deleted` denies
    /// the organization. `user.deleted`, and `user.created` or `user.updated` of a suspended user,
    /// deny the API keys of that user. `user.updated` of a user that is not suspended admits them
    /// again. `organization.updated` makes the [`KindeCallerCheck`] query again. Every other event
    /// is accepted and has no effect.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the verifier does not list exactly one issuer with the profile of
    /// Kinde, or if no verifier uses the denylist for this issuer.
    pub fn kinde_webhooks(verifier: &Verifier, denylist: &Denylist) -> Result<Self, ConfigError> {
        let mut issuers = verifier.kinde_issuers();
        let (Some(issuer), None) = (issuers.next(), issuers.next()) else {
            return Err(ConfigError::new(
                "kinde_webhooks",
                "needs a verifier that lists exactly one issuer with the profile of Kinde",
            ));
        };
        if !denylist.has_issuer(issuer) {
            return Err(ConfigError::new("denylist", UNKNOWN_DENYLIST));
        }
        let source = EventSource::Kinde;
        Ok(Self::new(EventProcessor::new(
            verifier,
            denylist,
            Arc::clone(issuer),
            source,
        )))
    }

    pub(super) fn new(processor: EventProcessor) -> Self {
        Self {
            processor: Arc::new(processor),
            secret: None,
            check: None,
            timeouts: BodyTimeouts {
                first_byte: Duration::from_secs(2),
                body: Duration::from_secs(10),
            },
            readers: BodyReaders::new(MAX_BODIES),
            in_progress: Arc::new(Semaphore::new(MAX_EVENTS)),
        }
    }

    pub(super) fn with_secret(self, secret: AuthorizationSecret) -> Self {
        Self {
            secret: Some(secret),
            ..self
        }
    }

    /// Makes events about an organization drop the result of this caller check. Default: the check
    /// queries Kinde when its results are no longer fresh.
    #[must_use]
    pub fn invalidates(mut self, check: &KindeCallerCheck) -> Self {
        self.check = Some(check.clone());
        self
    }

    /// Sets how long a sender may take for the body of a request. Default: 10 s. Values are limited
    /// to the range from 100 ms to 1 minute.
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.body = timeout.clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT);
        self
    }

    /// Sets how long a sender may take for the first byte of the body of a request. Default: 2 s.
    /// Values are limited to the range from 100 ms to 1 minute.
    #[must_use]
    pub fn first_byte_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.first_byte = timeout.clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT);
        self
    }

    /// Sets how many bodies are read at a time, of at most 64 KiB each. Default: 256. Values are
    /// limited to the range from 1 to 65,536.
    ///
    /// If there are more, the request that takes longest gets 503. So a flood of slow bodies keeps
    /// no other sender out.
    #[must_use]
    pub fn max_concurrent_bodies(mut self, bodies: usize) -> Self {
        self.readers = BodyReaders::new(bodies.clamp(1, LARGEST_LIMIT));
        self
    }

    /// Sets how many events are processed at a time, after their bodies were read. Default: 256.
    /// Values are limited to the range from 1 to 65,536.
    ///
    /// If there are more, a new one gets 503, and the sender tries again. An event can wait for the
    /// keys of the issuer, the metadata of the transmitter, and the store of the denylist.
    #[must_use]
    pub fn max_concurrent_events(mut self, events: usize) -> Self {
        self.in_progress = Arc::new(Semaphore::new(events.clamp(1, LARGEST_LIMIT)));
        self
    }

    /// Adds the `state` of a verification event that the application requested from the
    /// transmitter. An event with another state is rejected. At most 16 states are kept, in this
    /// process: another replica rejects the event.
    pub fn expect_verification(&self, state: impl Into<String>) {
        self.processor.expect_verification(state.into());
    }

    /// Returns what was received so far, without any I/O.
    #[must_use]
    pub fn status(&self) -> EventReceiverStatus {
        self.processor.status()
    }

    async fn respond<B: Body>(self, parts: Parts, body: B) -> Response<String> {
        match self.receive(&parts, body).await {
            Ok(()) => accepted(match self.processor.source {
                // Only 200 stops Kinde from sending it again.
                EventSource::Kinde => StatusCode::OK,
                EventSource::Transmitter(_) => StatusCode::ACCEPTED,
            }),
            Err(error) => {
                self.processor.record_failure(error);
                rejected(error)
            }
        }
    }

    async fn receive<B: Body>(&self, parts: &Parts, body: B) -> Result<(), EventError> {
        if parts.method != Method::POST {
            return Err(EventError::MethodNotAllowed);
        }
        if let Some(secret) = &self.secret
            && !secret.is_in(&parts.headers)
        {
            return Err(EventError::Unauthorized);
        }
        let expected = match self.processor.source {
            EventSource::Kinde => "application/jwt",
            EventSource::Transmitter(_) => "application/secevent+jwt",
        };
        if !has_content_type(&parts.headers, expected) {
            return Err(EventError::InvalidContentType);
        }
        let read = read_body(body, self.timeouts);
        let document = self.readers.read(read).await?;
        let permit = self.in_progress.try_acquire();
        let permit = permit.map_err(|_| EventError::Busy)?;
        let accepted = self.processor.accept(&document, self.check.as_ref()).await;
        drop(permit);
        accepted
    }
}

pub(super) const UNKNOWN_DENYLIST: &str =
    "is not used by a verifier that lists the issuer: pass it to VerifierBuilder::denylist first";

/// Returns `true` if the request has one content type, which is this one. Parameters make no
/// difference.
fn has_content_type(headers: &HeaderMap, expected: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().ok().and_then(|it| it.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(expected))
}

impl<B> Service<Request<B>> for EventReceiver
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let receiver = self.clone();
        Box::pin(async move { Ok(receiver.respond(parts, body).await) })
    }
}

impl fmt::Debug for EventReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReceiver")
            .field("issuer", &self.processor.issuer())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
#[cfg(feature = "test-util")]
mod tests;
