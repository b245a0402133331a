//! The reasons why a record of a store cannot be used.

use std::fmt;

/// The reason why a record or a key of a store cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordError {
    /// It is longer than 1 KiB.
    TooLong,
    /// It is not JSON in the form of a record or a key.
    Malformed,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the record is longer than 1 KiB: use shorter names",
            Self::Malformed => "the record is not JSON in the form of a denylist entry",
        })
    }
}

impl std::error::Error for RecordError {}
