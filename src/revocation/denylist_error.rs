//! The reasons why an entry of a denylist is rejected.

use std::fmt;

/// The reason why an entry was not added. The caller must handle it, because the entry denies no
/// request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenylistError {
    /// No verifier that uses the list trusts this issuer, so the entry has no effect.
    UnknownIssuer,
    /// No accepted token can have this name, so the entry has no effect. The name is empty, or too
    /// long (512 bytes, or 128 for an organization), or it contains control characters (for an
    /// organization also white space).
    InvalidName,
    /// The list is full and no entry has expired. Active entries are never removed to make space.
    Full,
}

impl fmt::Display for DenylistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownIssuer => "no verifier that uses the denylist trusts this issuer: use the exact issuer URL (it is compared character for character)",
            Self::InvalidName => "no token can have this name: it is empty, too long, or contains characters that are not allowed",
            Self::Full => "the denylist is full and no entry has expired",
        })
    }
}

impl std::error::Error for DenylistError {}
