//! The limit on fetches for unknown `kid`s, with shares for known and unknown clients.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::requester::{ClientHash, Requester, RequesterKind};

/// Fetches for unknown `kid`s: two at once, then one per cooldown. Scheduled fetches do not count,
/// so that a flood cannot delay them.
///
/// One more fetch is reserved for known clients, so that a flood of invented names cannot keep a
/// rotated key from them. The reserve is for the client that used the budget least recently. If a
/// client used the budget within the last [`RESERVE_PAUSE`] cooldowns and did not find its key, it
/// cannot use the reserve, unless the last fetch began a cooldown ago. So a known client never
/// waits longer than one cooldown for a fetch.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    cooldown: Duration,
    fetches: u32,
    earned_until: Instant,
    last_fetch: Option<Instant>,
    /// The known clients that caused the last fetches, the newest last.
    recent: VecDeque<(ClientHash, Instant)>,
    hurried_at: Option<Instant>,
    reserved: Option<Instant>,
}

const RESERVED: u32 = 1;
const CAPACITY: u32 = 2 + RESERVED;
const RESERVE_PAUSE: u32 = 6;
const MAX_RECENT: usize = 64;

impl Budget {
    pub(super) fn new(cooldown: Duration, now: Instant) -> Self {
        Self {
            cooldown,
            fetches: CAPACITY,
            earned_until: now,
            last_fetch: None,
            recent: VecDeque::new(),
            hurried_at: None,
            reserved: None,
        }
    }

    /// Takes one fetch out of the budget, if one is available for the requester. Requests never
    /// wait for the budget.
    pub(super) fn take(&mut self, requester: Requester, now: Instant) -> bool {
        while self.fetches < CAPACITY
            && now.saturating_duration_since(self.earned_until) >= self.cooldown
        {
            self.fetches += 1;
            self.earned_until += self.cooldown;
        }
        let reserved = if self.may_use_reserve(requester, now) {
            0
        } else {
            RESERVED
        };
        if self.fetches <= reserved {
            return false;
        }
        if self.fetches == CAPACITY {
            self.earned_until = now;
        }
        self.fetches -= 1;
        self.last_fetch = Some(now);
        if requester.kind == RequesterKind::Known {
            self.clear_use(requester.name);
            if self.recent.len() >= MAX_RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back((requester.name, now));
        }
        true
    }

    /// Takes one fetch for an attempt before its schedule, if no keys are available: at most one
    /// per cooldown.
    pub(super) fn hurry(&mut self, requester: Requester, now: Instant) -> bool {
        let is_allowed = self
            .hurried_at
            .is_none_or(|at| now.saturating_duration_since(at) >= self.cooldown)
            && self.take(requester, now);
        if is_allowed {
            self.hurried_at = Some(now);
        }
        is_allowed
    }

    /// Takes one fetch in advance, and returns when it may begin. It is for an issuer that was
    /// evicted with its keys.
    pub(super) fn reserve(&mut self, requester: Requester, now: Instant) -> Instant {
        // At most one fetch is taken in advance.
        if let Some(reserved) = self.reserved {
            return reserved.max(now);
        }
        let mut at = now;
        if !self.take(requester, now) {
            self.earned_until += self.cooldown;
            at = self.earned_until;
        }
        self.reserved = Some(at);
        at
    }

    /// Records that a fetch begins, which uses the reserved one.
    pub(super) fn use_reserved(&mut self) {
        self.reserved = None;
    }

    /// Returns the budget for an issuer that is added again, without the clients that used it.
    pub(super) fn without_clients(&self) -> Self {
        Self {
            recent: VecDeque::new(),
            ..self.clone()
        }
    }

    pub(super) fn has_cooldown(&self, cooldown: Duration) -> bool {
        self.cooldown == cooldown
    }

    /// Records that a fetch contained the key of this client, so the client did not use the budget
    /// without need.
    pub(super) fn clear_use(&mut self, client: ClientHash) {
        self.recent.retain(|(recent, _)| *recent != client);
    }

    fn may_use_reserve(&self, requester: Requester, now: Instant) -> bool {
        let is_within = |at: Instant, pause| now.saturating_duration_since(at) < pause;
        let pause = self.cooldown.saturating_mul(RESERVE_PAUSE);
        let is_recent = self
            .recent
            .iter()
            .any(|(client, used)| *client == requester.name && is_within(*used, pause));
        requester.kind == RequesterKind::Known
            && (!is_recent
                || !self
                    .last_fetch
                    .is_some_and(|at| is_within(at, self.cooldown)))
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
