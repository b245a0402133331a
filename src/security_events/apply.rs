//! Stores the effects of events.

use super::effects::{Accepted, Effect, NoEffect};
use super::error::EventError;
use super::order::{Decision, Timeliness};
use super::processor::{EventProcessor, EventSource};
use super::seen::KeyHash;
use super::status::StreamStatus;
use crate::revocation::{
    DenylistEntry, DenylistError, EntryExpiry, EntryOrigin, KindeCallerCheck, ReplicationError,
};
use crate::util::lock;

impl EventProcessor {
    /// Stores the effect of an event. `time` is in milliseconds.
    pub(super) async fn apply(
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
                let until = self.tokens_end(&entry, issued_until);
                self.deny(entry, until).await
            }
            Effect::DenyToken(entry) => {
                let until = self.tokens_end(&entry, now);
                self.deny(entry, until).await
            }
            Effect::DenyOrganization(entry) => self.deny(entry, EntryExpiry::Never).await,
            Effect::DenySubject(entry) => {
                let principal = self.hasher.hash(&entry);
                match lock(&self.applied).deny(principal, time, event, now) {
                    Timeliness::Timely => {}
                    Timeliness::Late => return Ok(Accepted::Ignored(NoEffect::Late)),
                }
                // For the replicas, and for this one after a restart.
                let entry = entry.with_event_time(time.unwrap_or(now.saturating_mul(1000)));
                self.settle(entry, principal, Decision::Denied).await
            }
            Effect::RemoveSubject(entry) => {
                if self.denylist.check_usable(now).is_err() {
                    // A newer denial may be in the store.
                    return Err(EventError::NotStored);
                }
                let stored = self.denylist.event_time(&entry);
                let is_older = |stored: i64| time.is_none_or(|time| time <= stored);
                if stored.is_some_and(is_older) {
                    return Ok(Accepted::Ignored(NoEffect::Late));
                }
                let principal = self.hasher.hash(&entry);
                match lock(&self.applied).remove(principal, time, event, now) {
                    Timeliness::Timely => {}
                    Timeliness::Late => return Ok(Accepted::Ignored(NoEffect::Late)),
                }
                self.settle(entry, principal, Decision::Admitted).await
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

    /// Stores a decision about a principal. If another event changed the decision meanwhile, that
    /// one is stored too, so the last event to finish stores the last decision. A write that failed
    /// can have reached the store, so this holds after a failure too.
    async fn settle(
        &self,
        entry: DenylistEntry,
        principal: KeyHash,
        mut decision: Decision,
    ) -> Result<Accepted, EventError> {
        loop {
            let result = match decision {
                Decision::Denied => {
                    let time = lock(&self.applied).event_time(principal);
                    let entry = match time {
                        Some(time) => entry.clone().with_event_time(time),
                        None => entry.clone(),
                    };
                    self.deny(entry, EntryExpiry::Never).await
                }
                Decision::Admitted => self.remove(&entry).await,
            };
            match lock(&self.applied).decision(principal) {
                Some(last) if last != decision => decision = last,
                _ => return result,
            }
        }
    }

    /// Adds an entry, on all replicas if the list has a store.
    async fn deny(&self, entry: DenylistEntry, until: EntryExpiry) -> Result<Accepted, EventError> {
        let (list, origin) = (&self.denylist, EntryOrigin::SecurityEvent);
        let denied = if list.is_replicated() {
            let replicated = list.deny_on_all_replicas_as(origin, entry.clone(), until);
            match replicated.await {
                Ok(()) => Ok(()),
                Err(ReplicationError::NotDenied(error)) => Err(error),
                // No retry would store it, so it applies on this replica.
                Err(ReplicationError::RecordTooLong) => list.deny_as(origin, entry, until),
                // The entry applies on this replica. The sender tries again for the others.
                Err(_) => return Err(EventError::NotStored),
            }
        } else {
            list.deny_as(origin, entry, until)
        };
        match denied {
            Ok(()) => Ok(Accepted::Applied),
            // No accepted token can have the name, so there is nothing to deny.
            Err(DenylistError::InvalidName) => Ok(Accepted::Ignored(NoEffect::InvalidName)),
            Err(_) => Err(EventError::NotStored),
        }
    }

    /// Removes an entry that an event added, from all replicas if the list has a store.
    async fn remove(&self, entry: &DenylistEntry) -> Result<Accepted, EventError> {
        let (list, origin) = (&self.denylist, EntryOrigin::SecurityEvent);
        if list.is_replicated() {
            let removed = list.remove_on_all_replicas_as(origin, entry).await;
            removed.map_err(|_| EventError::NotStored)?;
        }
        list.remove_as(origin, entry);
        Ok(Accepted::Applied)
    }

    /// Returns the expiry of an entry about tokens that were issued until this second.
    fn tokens_end(&self, entry: &DenylistEntry, issued_until: i64) -> EntryExpiry {
        let configured = match &self.source {
            EventSource::Transmitter(transmitter) => transmitter.token_lifetime,
            EventSource::Kinde => None,
        };
        let lifetime = configured.or_else(|| self.denylist.max_token_age(entry));
        lifetime.map_or(EntryExpiry::Never, |lifetime| {
            EntryExpiry::UnixSeconds(issued_until.saturating_add(lifetime).saturating_add(1))
        })
    }
}
