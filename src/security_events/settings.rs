//! The settings of a receiver of Security Event Tokens.

use std::sync::Arc;
use std::time::Duration;

use super::critical::{CriticalMembers, TransmitterMetadata};
use super::processor::{EventProcessor, EventSource, Transmitter};
use super::receiver::{EventReceiver, UNKNOWN_DENYLIST};
use super::secret::AuthorizationSecret;
use super::set::SetRules;
use super::states::RequestedStates;
use crate::clock::seconds;
use crate::jwks::well_known_url;
use crate::revocation::Denylist;
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
        }
    }
}

impl SecurityEventSettings {
    /// Allows the transmitter to name subjects of this issuer too. Default: only its own.
    ///
    /// **The transmitter can then deny every user of that issuer.**
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

    /// Sets the longest lifetime of the issuer's access tokens. Default: `max_age` of the issuer,
    /// if it is set. Otherwise entries about tokens never expire.
    ///
    /// An entry that denies the tokens of a subject up to an event is not needed after this time.
    /// Without it, the denylist keeps one entry for each subject.
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

    /// Builds the receiver without a secret. The signature of a SET is always verified, so this
    /// only allows any party to cost the service a signature check for each request.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`authorization`](Self::authorization) except those about its value.
    pub fn without_authorization(self) -> Result<EventReceiver, ConfigError> {
        self.build(DocumentSender::Anyone)
    }

    pub(super) fn build(self, sender: DocumentSender) -> Result<EventReceiver, ConfigError> {
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
        let critical = match (&self.critical, verifier.fetchers_of(transmitter)) {
            (Some(members), _) => {
                CriticalMembers::Fixed(members.iter().map(|name| name.as_str().into()).collect())
            }
            (None, Some(fetchers)) => {
                let url = well_known_url(transmitter, "ssf-configuration");
                let fetcher = fetchers.for_url(&url, transmitter).clone();
                CriticalMembers::Metadata(TransmitterMetadata::new(transmitter, url, fetcher))
            }
            (None, None) => {
                return error(
                    "critical_subject_members",
                    "must be set, because the keys of the transmitter are fixed and no metadata is fetched",
                );
            }
        };
        let issuers = self.speaks_for.iter().chain([transmitter]);
        let ages = issuers.map(|issuer| verifier.max_age_of(issuer));
        let max_age = ages.collect::<Option<Vec<i64>>>();
        let max_age = max_age.and_then(|ages| ages.into_iter().max());
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
            token_lifetime: self.token_lifetime.map(seconds).or(max_age),
            sender,
        };
        Ok(EventReceiver::new(EventProcessor::new(
            verifier,
            denylist,
            Arc::from(transmitter.as_str()),
            EventSource::Transmitter(Box::new(source)),
        )))
    }
}
