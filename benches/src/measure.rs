//! Measures on a machine with other work: CPU time, many short rounds, medians and best rounds.
//! Also counts allocations.

use std::alloc::System;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use stats_alloc::{Region, StatsAlloc};

/// The number of requests that are sent to count allocations, and how many of the first ones do not
/// count, because the caches are still empty.
const COUNTED: usize = 50;
const UNCOUNTED: usize = 5;

/// Counts the allocations, with reallocations, and the bytes of `run`, without those of `make`.
/// Returns the minimum of many runs, because background work allocates too.
///
/// # Errors
///
/// Returns the error of `run`.
pub fn allocations<R, E>(
    counter: &StatsAlloc<System>,
    mut make: impl FnMut() -> R,
    mut run: impl FnMut(R) -> Result<(), E>,
) -> Result<(usize, usize), E> {
    let mut least = (usize::MAX, usize::MAX);
    for time in 0..COUNTED {
        let request = make();
        let region = Region::new(counter);
        let outcome = run(request);
        let change = region.change();
        outcome?;
        if time >= UNCOUNTED {
            least = least.min((
                change.allocations + change.reallocations,
                change.bytes_allocated,
            ));
        }
    }
    Ok(least)
}

/// Returns the CPU time of this thread, without the time it waited for a processor.
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// One measured value per round.
#[derive(Clone, Debug, Default)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn best(&self) -> f64 {
        self.quantile(0.0)
    }

    /// Returns the difference to the same round of `other`, for each round.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(this, other)| this - other)
                .collect(),
        )
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    pub fn quantile(&self, fraction: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let index = (sorted.len().saturating_sub(1) as f64 * fraction).round() as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }
}

/// Returns the nanoseconds per item.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn nanoseconds(time: Duration, items: usize) -> f64 {
    time.as_nanos() as f64 / items as f64
}

/// Returns the resident memory of this process in KiB.
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
