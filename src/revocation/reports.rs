//! What the task that follows a store reports to operators.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::freshness::Freshness;
use super::replication::Replication;
use crate::telemetry::{events, metrics};
use crate::util::lock;

/// The pause between two events about ignored records.
const BETWEEN_IGNORED: Duration = Duration::from_secs(60);

/// What was reported already.
pub(super) struct Reports {
    freshness: Freshness,
    ignored: u64,
    ignored_at: Option<Instant>,
}

impl Reports {
    pub(super) fn new(replication: &Replication) -> Self {
        Self {
            freshness: replication.last_data.freshness(),
            ignored: 0,
            ignored_at: None,
        }
    }

    /// Reports that the list is up to date.
    pub(super) fn confirmed(&mut self, replication: &Replication) {
        metrics::denylist_confirmed(replication.list.unix_seconds());
        if self.freshness != Freshness::Fresh {
            if self.freshness != Freshness::NotLoaded {
                events::denylist_recovered();
            }
            self.freshness = Freshness::Fresh;
            replication.report_state();
        }
    }

    /// Returns when the list becomes stale or too old, unless data arrives.
    pub(super) fn next_change(&self, replication: &Replication) -> Instant {
        let (now, limits) = (Instant::now(), replication.last_data.limits());
        let limit = match self.freshness {
            Freshness::Fresh => limits.stale_warning_after,
            Freshness::Stale => limits.usable_for(),
            Freshness::NotLoaded | Freshness::Expired => return now + BETWEEN_IGNORED,
        };
        let age = replication.last_data.age().unwrap_or_default();
        // Beyond the limit, and not at it.
        now + limit.saturating_sub(age) + Duration::from_millis(1)
    }

    /// Reports what changed since the last call.
    pub(super) fn update(&mut self, replication: &Replication) {
        let freshness = replication.last_data.freshness();
        if freshness != self.freshness {
            match freshness {
                Freshness::Stale => events::denylist_stale(),
                Freshness::Expired => {
                    // Requests must not rely on an earlier comparison.
                    replication.last_data.force_recheck();
                    events::denylist_expired();
                }
                Freshness::Fresh | Freshness::NotLoaded => {}
            }
            self.freshness = freshness;
        }
        let (malformed, unauthenticated, unknown) = {
            let history = lock(&replication.history);
            (history.malformed, history.unauthenticated, history.unknown)
        };
        let ignored = malformed + unauthenticated + unknown;
        let is_due = self
            .ignored_at
            .is_none_or(|at| at.elapsed() >= BETWEEN_IGNORED);
        if ignored > self.ignored && is_due {
            events::denylist_records_ignored(malformed, unauthenticated, unknown);
            self.ignored = ignored;
            self.ignored_at = Some(Instant::now());
        }
    }
}

/// Reports that a connection to the store ended or that an attempt to connect failed.
pub(super) fn store_failed(
    replication: &Replication,
    message: Arc<str>,
    failures: u32,
    next_attempt_in: Duration,
    was_connected: bool,
) {
    if failures.is_power_of_two() {
        events::denylist_store_failed(&message, failures, next_attempt_in);
    }
    if was_connected {
        metrics::denylist_change("disconnected");
    }
    replication.record_failure(message);
}
