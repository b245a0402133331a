//! The refresh task: one task per issuer makes all its fetches, so that a canceled request does not
//! cancel a fetch.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::current::{FetchedDocument, FetchedKeys};
use super::fetch::{fetch_set, report_left_out};
use super::freshness::refresh_after;
use super::in_flight::FetchOutcome;
use super::request::FetchFailure;
use super::state::RemoteState;
use crate::jwks::FetchCause;
use crate::telemetry::spans::FetchSpan;
use crate::util::{backoff, lock};

/// The longest `Retry-After` that counts if keys are available.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5 * 60);

/// A refresh task. If it is dropped before another one replaces it (for example with its runtime),
/// all requests that wait for it are released.
pub(super) struct TaskGuard {
    pub(super) state: Arc<RemoteState>,
    pub(super) task_id: u64,
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if self.state.in_flight.is_active(self.task_id) {
            self.state.current.force_recheck();
            self.state.in_flight.abort(self.task_id);
        }
    }
}

/// Waits until a fetch is due or requested, makes it, and removes a set that reached its stale
/// limit, until another task replaces this one.
pub(super) async fn run(task: TaskGuard) {
    let shared = &*task.state;
    // Begin when the earlier task would have begun, or immediately if there was none. This includes
    // a restored set, because the keys may have changed since it was saved. If each request has a
    // new runtime, this must not cause a new fetch for each.
    let mut due = shared.in_flight.next_due();
    while shared.in_flight.is_active(task.task_id) {
        shared.in_flight.schedule(due);
        let cause = next_fetch_cause(shared, task.task_id, due).await;
        let begun_with = shared.current.current(Instant::now());
        let timeout = shared.config.timeout;
        let Some(number) = shared.in_flight.begin(task.task_id, timeout) else {
            return;
        };
        let deadline = Instant::now() + timeout;
        lock(&shared.budget).use_reserved();
        let fetching = FetchSpan::begin(&shared.issuer, cause.code());
        let outcome = fetching
            .instrument(expiring_at_limit(
                shared,
                fetch_set(shared, begun_with.as_deref(), deadline),
            ))
            .await;
        let code = outcome
            .as_ref()
            .map_or_else(|failed| failed.error.code(), |_| "ok");
        let ended;
        (ended, due) = fetching.finish(code, || record_outcome(shared, number, cause, outcome));
        shared.in_flight.end(task.task_id, number, ended, due);
    }
}

async fn next_fetch_cause(shared: &RemoteState, task_id: u64, mut due: Instant) -> FetchCause {
    loop {
        let cached = shared.current.latest();
        let limit = cached.as_ref().map(|cached| cached.usable_until);
        let stale = cached
            .as_ref()
            .map(|cached| cached.fresh_until)
            .filter(|_| !shared.history().stale_reported);
        let wake = [limit, stale].into_iter().flatten().fold(due, Instant::min);
        let is_requested = tokio::select! {
            biased;
            earlier = shared.in_flight.wait_for_request(task_id, due) => match earlier {
                Some(earlier) => {
                    due = earlier;
                    false
                }
                None => true,
            },
            () = tokio::time::sleep_until(wake) => false,
        };
        let now = Instant::now();
        if stale.is_some_and(|stale| now >= stale) {
            shared.history().stale_reported = true;
            crate::telemetry::events::keys_stale(&shared.issuer);
        }
        if limit.is_some_and(|limit| now >= limit) {
            expire(shared);
            // Pauses are shorter if no keys are available.
            due = due.min(now + shared.config.max_retry_delay);
            shared.in_flight.schedule(due);
        }
        let has_keys = shared.current.latest().is_some();
        match (is_requested, now >= due) {
            (true, _) if has_keys => return FetchCause::UnknownKid,
            (true, _) | (false, true) if !has_keys => return FetchCause::Start,
            (_, true) if shared.history().failures > 0 => return FetchCause::Retry,
            (_, true) => return FetchCause::Refresh,
            (_, false) => {}
        }
    }
}

/// Runs a fetch, and removes the current key set if it reaches its stale limit during the fetch.
async fn expiring_at_limit<T>(shared: &RemoteState, fetch: impl Future<Output = T>) -> T {
    let mut fetch = std::pin::pin!(fetch);
    if let Some(cached) = shared.current.latest() {
        tokio::select! {
            biased;
            outcome = &mut fetch => return outcome,
            () = tokio::time::sleep_until(cached.usable_until) => expire(shared),
        }
    }
    fetch.await
}

fn expire(shared: &RemoteState) {
    shared.clear_keys();
    crate::telemetry::events::keys_expired(&shared.issuer);
    crate::telemetry::metrics::keys_cleared(&shared.issuer);
}

/// Records the outcome of a fetch and returns when the next one is due. Only a valid set replaces a
/// set.
fn record_outcome(
    shared: &RemoteState,
    number: u64,
    cause: FetchCause,
    outcome: Result<(FetchedKeys, FetchedDocument), FetchFailure>,
) -> (FetchOutcome, Instant) {
    let now = Instant::now();
    match outcome {
        Ok((fetched, origin)) => {
            let (lifetime, previous) = (origin.lifetime, shared.current.generation());
            let failures = shared.history().succeeded(cause);
            if failures > 0 {
                crate::telemetry::events::keys_recovered(&shared.issuer, failures);
            }
            crate::telemetry::metrics::key_fetch(&shared.issuer, cause.code(), "ok");
            if shared.in_flight.is_newest_result(number) {
                shared.store_keys(fetched, origin, Duration::ZERO, now);
                shared.report_keys(now);
            }
            if let Some(cached) = shared.current.current(now) {
                let set = &cached.keys.set;
                let (keys, left_out) = (set.keys().count(), set.unusable_keys().len());
                crate::telemetry::events::keys_fetched(
                    &shared.issuer,
                    cause.code(),
                    keys,
                    left_out,
                );
                // Report them once for each set, and not on every refresh.
                if cached.keys.generation != previous {
                    report_left_out(&shared.issuer, set);
                }
            }
            (
                FetchOutcome::Succeeded,
                now + refresh_after(lifetime, shared.jitter.next()),
            )
        }
        Err(failure) => (
            FetchOutcome::Failed,
            now + retry_delay(shared, cause, &failure, now),
        ),
    }
}

fn retry_delay(
    shared: &RemoteState,
    cause: FetchCause,
    failure: &FetchFailure,
    now: Instant,
) -> Duration {
    let has_keys = shared.current.current(now).is_some();
    let (first, longest, asked_at_most) = if has_keys {
        let longest = shared.longest_pause(now);
        (Duration::from_secs(1), longest, RETRY_AFTER_MAX)
    } else {
        let longest = shared.config.max_retry_delay;
        (Duration::from_millis(250), longest, longest)
    };
    crate::telemetry::metrics::key_fetch(&shared.issuer, cause.code(), failure.error.code());
    let requested = failure.retry_after.map(|pause| pause.min(asked_at_most));
    let mut history = shared.history();
    history.failed(cause, failure.error.clone());
    history.retry_not_before = requested.map(|pause| now + pause);
    let pause = backoff(history.failures, first, longest, shared.jitter.next());
    drop(history);
    let delay = requested.unwrap_or_default().max(pause);
    crate::telemetry::events::fetch_failed(
        &shared.issuer,
        cause.code(),
        failure.error.code(),
        &failure.error,
        failure.error.chain(),
        has_keys,
        delay,
    );
    delay
}
