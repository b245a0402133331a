//! What a request says about its organization: none, one, or something ambiguous.

use std::borrow::Cow;

use crate::middleware::policy::RequestedOrg;
use crate::token::OrgCode;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OrgLookup<'r> {
    Absent,
    Organization(Cow<'r, str>),
    Ambiguous,
}

impl<'r> OrgLookup<'r> {
    /// What is about to be compared, or acted for, must be one plain name wherever it stands in the request.
    pub(crate) fn code(code: impl Into<Cow<'r, str>>) -> Self {
        let code = code.into();
        if is_plain(&code) {
            Self::Organization(code)
        } else {
            Self::Ambiguous
        }
    }

    pub(crate) fn requested(&self) -> RequestedOrg<'_> {
        match self {
            Self::Absent => RequestedOrg::Absent,
            Self::Organization(code) => RequestedOrg::Organization(code),
            Self::Ambiguous => RequestedOrg::Ambiguous,
        }
    }

    /// The same, unless an outer layer let a global client act for another organization.
    pub(crate) fn require_match(self, acting: Option<&OrgCode>) -> Self {
        match (self, acting) {
            (Self::Organization(code), Some(acting)) if code != acting.as_str() => Self::Ambiguous,
            (found, _) => found,
        }
    }

    /// What two places say together: they must agree.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Absent, found) | (found, Self::Absent) => found,
            (Self::Organization(a), Self::Organization(b)) if a == b => Self::Organization(a),
            _ => Self::Ambiguous,
        }
    }
}

/// Neither empty nor something that another reader of the path would take for a step: dots, slashes.
fn is_plain(code: &str) -> bool {
    !matches!(code, "" | "." | "..") && !code.bytes().any(|byte| matches!(byte, b'/' | b'\\'))
}
