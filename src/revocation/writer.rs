//! The task that writes the entries of this replica to the store, and retries until they expire.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::record::{DenylistRecord, RecordKey};
use super::replication::{FIRST_PAUSE, LONGEST_PAUSE, Replication};
use super::store::result_of;
use super::write_queue::{NO_RESPONSE, OPERATION_TIMEOUT};
use crate::telemetry::{events, metrics};
use crate::util::{BoxError, backoff, catch_panic};

/// The writes at once.
const MAX_IN_FLIGHT: usize = 64;

/// Writes until the task is aborted.
pub(super) async fn run(replication: Arc<Replication>) {
    let writes = &replication.writes;
    writes.resume();
    let mut in_flight = JoinSet::new();
    loop {
        let now = Instant::now();
        while in_flight.len() < MAX_IN_FLIGHT
            && let Some((key, record, attempt)) = writes.take_due(now)
        {
            let put = replication.store.put(record.clone());
            in_flight.spawn(async move {
                let result = operation(put).await;
                (key, record, attempt, result)
            });
        }
        let may_begin = in_flight.len() < MAX_IN_FLIGHT;
        let due = writes.next_due().filter(|_| may_begin);
        tokio::select! {
            Some(finished) = in_flight.join_next(), if !in_flight.is_empty() => {
                if let Ok((key, record, attempt, result)) = finished {
                    finish(&replication, key, record, attempt, result);
                }
            }
            () = writes.wake.notified(), if may_begin => {}
            () = sleep_until(due.unwrap_or(now)), if due.is_some() => {}
        }
        metrics::denylist_pending_writes(writes.pending());
    }
}

/// Runs one operation of the store, within its time. A store that panics fails.
pub(super) async fn operation(
    operation: impl Future<Output = Result<(), BoxError>>,
) -> Result<(), Arc<str>> {
    match timeout(OPERATION_TIMEOUT, catch_panic(operation)).await {
        Ok(finished) => result_of(finished),
        Err(_) => Err(NO_RESPONSE.into()),
    }
}

fn finish(
    replication: &Replication,
    key: RecordKey,
    record: DenylistRecord,
    attempt: u64,
    result: Result<(), Arc<str>>,
) {
    let writes = &replication.writes;
    let Err(message) = result else {
        metrics::denylist_write("ok");
        let failures = writes.succeeded(key, record, attempt);
        if failures > 0 {
            events::denylist_write_recovered(failures);
        }
        return;
    };
    metrics::denylist_write("failed");
    let now = replication.list.unix_seconds();
    let failed = writes.failed(&key, attempt, &message, |record, failures| {
        let jitter = replication.jitter.next();
        let delay = backoff(failures, FIRST_PAUSE, LONGEST_PAUSE, jitter);
        (record.applies_until() > now).then_some(delay)
    });
    // Each attempt of each entry would flood the log of a long outage.
    if let Some(failed) = failed
        && (failed.failures == 1 || failed.next_attempt_in.is_none())
    {
        events::denylist_write_failed(&message, failed.next_attempt_in);
    }
}
