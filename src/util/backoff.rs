//! Pauses after failures.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Numbers in `0.0..1.0` that are different for each process and call but not secret
/// (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    /// Creates a generator. With a seed its numbers are repeatable.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        // A new hasher of the standard library has a random key, so no dependency is needed for one
        // random number.
        Self(AtomicU64::new(
            seed.unwrap_or_else(|| RandomState::new().hash_one(0_u8)),
        ))
    }

    pub(crate) fn next(&self) -> f64 {
        const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut bits = self
            .0
            .fetch_add(GAMMA, Ordering::Relaxed)
            .wrapping_add(GAMMA);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits = (bits ^ (bits >> 31)) >> 11;
        #[allow(clippy::cast_precision_loss)]
        let fraction = bits as f64 / (1_u64 << 53) as f64;
        fraction
    }
}

/// Returns an exponential backoff with full jitter. It is never below a tenth of `first`, so that
/// small random numbers cause no flood of requests.
pub(crate) fn backoff(failures: u32, first: Duration, longest: Duration, jitter: f64) -> Duration {
    let limit = first
        .saturating_mul(
            1_u32
                .checked_shl(failures.saturating_sub(1))
                .unwrap_or(u32::MAX),
        )
        .min(longest);
    limit.mul_f64(jitter).max(first.min(longest) / 10)
}
