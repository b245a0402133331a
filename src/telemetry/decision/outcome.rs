//! The outcome of a decision about a request.

use crate::rejection::Rejection;

/// The outcome of a decision.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) enum DecisionOutcome<'d> {
    Admitted,
    Anonymous,
    Rejected(&'d Rejection),
}

impl DecisionOutcome<'_> {
    /// Returns why the request is rejected, as a sentence.
    #[cfg(feature = "tracing")]
    pub(super) fn error(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            Self::Admitted | Self::Anonymous => None,
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Anonymous => "anonymous",
            Self::Rejected(rejection) => rejection.code(),
        }
    }
}
