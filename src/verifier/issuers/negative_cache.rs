//! The `iss` values that are not to be asked about again for a while, a bounded number of them.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

const NOT_TRUSTED_FOR: Duration = Duration::from_secs(30);
const NO_ANSWER_FOR: Duration = Duration::from_secs(1);
const REMEMBERED_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    NotTrusted,
    NoAnswer,
}

/// By keyed hash, since the names are an attacker's: 10,000 of them take about 400 KiB whatever their length.
#[derive(Debug, Default)]
pub(super) struct RefusedIssuers {
    hasher: RandomState,
    entries: HashMap<u64, (Reason, Instant)>,
    /// The oldest first: it is the first to be forgotten.
    order: VecDeque<u64>,
}

impl RefusedIssuers {
    pub(super) fn get(&self, iss: &str, now: Instant) -> Option<(Reason, Instant)> {
        let entry = self.entries.get(&self.hasher.hash_one(iss)).copied();
        entry.filter(|(_, until)| now < *until)
    }

    /// Tells until when.
    pub(super) fn remember(&mut self, iss: &str, reason: Reason, now: Instant) -> Instant {
        let until = now
            + match reason {
                Reason::NotTrusted => NOT_TRUSTED_FOR,
                Reason::NoAnswer => NO_ANSWER_FOR,
            };
        let iss = self.hasher.hash_one(iss);
        if self.entries.insert(iss, (reason, until)).is_none() {
            self.order.push_back(iss);
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule 154.
    ///
    /// No more is kept however many names an attacker invents.
    #[test]
    fn negative_cache_is_bounded_at_ten_thousand() {
        let (mut refused, now) = (RefusedIssuers::default(), Instant::now());
        for number in 0..1_000_000 {
            refused.remember(
                &format!("https://{number}.example"),
                Reason::NotTrusted,
                now,
            );
        }
        assert_eq!(
            (refused.entries.len(), refused.order.len()),
            (REMEMBERED_MAX, REMEMBERED_MAX)
        );
        assert!(
            refused.get("https://999999.example", now).is_some()
                && refused.get("https://0.example", now).is_none()
        );
    }

    #[test]
    fn failed_resolution_is_cached_shorter_than_a_rejection() {
        let (mut refused, now) = (RefusedIssuers::default(), Instant::now());
        refused.remember("a", Reason::NotTrusted, now);
        refused.remember("b", Reason::NoAnswer, now);
        assert!(refused.get("b", now).is_some() && refused.get("b", now + NO_ANSWER_FOR).is_none());
        assert!(
            refused.get("a", now + NO_ANSWER_FOR).is_some()
                && refused.get("a", now + NOT_TRUSTED_FOR).is_none()
        );
    }
}
