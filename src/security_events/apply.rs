//! Stores the effects of events.

use super::effects::{Accepted, Effect, NoEffect};
use super::error::EventError;
use super::order::Timeliness;
use super::processor::{EventProcessor, EventSource};
use super::seen::KeyHash;
use super::status::StreamStatus;
use crate::revocation::{DenylistEntry, DenylistError, EntryExpiry, EntryOrigin, KindeCallerCheck};
use crate::util::lock;

impl EventProcessor {
    /// Stores the effect of an event. `time` is in milliseconds.
    pub(super) fn apply(
        &self,
        effect: Effect,
        time: Option<i64>,
        event: KeyHash,
        now: i64,
        check: Option<&KindeCallerCheck>,
    ) -> Result<Accepted, EventError> {
        match effect {
            Effect::DenyOlderTokens(entry) => {
                // A token that was issued in the second of the event is the last that it concerns.
                let issued_until = time.map_or(now, |time| time / 1000);
                self.deny(entry, self.tokens_end(issued_until))
            }
            Effect::DenyToken(entry) => self.deny(entry, self.tokens_end(now)),
            Effect::DenyOrganization(entry) => self.deny(entry, EntryExpiry::Never),
            Effect::DenySubject(entry) => {
                let principal = self.hasher.hash(&entry);
                // The lock keeps another event about the principal from coming between.
                let mut applied = lock(&self.applied);
                match applied.deny(principal, time, event, now) {
                    Timeliness::Timely => self.deny(entry, EntryExpiry::Never),
                    Timeliness::Late => Ok(Accepted::Ignored(NoEffect::Late)),
                }
            }
            Effect::RemoveSubject(entry) => {
                let principal = self.hasher.hash(&entry);
                let mut applied = lock(&self.applied);
                match applied.remove(principal, time, event, now) {
                    Timeliness::Timely => {
                        self.denylist.remove_as(EntryOrigin::SecurityEvent, &entry);
                        Ok(Accepted::Applied)
                    }
                    Timeliness::Late => Ok(Accepted::Ignored(NoEffect::Late)),
                }
            }
            Effect::QueryOrganization(organization) => {
                let concerned = check.filter(|it| it.queried_issuer() == Some(&*self.issuer));
                let Some(check) = concerned else {
                    return Ok(Accepted::Ignored(NoEffect::NoCallerCheck));
                };
                check.invalidate(&organization);
                Ok(Accepted::Applied)
            }
            Effect::CompareState(state) => self.compare_state(state.as_deref(), now),
            Effect::RecordStreamStatus(status) => {
                let status = StreamStatus::from_name(status.as_deref());
                self.counters.stream(status);
                Ok(Accepted::Applied)
            }
            Effect::Ignore(reason) => Ok(Accepted::Ignored(reason)),
        }
    }

    fn compare_state(&self, state: Option<&str>, now: i64) -> Result<Accepted, EventError> {
        if let EventSource::Transmitter(transmitter) = &self.source
            && !transmitter.states.take(state)
        {
            return Err(EventError::InvalidState);
        }
        self.counters.verified(now);
        Ok(Accepted::Applied)
    }

    fn deny(&self, entry: DenylistEntry, until: EntryExpiry) -> Result<Accepted, EventError> {
        let denied = self
            .denylist
            .deny_as(EntryOrigin::SecurityEvent, entry, until);
        match denied {
            Ok(()) => Ok(Accepted::Applied),
            // No accepted token can have the name, so there is nothing to deny.
            Err(DenylistError::InvalidName) => Ok(Accepted::Ignored(NoEffect::InvalidName)),
            Err(_) => Err(EventError::NotStored),
        }
    }

    /// Returns the expiry of an entry about tokens that were issued until this second.
    fn tokens_end(&self, issued_until: i64) -> EntryExpiry {
        let lifetime = match &self.source {
            EventSource::Transmitter(transmitter) => transmitter.token_lifetime,
            EventSource::Kinde => None,
        };
        lifetime.map_or(EntryExpiry::Never, |lifetime| {
            EntryExpiry::UnixSeconds(issued_until.saturating_add(lifetime).saturating_add(1))
        })
    }
}
