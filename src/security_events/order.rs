//! The order of events about one principal: an old event never undoes a newer one.

use std::collections::HashMap;

use super::seen::KeyHash;

/// The largest number of principals.
pub(super) const MAX_PRINCIPALS: usize = 100_000;

/// The time of the last applied event of each principal.
pub(super) struct AppliedTimes {
    capacity: usize,
    /// How long an event is accepted after it was issued, in seconds.
    window: i64,
    times: HashMap<KeyHash, Applied>,
    /// The last second for which a denial may be missing here, because the store was full.
    incomplete_until: i64,
}

#[derive(Clone, Copy)]
struct Applied {
    /// The time of the event, in milliseconds. If the event had none, the time at which it was
    /// applied.
    event_time: i64,
    /// The event, which may be sent again if its effect could not be stored.
    event: KeyHash,
    decision: Decision,
    /// The second in which it was applied.
    at: i64,
}

/// What the last event about a principal decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Denied,
    Admitted,
}

/// Whether an event takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timeliness {
    Timely,
    /// A newer event was applied, or the order is not known.
    Late,
}

impl AppliedTimes {
    pub(super) fn new(capacity: usize, window: i64) -> Self {
        Self {
            capacity,
            window,
            times: HashMap::new(),
            incomplete_until: i64::MIN,
        }
    }

    /// Decides about a denial and records it. Without a time it applies (rule 330).
    pub(super) fn deny(
        &mut self,
        principal: KeyHash,
        event_time: Option<i64>,
        event: KeyHash,
        now: i64,
    ) -> Timeliness {
        let last = self.times.get(&principal).map(|it| it.event_time);
        let time = event_time.unwrap_or_else(|| now.saturating_mul(1000));
        if last.is_some_and(|last| event_time.is_some() && time < last) {
            return Timeliness::Late;
        }
        let applied = Applied {
            event_time: time.max(last.unwrap_or(time)),
            event,
            decision: Decision::Denied,
            at: now,
        };
        if !self.record(principal, applied) {
            self.incomplete_until = now.saturating_add(self.window);
        }
        Timeliness::Timely
    }

    /// Decides about a removal and records it. It must be newer than the last applied event, and
    /// its own time must be known and within the window (rule 330).
    pub(super) fn remove(
        &mut self,
        principal: KeyHash,
        event_time: Option<i64>,
        event: KeyHash,
        now: i64,
    ) -> Timeliness {
        let oldest = now.saturating_sub(self.window).saturating_mul(1000);
        let Some(time) = event_time.filter(|time| *time >= oldest) else {
            return Timeliness::Late;
        };
        let is_newest = match self.times.get(&principal) {
            Some(last) => {
                time > last.event_time || (time == last.event_time && event == last.event)
            }
            None => now > self.incomplete_until,
        };
        let applied = Applied {
            event_time: time,
            event,
            decision: Decision::Admitted,
            at: now,
        };
        if is_newest && self.record(principal, applied) {
            Timeliness::Timely
        } else {
            Timeliness::Late
        }
    }

    /// Returns the time of the last event about a principal in milliseconds, or `None` if it is
    /// not known.
    pub(super) fn event_time(&self, principal: KeyHash) -> Option<i64> {
        self.times.get(&principal).map(|applied| applied.event_time)
    }

    /// Returns the last decision about a principal, or `None` if it is not known.
    pub(super) fn decision(&self, principal: KeyHash) -> Option<Decision> {
        self.times.get(&principal).map(|applied| applied.decision)
    }

    /// Records an applied event. Returns `false` if the store is full.
    fn record(&mut self, principal: KeyHash, applied: Applied) -> bool {
        if !self.times.contains_key(&principal) && self.times.len() >= self.capacity {
            // A removal that is older than the window has no effect, so these times are not needed.
            let oldest = applied.at.saturating_sub(self.window);
            self.times.retain(|_, earlier| earlier.at >= oldest);
            if self.times.len() >= self.capacity {
                return false;
            }
        }
        self.times.insert(principal, applied);
        true
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
