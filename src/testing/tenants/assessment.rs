//! The expected responses to an attempt, and what a response shows.

use std::fmt;

use super::probe::Tenant;
use crate::testing::assertions::TestResponse;

/// The responses to an [`Attempt`](super::Attempt) that a correct server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectedResult {
    /// The tenant requests its own data.
    Accepted,
    /// 401, 403 or 404.
    Rejected,
    /// Any 4xx status, because the path is unusual.
    RejectedAnyStatus,
    /// Any status, but the response contains no data of the other tenant.
    NoForeignData,
}

impl fmt::Display for ExpectedResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "2xx",
            Self::Rejected => "401, 403 or 404",
            Self::RejectedAnyStatus => "4xx",
            Self::NoForeignData => "no data of the other organization",
        })
    }
}

/// What a response shows about the isolation of two tenants.
/// [`Attempt::assess`](super::Attempt::assess) returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IsolationResult {
    /// The response is one that a correct server may send.
    Correct,
    /// The tenant did not reach its own data.
    OwnRequestRejected,
    /// The request should have been rejected with another status.
    NotRejected,
    /// The response contains data of the other tenant.
    Leaked,
    /// No request was sent, because the probe is not valid HTTP.
    NoRequest,
    /// No request was sent, because a response cannot show which tenant it belongs to.
    Indistinguishable,
}

impl IsolationResult {
    pub(super) fn new(expected: ExpectedResult, victim: &Tenant, answer: &TestResponse) -> Self {
        let status = answer.status();
        let let_in = status < 400;
        let shows = |text: &String| {
            !text.is_empty()
                && answer
                    .body()
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
        };
        let leaks = victim.markers.iter().any(shows) || (let_in && shows(&victim.code));
        match expected {
            ExpectedResult::Accepted if !let_in => Self::OwnRequestRejected,
            ExpectedResult::Rejected if !matches!(status, 401 | 403 | 404) => Self::NotRejected,
            ExpectedResult::RejectedAnyStatus if !(400..500).contains(&status) => Self::NotRejected,
            _ if leaks => Self::Leaked,
            _ => Self::Correct,
        }
    }
}

impl fmt::Display for IsolationResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Correct => "ok",
            Self::OwnRequestRejected => "REJECTED ITS OWN, so the other rows prove nothing",
            Self::NotRejected => "NOT REJECTED",
            Self::Leaked => "SHOWS THE OTHER TENANT",
            Self::Indistinguishable => {
                "NOTHING TELLS THE TENANTS APART: a code or marker of one occurs in those of the other"
            }
            Self::NoRequest => "NO REQUEST: the template or the credentials cannot be sent",
        })
    }
}
