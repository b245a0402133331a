//! Why a document is rejected.

use std::fmt;

/// Why a text is not a JSON object that means one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonError {
    /// Not UTF-8 (RFC 8725 §3.7).
    NotUtf8,
    /// Not JSON, or something follows it.
    Syntax,
    /// JSON, but not an object.
    NotAnObject,
    /// A member appears twice.
    DuplicateMember,
    /// Nested deeper than eight levels.
    TooDeep,
    /// More than 1,024 values.
    TooLarge,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::Syntax => "not well-formed JSON",
            Self::NotAnObject => "not a JSON object",
            Self::DuplicateMember => "ambiguous: a member appears twice",
            Self::TooDeep => "nested too deeply",
            Self::TooLarge => "too large: it has too many values",
        })
    }
}

impl std::error::Error for JsonError {}
