//! The record whether any token of an issuer had an organization.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::token::OrgCode;

/// The number of verified tokens without an organization that is reported.
const REPORT_AFTER: u32 = 10;
const SEEN: u32 = u32::MAX;

/// Counts the verified tokens of an issuer until one has an organization, or until the absence is
/// reported.
#[derive(Debug, Default)]
pub(crate) struct OrganizationsSeen(AtomicU32);

impl OrganizationsSeen {
    /// Counts one verified token. Returns the number of tokens if none had an organization and the
    /// report is due. It is due once.
    pub(crate) fn record(&self, organization: Option<&OrgCode>) -> Option<u32> {
        let next = |count: u32| match organization {
            _ if count >= REPORT_AFTER => None,
            Some(_) => Some(SEEN),
            None => Some(count + 1),
        };
        let earlier = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        earlier
            .ok()
            .and_then(next)
            .filter(|count| *count == REPORT_AFTER)
    }

    /// Continues with the count of the issuer's earlier configuration.
    pub(super) fn inherit_from(&self, earlier: &Self) {
        self.0
            .store(earlier.0.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}
