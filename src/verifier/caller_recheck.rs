//! The application's caller check for streams that are open.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::sleep;

use super::verification::CallerVerdict;
use super::verifier::Verifier;
use crate::revocation::InvalidationReason;
use crate::token::{Claims, OrgCode};

/// The time between two checks, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecheckInterval(NonZeroU32);

impl RecheckInterval {
    /// Returns the interval in seconds: at least one, and a fraction counts as one.
    pub(crate) fn new(interval: Duration) -> Self {
        let fraction = u64::from(interval.subsec_nanos() > 0);
        let seconds = interval.as_secs().saturating_add(fraction);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        Self(NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN))
    }

    fn duration(self) -> Duration {
        Duration::from_secs(self.0.get().into())
    }
}

/// Waits until the caller check does not allow the caller, or fails twice in a row.
pub(super) async fn until_not_allowed(
    verifier: Verifier,
    claims: Claims,
    acting: Option<OrgCode>,
    interval: RecheckInterval,
) -> InvalidationReason {
    let mut failed_before = false;
    loop {
        sleep(interval.duration()).await;
        let result = match verifier.check_caller(&claims, acting.as_ref()) {
            CallerVerdict::Known(result) => result,
            CallerVerdict::Pending(check) => check.await,
        };
        let Err(rejection) = result else {
            failed_before = false;
            continue;
        };
        if let Some(reason) = InvalidationReason::from_rejection(&rejection) {
            return reason;
        }
        if failed_before {
            return InvalidationReason::Unavailable;
        }
        failed_before = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_is_at_least_a_second() {
        for (interval, seconds) in [
            (Duration::ZERO, 1),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(1), 1),
            (Duration::from_millis(1_001), 2),
            (Duration::from_secs(60), 60),
            (Duration::MAX, u32::MAX),
        ] {
            let rounded = RecheckInterval::new(interval).duration();
            assert_eq!(rounded, Duration::from_secs(seconds.into()), "{interval:?}");
        }
    }
}
