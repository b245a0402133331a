//! The reasons why a document is rejected.

use std::fmt;

/// The reason why a string is not an unambiguous JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonError {
    /// The document is not UTF-8 (RFC 8725 §3.7).
    NotUtf8,
    /// The document is not JSON, or other characters follow it.
    Syntax,
    /// The document is JSON, but not an object.
    NotAnObject,
    /// A member is a duplicate.
    DuplicateMember,
    /// The document is nested deeper than eight levels.
    TooDeep,
    /// The document has more values than the limit: 1,024, or
    /// [`max_claim_values`](crate::VerifierBuilder::max_claim_values).
    TooLarge,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::Syntax => "not well-formed JSON",
            Self::NotAnObject => "not a JSON object",
            Self::DuplicateMember => "ambiguous: it has a duplicate member",
            Self::TooDeep => "nested too deeply",
            Self::TooLarge => {
                "too large: it has too many values (max_claim_values sets the limit for claims)"
            }
        })
    }
}

impl std::error::Error for JsonError {}
