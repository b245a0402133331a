//! The settings of a receiver of Security Event Tokens.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response};

use super::critical::{CriticalMembers, TransmitterMetadata};
use super::poll::EventPoller;
use super::processor::{EventProcessor, EventSource, Transmitter};
use super::receiver::{EventReceiver, UNKNOWN_DENYLIST};
use super::secret::AuthorizationSecret;
use super::set::SetRules;
use super::states::RequestedStates;
use crate::clock::seconds;
use crate::http_client::Fetcher;
use crate::jwks::{is_secure_url, well_known_url};
use crate::revocation::Denylist;
use crate::util::BoxError;
use crate::verifier::{ConfigError, DocumentSender, Verifier};

/// A transmitter whose audience is not set yet. [`audience`](Self::audience) completes it.
#[derive(Clone, Debug)]
#[must_use = "events are received only once there is an audience"]
pub struct NeedsEventAudience {
    verifier: Verifier,
    denylist: Denylist,
    transmitter: String,
}

/// The settings of a receiver of Security Event Tokens. Create it with
/// [`EventReceiver::security_events`].
///
/// The order of the setters makes no difference. [`authorization`](Self::authorization) ends them.
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until a receiver has them"]
pub struct SecurityEventSettings {
    transmitter: NeedsEventAudience,
    audience: String,
    speaks_for: Vec<String>,
    critical: Option<Vec<String>>,
    token_lifetime: Option<Duration>,
    send: Option<Fetcher>,
}

/// How long a SET is accepted after it was issued, in seconds: 7 days.
const WINDOW: i64 = 7 * 24 * 60 * 60;

impl EventReceiver {
    /// Receives the Security Event Tokens (RFC 8417) of this transmitter, which the verifier must
    /// list as an issuer. The audience follows.
    ///
    /// ```
    /// use tower_m2m::{Denylist, EventReceiver, Verifier};
    ///
    /// # fn shared_secret() -> String { "Bearer 7f3ad1c09b5e".to_owned() }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let denylist = Denylist::new();
    /// let verifier = Verifier::builder([Verifier::issuer("https://idp.example").audience("https://api.acme.com")])
    ///     .denylist(denylist.clone())
    ///     .build()?;
    /// let events = EventReceiver::security_events(&verifier, &denylist, "https://idp.example")
    ///     .audience("https://api.acme.com/events")
    ///     .authorization(shared_secret())?; // the transmitter sends it in `Authorization`
    /// # Ok(())
    /// # }
    /// ```
    pub fn security_events(
        verifier: &Verifier,
        denylist: &Denylist,
        transmitter: impl Into<String>,
    ) -> NeedsEventAudience {
        NeedsEventAudience::new(verifier, denylist, transmitter.into())
    }
}

impl NeedsEventAudience {
    fn new(verifier: &Verifier, denylist: &Denylist, transmitter: String) -> Self {
        Self {
            verifier: verifier.clone(),
            denylist: denylist.clone(),
            transmitter,
        }
    }

    /// Sets the audience of this receiver, which `aud` of each SET must contain.
    pub fn audience(self, audience: impl Into<String>) -> SecurityEventSettings {
        SecurityEventSettings {
            transmitter: self,
            audience: audience.into(),
            speaks_for: Vec::new(),
            critical: None,
            token_lifetime: None,
            send: None,
        }
    }
}

impl SecurityEventSettings {
    /// Allows the transmitter to name subjects of this issuer too. Default: only its own.
    ///
    /// **The transmitter can then deny every user of that issuer, and remove the entries that other
    /// events about these users added.** Entries of the application stay.
    pub fn speaks_for(mut self, issuer: impl Into<String>) -> Self {
        self.speaks_for.push(issuer.into());
        self
    }

    /// Sets the members of complex subjects that a receiver must understand
    /// (`critical_subject_members`). Default: those of the transmitter's metadata
    /// (`/.well-known/ssf-configuration`), which is fetched when a complex subject arrives and then
    /// once an hour.
    ///
    /// If the keys of the transmitter are fixed, this is required, because no metadata is fetched.
    pub fn critical_subject_members<M: Into<String>>(
        mut self,
        members: impl IntoIterator<Item = M>,
    ) -> Self {
        self.critical = Some(members.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the longest lifetime of the issuer's access tokens. Default: the longest
    /// [`max_age`](crate::Issuer::max_age) of the issuer in all verifiers that use the denylist
    /// when the event arrives. If one of them has none, or resolves the issuer, entries about
    /// tokens never expire.
    ///
    /// An entry that denies the tokens of a subject up to an event is not needed after this time.
    /// Without it, the denylist keeps one entry for each subject. A value that is less than the
    /// lifetime of a token admits the token again after its entry has expired.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = Some(lifetime);
        self
    }

    /// Requires this value in the `Authorization` header of each request, and builds the receiver.
    /// The value is the whole header, for example `Bearer` with a random token. It is compared in
    /// constant time, before the body is read.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with the name of the invalid setting: if the value has fewer than 16
    /// characters or is no header value, if the verifier does not list the transmitter, or if no
    /// verifier uses the denylist for an issuer.
    pub fn authorization(self, value: impl Into<String>) -> Result<EventReceiver, ConfigError> {
        let secret = AuthorizationSecret::new(&value.into())
            .map_err(|problem| ConfigError::new("authorization", problem))?;
        let receiver = self.build(DocumentSender::Authenticated)?;
        Ok(receiver.with_secret(secret))
    }

    /// Sends requests to the transmitter with a function of the application: for its metadata, and
    /// polls. Default: as the transmitter's keys are fetched.
    ///
    /// The function must not follow redirects.
    pub fn send_with<F, R>(mut self, send: F) -> Self
    where
        F: Fn(Request<Vec<u8>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response<Vec<u8>>, BoxError>> + Send + 'static,
    {
        self.send = Some(Fetcher::function(send));
        self
    }

    /// Builds a poller instead of a receiver (RFC 8936): it fetches the events from this endpoint,
    /// with this value of `Authorization`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`authorization`](Self::authorization), and an error if the endpoint
    /// is not an https URL (http is accepted on loopback only), if the value is no header value, or
    /// if there is no HTTP client because the keys are fixed and
    /// [`send_with`](Self::send_with) is not set.
    pub fn poll(
        self,
        endpoint: impl Into<String>,
        authorization: impl Into<String>,
    ) -> Result<EventPoller, ConfigError> {
        let endpoint = endpoint.into();
        if !is_secure_url(&endpoint) {
            let problem = "must be an https URL (http is accepted on loopback only)";
            return Err(ConfigError::new("poll", problem));
        }
        let authorization = HeaderValue::try_from(authorization.into());
        let mut authorization = authorization
            .ok()
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ConfigError::new("authorization", "is empty or no header value"))?;
        authorization.set_sensitive(true);
        let fetcher = self.fetcher(&endpoint).ok_or_else(|| {
            let problem = "must be set, because the keys of the transmitter are fixed";
            ConfigError::new("send_with", problem)
        })?;
        let processor = self.processor(DocumentSender::Authenticated)?;
        Ok(EventPoller::new(
            processor,
            endpoint,
            authorization,
            fetcher,
        ))
    }

    /// Builds the receiver without a secret. The signature of a SET is always verified, so this
    /// only allows any party to cost the service a signature check for each request.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`authorization`](Self::authorization) except those about its value.
    pub fn without_authorization(self) -> Result<EventReceiver, ConfigError> {
        self.build(DocumentSender::Anyone)
    }

    /// Returns the client for this URL of the transmitter.
    fn fetcher(&self, url: &str) -> Option<Fetcher> {
        let NeedsEventAudience {
            verifier,
            transmitter,
            ..
        } = &self.transmitter;
        let fetchers = || verifier.fetchers_of(transmitter);
        let own = || Some(fetchers()?.for_url(url, transmitter).clone());
        self.send.clone().or_else(own)
    }

    fn build(self, sender: DocumentSender) -> Result<EventReceiver, ConfigError> {
        self.processor(sender).map(EventReceiver::new)
    }

    fn processor(self, sender: DocumentSender) -> Result<EventProcessor, ConfigError> {
        let NeedsEventAudience {
            verifier,
            denylist,
            transmitter,
        } = &self.transmitter;
        let error =
            |setting: &'static str, problem: &'static str| Err(ConfigError::new(setting, problem));
        if !verifier.lists(transmitter) {
            return error(
                "security_events",
                "needs a verifier that lists the transmitter as an issuer, because its keys verify the events",
            );
        }
        if self.audience.is_empty() {
            return error("audience", "is empty");
        }
        let mut issuers = self.speaks_for.iter().chain([transmitter]);
        if !issuers.all(|issuer| denylist.has_issuer(issuer)) {
            return error("denylist", UNKNOWN_DENYLIST);
        }
        if self.token_lifetime.is_some_and(|it| it.is_zero()) {
            return error("token_lifetime", "must be more than zero");
        }
        let critical = if let Some(members) = &self.critical {
            CriticalMembers::Fixed(members.iter().map(|name| name.as_str().into()).collect())
        } else {
            let url = well_known_url(transmitter, "ssf-configuration");
            let Some(fetcher) = self.fetcher(&url) else {
                return error(
                    "critical_subject_members",
                    "must be set, because the keys of the transmitter are fixed and no metadata is fetched",
                );
            };
            CriticalMembers::Metadata(TransmitterMetadata::new(transmitter, url, fetcher))
        };
        let boxed = |name: &String| Box::from(name.as_str());
        let source = Transmitter {
            rules: SetRules {
                issuer: boxed(transmitter),
                audience: boxed(&self.audience),
                window: WINDOW,
            },
            speaks_for: self.speaks_for.iter().map(boxed).collect(),
            critical,
            states: RequestedStates::default(),
            token_lifetime: self.token_lifetime.map(seconds),
            sender,
        };
        Ok(EventProcessor::new(
            verifier,
            denylist,
            Arc::from(transmitter.as_str()),
            EventSource::Transmitter(Box::new(source)),
        ))
    }
}
