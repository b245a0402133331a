//! The organization that a request names: none, one, or an ambiguous one.

use std::borrow::Cow;

use crate::middleware::policy::RequestedOrg;
use crate::token::OrgCode;

/// The result of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OrgLookup<'r> {
    Absent,
    Organization(Cow<'r, str>),
    Ambiguous,
}

impl<'r> OrgLookup<'r> {
    /// Checks that the code is one plain name, wherever it was found, because it will be compared
    /// or acted for.
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

    /// Returns `Ambiguous` if an outer layer let a global client act for another organization.
    pub(crate) fn require_match(self, acting: Option<&OrgCode>) -> Self {
        match (self, acting) {
            (Self::Organization(code), Some(acting)) if code != acting.as_str() => Self::Ambiguous,
            (found, _) => found,
        }
    }

    /// Combines the results of two places, which must agree.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Absent, found) | (found, Self::Absent) => found,
            (Self::Organization(a), Self::Organization(b)) if a == b => Self::Organization(a),
            _ => Self::Ambiguous,
        }
    }
}

/// Returns `true` if the code is not empty and no other reader of the path takes it for a step
/// (dots, slashes).
fn is_plain(code: &str) -> bool {
    !matches!(code, "" | "." | "..") && !code.bytes().any(|byte| matches!(byte, b'/' | b'\\'))
}
