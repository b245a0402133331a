//! The response for a key that is not in the current key set, and the decision whether its request
//! waits for a fetch.
//!
//! The order is the same for every token. A request waits only if a fetch can help it, and no
//! caller can make a service with a healthy issuer respond with 5xx.

use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;

use super::fetch_counts::{Arrival, Counts, MissingKey};
use super::in_flight::{FetchOutcome, FetchTicket};
use super::lookup::{IfUndecided, KeyLookup, KeyRequest, KeyWait};
use super::requester::{Requester, RequesterKind};
use super::state::RemoteState;
use super::unknown_kids::FetchWithoutKid;
use super::waiting_places::PlaceSharing;
use crate::clock::seconds;
use crate::jwks::VersionedKeySet;
use crate::util::lock;

/// A request that waited for something else waits for keys at least this long.
const MIN_KEY_WAIT: Duration = Duration::from_millis(250);

/// After a successful fetch, a token without `kid` causes no fetch for this time.
const UNNAMED_PAUSE: Duration = Duration::from_secs(5);

impl RemoteState {
    pub(super) fn request_key(
        &self,
        lookup: &KeyLookup<'_>,
        current_set: Option<&VersionedKeySet>,
    ) -> KeyRequest {
        let now = Instant::now();
        let requester = self.known_clients.classify(lookup.client_id);
        match current_set {
            None => self.request_initial_keys(lookup, requester, now),
            Some(current_set) => self.request_missing_key(lookup, current_set, requester, now),
        }
    }

    /// Handles a request if no set is available: it waits once, for the next fetch.
    fn request_initial_keys(
        &self,
        lookup: &KeyLookup<'_>,
        requester: Requester,
        now: Instant,
    ) -> KeyRequest {
        let sharing = if self.current.was_ever_stored() {
            PlaceSharing::PerName
        } else {
            PlaceSharing::Common
        };
        let deadline = self.deadline(lookup, now);
        let ticket = match lookup.waited {
            None => {
                self.in_flight.hurry(deadline, || {
                    !self.history().is_backing_off(now) && lock(&self.budget).hurry(requester, now)
                });
                self.in_flight.join_initial(requester, sharing, deadline)
            }
            Some(_) => None,
        };
        ticket.map_or_else(
            || KeyRequest::NoKeys {
                retry_after: self.retry_after(),
            },
            KeyRequest::Wait,
        )
    }

    fn request_missing_key(
        &self,
        lookup: &KeyLookup<'_>,
        current_set: &VersionedKeySet,
        requester: Requester,
        now: Instant,
    ) -> KeyRequest {
        let counts = self.in_flight.counts();
        let arrival = lookup
            .waited
            .map_or_else(|| counts.at_arrival(), |wait| wait.ticket.arrival);
        // Step 1. Only a fetch that began after the request arrived proves that the key does not
        // exist.
        if counts.succeeded > arrival.started {
            self.record_missing(lookup, current_set, requester, now);
            return KeyRequest::Missing;
        }
        let key = match lookup.kid {
            Some(kid) => {
                let missing = &self.unknown_kids;
                if missing.contains(kid, requester.kind, current_set.generation, now) {
                    return KeyRequest::Missing;
                }
                MissingKey::Named
            }
            None if self.is_recently_fetched(&counts, requester.kind, now) => {
                if lookup.if_undecided == IfUndecided::Missing {
                    return KeyRequest::Missing;
                }
                return self.undecided(lookup, &counts, arrival, requester, now);
            }
            None => MissingKey::Unnamed,
        };
        // A request does not wait twice for a fetch that failed or hangs.
        let may_wait = lookup
            .waited
            .is_none_or(|wait| wait.outcome == FetchOutcome::Succeeded);
        let deadline = self.deadline(lookup, now);
        if may_wait
            && now < deadline
            && let Some(ticket) = self.join_or_request_fetch(requester, key, arrival, deadline, now)
        {
            return KeyRequest::Wait(ticket);
        }
        self.undecided(lookup, &counts, arrival, requester, now)
    }

    /// Returns the response if there is no fetch to wait for.
    fn undecided(
        &self,
        lookup: &KeyLookup<'_>,
        counts: &Counts,
        arrival: Arrival,
        requester: Requester,
        now: Instant,
    ) -> KeyRequest {
        // Step 2. A published key would be in the last set.
        if lookup
            .kid
            .is_some_and(|kid| self.removed_kids.contains(kid))
            || self.would_be_published(lookup, now)
        {
            return KeyRequest::Missing;
        }
        // Step 3. The issuer fails for every client.
        let timed_out = lookup
            .waited
            .is_some_and(|wait| wait.outcome == FetchOutcome::TimedOut);
        if counts.last_failed()
            || self.history().is_backing_off(now)
            || (timed_out && counts.succeeded == arrival.succeeded)
        {
            self.record_needed_key(requester, now);
            return KeyRequest::Undecided {
                retry_after: self.retry_after(),
            };
        }
        // Step 4. Only the limits of this crate remain. The whole cooldown does not show an
        // attacker when the next fetch is possible.
        match (requester.kind, lookup.if_undecided) {
            (RequesterKind::Unknown, IfUndecided::Missing) => KeyRequest::Missing,
            _ => KeyRequest::Undecided {
                retry_after: self.config.cooldown.max(Duration::from_secs(1)),
            },
        }
    }

    /// Records the outcome of a wait. If the key arrived, its client did not use the budget without
    /// need.
    pub(super) fn record_wait(&self, kid: Option<&str>, wait: &KeyWait) {
        let found = || {
            let current = self.current.current(Instant::now());
            current.is_some_and(|current| current.keys.set.contains_kid(kid))
        };
        let requester = wait.ticket.requester;
        if wait.outcome == FetchOutcome::Succeeded
            && requester.kind == RequesterKind::Known
            && kid.is_some()
            && found()
        {
            lock(&self.budget).clear_use(requester.name);
        }
    }

    /// Returns how long it takes until keys may be available, for a 503's `Retry-After`: until the
    /// fetch in flight ends, or until the next one begins.
    pub(super) fn retry_after(&self) -> Duration {
        let counts = self.in_flight.counts();
        let at = if counts.started > counts.finished {
            counts
                .began_at
                .map(|began_at| began_at + self.config.timeout)
        } else {
            counts.next_at
        };
        at.map_or(Duration::ZERO, |at| {
            at.saturating_duration_since(Instant::now())
        })
        .max(Duration::from_secs(1))
    }

    /// Returns the deadline of a request. It is fixed when the request first waits.
    fn deadline(&self, lookup: &KeyLookup<'_>, now: Instant) -> Instant {
        if let Some(wait) = lookup.waited {
            return wait.ticket.deadline;
        }
        let limit = if self.current.was_ever_stored() {
            self.config.timeout
        } else {
            self.config.initial_keys_timeout
        };
        match lookup.first_wait {
            Some(first_wait) => (first_wait + limit).max(now + limit.min(MIN_KEY_WAIT)),
            None => now + limit,
        }
    }

    fn join_or_request_fetch(
        &self,
        requester: Requester,
        key: MissingKey,
        arrival: Arrival,
        deadline: Instant,
        now: Instant,
    ) -> Option<FetchTicket> {
        self.in_flight
            .join_or_request(requester, key, arrival, deadline, || {
                !self.history().is_backing_off(now) && lock(&self.budget).take(requester, now)
            })
    }

    fn record_missing(
        &self,
        lookup: &KeyLookup<'_>,
        current_set: &VersionedKeySet,
        requester: Requester,
        now: Instant,
    ) {
        if let (Some(kid), Some(wait)) = (lookup.kid, lookup.waited) {
            let fetch = FetchWithoutKid {
                number: wait.ticket.number,
                generation: current_set.generation,
                caused_by: wait.ticket.caused_by,
            };
            self.unknown_kids.insert(kid, requester.kind, fetch, now);
        }
    }

    /// Returns `true` if a fetch for a token without `kid` is not needed, because a recent one
    /// succeeded.
    fn is_recently_fetched(&self, counts: &Counts, requester: RequesterKind, now: Instant) -> bool {
        let is_within = |at: Option<Instant>, pause| {
            at.is_some_and(|at| now.saturating_duration_since(at) < pause)
        };
        is_within(counts.success_began_at, UNNAMED_PAUSE)
            || is_within(counts.unnamed_success(requester), self.config.cooldown)
    }

    fn would_be_published(&self, lookup: &KeyLookup<'_>, now: Instant) -> bool {
        let began_at = self.current.latest().and_then(|cached| {
            let began_at = cached.document.began_at;
            let began_at = began_at.by_wall_clock(self.wall_now(), now);
            began_at.duration_since(UNIX_EPOCH).ok().map(seconds)
        });
        match (began_at, lookup.published_by) {
            (Some(began_at), Some(published_by)) => began_at > published_by,
            _ => false,
        }
    }
}
