//! Two caller checks as one.

use super::{Caller, CallerCheck, CallerStatus, CheckSetup};
use crate::util::BoxError;

/// Runs one check, and the other if the first finds the caller active.
#[derive(Clone, Debug)]
pub(super) struct BothChecks<A, B> {
    pub(super) first: A,
    pub(super) second: B,
}

impl<A: CallerCheck, B: CallerCheck> CallerCheck for BothChecks<A, B> {
    async fn check(&self, caller: Caller) -> Result<CallerStatus, BoxError> {
        match self.first.check(caller.clone()).await? {
            CallerStatus::Active => self.second.check(caller).await,
            status => Ok(status),
        }
    }

    fn prepare(&self, setup: &CheckSetup<'_>) -> Result<(), String> {
        self.first.prepare(setup)?;
        self.second.prepare(setup)
    }
}
