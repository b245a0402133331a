//! Time that says something on a machine with other work to do: CPU time, many short rounds, medians and best rounds.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What this thread has spent on a processor. Waiting for one is not in it.
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// One figure per round.
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

    /// What each round has over the same round of `other`.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(this, other)| this - other).collect())
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    fn quantile(&self, fraction: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let index = (sorted.len().saturating_sub(1) as f64 * fraction).round() as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }
}

/// Nanoseconds per item.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn nanoseconds(time: Duration, items: usize) -> f64 {
    time.as_nanos() as f64 / items as f64
}
