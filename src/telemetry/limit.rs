//! A bound on the events about rejected requests, per reason and client.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The limit on events about rejected requests in one second.
pub(crate) struct EventLimit {
    per_second: u32,
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    reasons: Mutex<HashMap<&'static str, ReasonWindows>>,
}

/// The events of one reason.
#[derive(Default)]
struct ReasonWindows {
    clients: HashMap<Box<str>, Window>,
    /// Requests without a verified client, and clients beyond the limit.
    others: Window,
}

/// The events of one second.
#[derive(Default)]
struct Window {
    second: i64,
    recorded: u32,
    omitted: u64,
}

/// The clients that are counted separately for one reason. Their IDs come from verified tokens.
const MAX_CLIENTS: usize = 256;

impl EventLimit {
    pub(crate) fn new(per_second: u32, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            per_second,
            now: Box::new(now),
            reasons: Mutex::default(),
        }
    }

    /// Returns the number of events that were omitted since the last one, or `None` if this one is
    /// omitted.
    #[cfg_attr(not(feature = "tracing"), allow(dead_code))]
    pub(crate) fn admit(&self, reason: &'static str, client: Option<&str>) -> Option<u64> {
        let now = (self.now)();
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let window = reasons.entry(reason).or_default().window(client, now);
        window.admit(now, self.per_second)
    }
}

impl ReasonWindows {
    fn window(&mut self, client: Option<&str>, now: i64) -> &mut Window {
        let Some(client) = client else {
            return &mut self.others;
        };
        if !self.clients.contains_key(client) && self.clients.len() >= MAX_CLIENTS {
            self.remove_before(now);
        }
        if self.clients.contains_key(client) || self.clients.len() < MAX_CLIENTS {
            return self.clients.entry(client.into()).or_default();
        }
        &mut self.others
    }

    /// Removes the clients without an event in this second. Their omitted events are still counted.
    fn remove_before(&mut self, now: i64) {
        let others = &mut self.others;
        self.clients.retain(|_, window| {
            let is_current = window.second == now;
            if !is_current {
                others.omitted = others.omitted.saturating_add(window.omitted);
            }
            is_current
        });
    }
}

impl Window {
    fn admit(&mut self, now: i64, per_second: u32) -> Option<u64> {
        if self.second != now {
            (self.second, self.recorded) = (now, 0);
        }
        if self.recorded < per_second {
            self.recorded += 1;
            return Some(std::mem::take(&mut self.omitted));
        }
        self.omitted = self.omitted.saturating_add(1);
        None
    }
}

impl fmt::Debug for EventLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLimit")
            .field("per_second", &self.per_second)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
