//! The driver: one task per issuer that makes all its fetches, so that a request that goes away takes no fetch with it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::current::{Fetched, Origin};
use super::fetch::{Failed, fetch_set, report_left_out};
use super::freshness::{backoff, refresh_after};
use super::in_flight::Landing;
use super::state::Shared;
use crate::jwks::Cause;
use crate::telemetry::spans::FetchSpan;

/// The longest that an issuer's wish to be left alone counts while a set is held.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5 * 60);

/// A driver's turn. When its task is dropped before another took over, be it with its runtime, nobody waits for it any more.
pub(super) struct Turn {
    pub(super) shared: Arc<Shared>,
    pub(super) number: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.shared.turn.load(Ordering::Acquire) == self.number {
            self.shared.holding.leave_unwatched();
            self.shared.flights.cut_off();
        }
    }
}

/// Waits until a fetch is due or demanded, makes it, and lets go of a set that reached its ceiling, for ever.
pub(super) async fn drive(turn: Turn) {
    let shared = &*turn.shared;
    // When the driver before would have: at once if there was none, also with a restored set, since nobody knows what
    // happened since it was saved. A new runtime for each request must not mean a new fetch for each.
    let mut due = shared.flights.due();
    loop {
        shared.flights.plan(due);
        let cause = wait_for_cause(shared, due).await;
        let begun_with = shared.holding.current(Instant::now());
        // Metadata in two places, and the keys.
        shared.flights.begin(shared.timing.timeout * 3);
        let fetching = FetchSpan::begin(&shared.issuer, cause.code());
        let outcome = fetching
            .instrument(with_ceiling(
                shared,
                fetch_set(shared, begun_with.as_deref()),
            ))
            .await;
        let word = outcome
            .as_ref()
            .map_or_else(|failed| failed.error.code(), |_| "ok");
        let landing;
        (landing, due) = fetching.finish(word, || conclude(shared, cause, outcome));
        shared.flights.end(landing, due);
    }
}

async fn wait_for_cause(shared: &Shared, mut due: Instant) -> Cause {
    loop {
        let lease = shared.holding.lease();
        let ceiling = lease.as_ref().map(|lease| lease.usable_until);
        let stale = lease
            .as_ref()
            .map(|lease| lease.fresh_until)
            .filter(|_| !shared.log().told_stale);
        let wake = [ceiling, stale]
            .into_iter()
            .flatten()
            .fold(due, Instant::min);
        let demanded = tokio::select! {
            biased;
            () = shared.flights.demand() => true,
            () = tokio::time::sleep_until(wake) => false,
        };
        let now = Instant::now();
        if stale.is_some_and(|stale| now >= stale) {
            shared.log().told_stale = true;
            crate::telemetry::events::keys_stale(&shared.issuer);
        }
        if ceiling.is_some_and(|ceiling| now >= ceiling) {
            expire(shared);
            // Pauses are shorter while nothing is held.
            due = due.min(now + shared.timing.longest_pause);
            shared.flights.plan(due);
        }
        let holds = shared.holding.lease().is_some();
        match (demanded, now >= due) {
            (true, _) if holds => return Cause::UnknownKid,
            (true, _) | (false, true) if !holds => return Cause::Start,
            (_, true) if shared.log().failures > 0 => return Cause::Retry,
            (_, true) => return Cause::Refresh,
            (_, false) => {}
        }
    }
}

/// A set reaches its ceiling during a fetch as well.
async fn with_ceiling<T>(shared: &Shared, fetch: impl Future<Output = T>) -> T {
    let mut fetch = std::pin::pin!(fetch);
    if let Some(lease) = shared.holding.lease() {
        tokio::select! {
            biased;
            outcome = &mut fetch => return outcome,
            () = tokio::time::sleep_until(lease.usable_until) => expire(shared),
        }
    }
    fetch.await
}

fn expire(shared: &Shared) {
    shared.holding.let_go();
    crate::telemetry::events::keys_expired(&shared.issuer);
    crate::telemetry::metrics::keys_cleared(&shared.issuer);
}

/// Takes the outcome of a fetch into account and tells when the next one is due. Nothing but a good set replaces a set.
fn conclude(
    shared: &Shared,
    cause: Cause,
    outcome: Result<(Fetched, Origin), Failed>,
) -> (Landing, Instant) {
    let now = Instant::now();
    match outcome {
        Ok((fetched, origin)) => {
            let (life, before) = (origin.life, shared.holding.generation());
            let failures = shared.log().succeeded(cause);
            if failures > 0 {
                crate::telemetry::events::keys_recovered(&shared.issuer, failures);
            }
            crate::telemetry::metrics::key_fetch(&shared.issuer, cause.code(), "ok");
            shared.hold(fetched, origin, Duration::ZERO, now);
            if let Some(lease) = shared.holding.current(now) {
                let set = &lease.keys.set;
                let (keys, left_out) = (set.keys().count(), set.left_out().len());
                crate::telemetry::events::keys_fetched(
                    &shared.issuer,
                    cause.code(),
                    keys,
                    left_out,
                );
                // Once for each set, not with every refresh.
                if lease.keys.number != before {
                    report_left_out(&shared.issuer, set);
                }
            }
            (
                Landing::Arrived,
                now + refresh_after(life, shared.jitter.next()),
            )
        }
        Err(failure) => (
            Landing::Failed,
            now + pause_after(shared, cause, &failure, now),
        ),
    }
}

fn pause_after(shared: &Shared, cause: Cause, failure: &Failed, now: Instant) -> Duration {
    let holds = shared.holding.current(now).is_some();
    let (first, longest, asked_at_most) = if holds {
        (
            Duration::from_secs(1),
            Duration::from_secs(60),
            RETRY_AFTER_MAX,
        )
    } else {
        let longest = shared.timing.longest_pause;
        (Duration::from_millis(250), longest, longest)
    };
    crate::telemetry::events::fetch_failed(&shared.issuer, cause.code(), &failure.error, holds);
    crate::telemetry::metrics::key_fetch(&shared.issuer, cause.code(), failure.error.code());
    let asked = failure.retry_after.map(|pause| pause.min(asked_at_most));
    let mut log = shared.log();
    log.failed(cause, failure.error);
    log.not_before = asked.map(|pause| now + pause);
    asked
        .unwrap_or_default()
        .max(backoff(log.failures, first, longest, shared.jitter.next()))
}
