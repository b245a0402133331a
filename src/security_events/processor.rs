//! The path of an event: verified, seen once, and its effect stored.

use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;

use super::critical::{CriticalMembers, Members};
use super::effects::{Accepted, Effect, NoEffect, Speaker, effect_of, webhook_effect};
use super::error::EventError;
use super::kinde::{self, read_webhook};
use super::order::{AppliedTimes, MAX_PRINCIPALS};
use super::received::{Received, ReceivedEvent};
use super::seen::{KeyHasher, MAX_SEEN, SeenEvents, Sighting};
use super::set::SetRules;
use super::states::RequestedStates;
use super::status::{Counters, EventReceiverStatus};
use crate::revocation::{Denylist, KindeCallerCheck};
use crate::telemetry::{event_delivery, metrics};
use crate::token::{JoseHeader, JsonObject};
use crate::verifier::{DocumentError, DocumentSender, Verifier};

/// What all clones of a receiver share.
pub(super) struct EventProcessor {
    verifier: Verifier,
    pub(super) denylist: Denylist,
    pub(super) issuer: Arc<str>,
    pub(super) source: EventSource,
    seen: SeenEvents,
    pub(super) hasher: KeyHasher,
    pub(super) applied: Mutex<AppliedTimes>,
    pub(super) counters: Counters,
}

/// Who sends the events.
pub(super) enum EventSource {
    Kinde,
    Transmitter(Box<Transmitter>),
}

/// A transmitter of SETs.
pub(super) struct Transmitter {
    pub(super) rules: SetRules,
    pub(super) speaks_for: Vec<Box<str>>,
    pub(super) critical: CriticalMembers,
    pub(super) states: RequestedStates,
    /// The longest lifetime of access tokens in seconds, if the application sets it. Entries about
    /// tokens expire after it.
    pub(super) token_lifetime: Option<i64>,
    pub(super) sender: DocumentSender,
}

impl EventSource {
    fn sender(&self) -> DocumentSender {
        match self {
            Self::Kinde => DocumentSender::Anyone,
            Self::Transmitter(transmitter) => transmitter.sender,
        }
    }

    /// Checks everything but the signature.
    fn read(
        &self,
        issuer: &str,
        header: &JoseHeader<'_>,
        json: &JsonObject<'_>,
        now: i64,
    ) -> Result<Received, EventError> {
        match self {
            Self::Kinde => read_webhook(issuer, header, json, now).map(Received::from),
            Self::Transmitter(transmitter) => transmitter
                .rules
                .read(header, json, now)
                .map(Received::from),
        }
    }
}

impl EventProcessor {
    pub(super) fn new(
        verifier: &Verifier,
        denylist: &Denylist,
        issuer: Arc<str>,
        source: EventSource,
    ) -> Self {
        let window = match &source {
            EventSource::Kinde => kinde::WINDOW,
            EventSource::Transmitter(transmitter) => transmitter.rules.window,
        };
        let now = verifier.clock().unix_seconds();
        metrics::security_events_started(&issuer);
        Self {
            verifier: verifier.clone(),
            denylist: denylist.clone(),
            counters: Counters::new(&issuer, now),
            issuer,
            source,
            seen: SeenEvents::new(MAX_SEEN, window),
            hasher: KeyHasher::default(),
            applied: Mutex::new(AppliedTimes::new(MAX_PRINCIPALS, window)),
        }
    }

    pub(super) fn expect_verification(&self, state: String) {
        if let EventSource::Transmitter(transmitter) = &self.source {
            transmitter.states.add(state);
        }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn status(&self) -> EventReceiverStatus {
        EventReceiverStatus {
            seen_events: self.seen.len(),
            ..self.counters.status()
        }
    }

    /// Verifies an event and stores its effect.
    pub(super) async fn accept(
        self: &Arc<Self>,
        document: &[u8],
        check: Option<&KindeCallerCheck>,
    ) -> Result<(), EventError> {
        let received = self.verify(document).await?;
        self.take_effect(received, check).await
    }

    /// Reports a request that was not accepted.
    pub(super) fn record_failure(&self, error: EventError) {
        let now = self.verifier.clock().unix_seconds();
        let outcome = if error.is_temporary() {
            "unavailable"
        } else {
            "rejected"
        };
        metrics::security_event(&self.issuer, "none", outcome);
        let report = self.counters.failed(error, now);
        if let Some(omitted) = report.omitted {
            event_delivery::security_event_rejected(&self.issuer, error.code(), &error, omitted);
        }
        if let Some(hours) = report.quiet_hours {
            event_delivery::no_event_accepted(&self.issuer, hours);
        }
    }

    async fn verify(&self, document: &[u8]) -> Result<Received, EventError> {
        let (issuer, source) = (&*self.issuer, &self.source);
        let verified = self.verifier.verify_document(
            issuer,
            document,
            source.sender(),
            |header, json, now| {
                let received = source.read(issuer, header, json, now)?;
                let issued_at = received.issued_at;
                Ok((received, issued_at))
            },
        );
        verified.await.map_err(|error| match error {
            DocumentError::Rejected(error) => error,
            DocumentError::KeysUnavailable => EventError::KeysUnavailable,
        })
    }

    async fn take_effect(
        self: &Arc<Self>,
        received: Received,
        check: Option<&KindeCallerCheck>,
    ) -> Result<(), EventError> {
        let now = self.verifier.clock().unix_seconds();
        let (code, id) = (received.code, received.id);
        let key = self.hasher.hash(&(&*self.issuer, &*id));
        let reservation = match self.seen.reserve(key, received.issued_at, now) {
            Sighting::New(reservation) => Some(reservation),
            Sighting::Seen => {
                self.record(Accepted::Duplicate, code, &id, now);
                return Ok(());
            }
            Sighting::InProgress => return Err(EventError::Busy),
            Sighting::Full => None,
        };
        let time = received.time;
        let effect = self.effect(received.event).await?;
        if reservation.is_none() && !effect.is_repeatable() {
            return Err(EventError::TooManyEvents);
        }
        let (processor, check) = (Arc::clone(self), check.cloned());
        let finish = async move {
            let effect = processor.apply(effect, time, key, now, check.as_ref());
            let accepted = effect.await?;
            // An event without effect needs no place: a repetition has no effect either.
            if let (Some(reservation), Accepted::Applied) = (reservation, accepted) {
                reservation.confirm();
            }
            processor.record(accepted, code, &id, now);
            Ok(())
        };
        match Handle::try_current() {
            // A task of its own continues if the sender disconnects.
            Ok(runtime) if self.denylist.is_replicated() => {
                let finished = runtime.spawn(finish).await;
                finished.unwrap_or(Err(EventError::NotStored))
            }
            _ => finish.await,
        }
    }

    async fn effect(&self, event: ReceivedEvent) -> Result<Effect, EventError> {
        match (event, &self.source) {
            (ReceivedEvent::Set { kind, time }, EventSource::Transmitter(transmitter)) => {
                let critical = if kind.needs_critical_members() {
                    transmitter.critical.get().await?
                } else {
                    Members::default()
                };
                let speaker = Speaker {
                    transmitter: &transmitter.rules.issuer,
                    speaks_for: &transmitter.speaks_for,
                    critical_members: &critical,
                };
                effect_of(kind, time, speaker)
            }
            (ReceivedEvent::Webhook(kind), _) => Ok(webhook_effect(&self.issuer, kind)),
            (ReceivedEvent::Set { .. }, EventSource::Kinde) => {
                Ok(Effect::Ignore(NoEffect::UnknownEvent))
            }
        }
    }

    fn record(&self, accepted: Accepted, code: &'static str, id: &str, now: i64) {
        self.counters.accepted(accepted, now);
        let outcome = match accepted {
            Accepted::Applied => {
                event_delivery::security_event_applied(&self.issuer, code, id);
                "applied"
            }
            Accepted::Ignored(reason) => {
                event_delivery::security_event_ignored(&self.issuer, code, id, reason.code());
                "ignored"
            }
            Accepted::Duplicate => "duplicate",
        };
        metrics::security_event(&self.issuer, code, outcome);
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
