//! What a request says about its organization: none, one, or something ambiguous.

use crate::middleware::policy::Target;
use crate::token::OrgCode;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Organization(String),
    Unclear,
}

impl Found {
    /// What is about to be compared, or acted for, must be one plain name wherever it stands in the request.
    pub(super) fn code(code: &str) -> Self {
        if is_plain(code) {
            Self::Organization(code.to_owned())
        } else {
            Self::Unclear
        }
    }

    pub(crate) fn target(&self) -> Target<'_> {
        match self {
            Self::Nothing => Target::None,
            Self::Organization(code) => Target::Organization(code),
            Self::Unclear => Target::Unclear,
        }
    }

    /// The same, unless an outer layer let a global client act for another organization.
    pub(crate) fn agreeing_with(self, acting: Option<&OrgCode>) -> Self {
        match (self, acting) {
            (Self::Organization(code), Some(acting)) if code != acting.as_str() => Self::Unclear,
            (found, _) => found,
        }
    }

    /// What two places say together: they must agree.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, found) | (found, Self::Nothing) => found,
            (Self::Organization(a), Self::Organization(b)) if a == b => Self::Organization(a),
            _ => Self::Unclear,
        }
    }
}

/// Neither empty nor something that another reader of the path would take for a step: dots, slashes.
fn is_plain(code: &str) -> bool {
    !matches!(code, "" | "." | "..") && !code.contains(['/', '\\'])
}
